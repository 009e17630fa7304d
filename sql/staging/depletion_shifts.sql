-- By how much plants that use little or much water may deplete the soil further, or less, than the table says.
--
-- Grain: vegetation and local day, up to p_etc_days - 1 after the newest day with weather
-- As of: readings up to as_of; days of the window only
-- Reads: crop_coefficients, reference_et0, limits
-- Feeds: root_zone_layers
-- Kept as: table
--
-- FAO-56 table 22, note 2: p = p of the table + 0.04 (5 - ETc). ETc is the mean of the last p_etc_days, of which
-- p_etc_least must be known, so that one cloudy day moves no line. Without weather there is no row, and p is that of
-- the table.
with shifts as (
    select cast(unnest(generate_series(0, cast(p_etc_days as bigint) - 1)) as integer) as days,
    from limits
),

recent_days as (
    select
        reference_et0.et0_mm,
        reference_et0.date + shifts.days as date,
    from reference_et0
    cross join shifts
),

demands as (
    select
        recent_days.date,
        avg(recent_days.et0_mm order by recent_days.et0_mm) as et0_mm,
    from recent_days
    cross join limits
    group by recent_days.date
    having count(*) >= max(limits.p_etc_least)
)

select
    crop_coefficients.vegetation,
    demands.date,
    round(crop_coefficients.crop_coefficient * demands.et0_mm, 9) as recent_etc_mm,
    round(
        limits.p_per_etc_mm * (limits.p_at_etc_mm - crop_coefficients.crop_coefficient * demands.et0_mm), 9
    ) as depletion_shift,
from demands
cross join crop_coefficients
cross join limits
