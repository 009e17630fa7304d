-- How many readings of a device in a plot came on a local day, and on how many of them each gate spoke.
--
-- Grain: device, plot and local day
-- As of: readings up to as_of; all days where no window is set
-- Reads: readings
-- Feeds: questions
--
-- A reading on which several gates speak counts for each. frozen_c is the lowest soil temperature among those that
-- count as frozen. Gates are those of docs/glossary.md.
select
    device_id,
    plot_id,
    date,
    count(*) as readings,
    count(case when is_usable or is_potential_usable then 1 end) as usable,
    count(case when is_c01_negative or is_z0_zero then 1 end) as zero_or_negative,
    count(case when is_c02_too_high or is_c03_above_saturation then 1 end) as too_high,
    count(case when matric_potential_kpa > 0 then 1 end) as potential_above_zero,
    count(case when is_d01_frozen then 1 end) as frozen,
    count(case when is_d06_spike then 1 end) as spikes,
    count(case when is_d07_drop or is_s1_fall then 1 end) as drops,
    count(case when is_d09_low_plateau then 1 end) as on_low_plateau,
    count(case when is_d10_high_plateau then 1 end) as on_saturated_plateau,
    count(case when is_a1_in_air then 1 end) as in_air,
    count(case when is_s2_stuck then 1 end) as stuck,
    count(case when is_b1_battery then 1 end) as low_battery,
    count(case when is_quarantined then 1 end) as quarantined,
    min(case when is_d01_frozen then soil_temperature_c end) as frozen_c,
from readings
group by device_id, plot_id, date
