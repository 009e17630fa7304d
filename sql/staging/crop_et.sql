-- The water that a plot's plants use on a local day when they have enough of it.
--
-- Grain: plot and day
-- As of: readings up to as_of; days of the window only
-- Reads: staged_plots, crop_coefficients, reference_et0
-- Feeds: watering_checks
--
-- FAO-56 equation 58: ETc = Kc ET0. Without weather there is no row.
select
    staged_plots.plot_id,
    reference_et0.date,
    crop_coefficients.crop_coefficient * reference_et0.et0_mm as etc_mm,
from staged_plots
inner join crop_coefficients on staged_plots.vegetation = crop_coefficients.vegetation
cross join reference_et0
