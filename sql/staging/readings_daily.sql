-- The daily mean of the hourly medians of a sensing element.
--
-- Grain: plot, device, channel, depth and local day
-- As of: readings up to as_of
-- Reads: readings_hourly, device_cadences, limits
-- Feeds: root_zone_layers, potential_daily, frost_days, drought_evidence
-- Kept as: table
--
-- Means are rounded far below any resolution, here and wherever numbers are added up: threads add in any order, and the
-- last bits must not decide how a verdict is rounded (the same instant gives the same answer).
--
-- Complete means: at least daily_completeness of the readings that the report interval promises were usable.
with days as (
    select
        plot_id,
        device_id,
        channel,
        depth_cm,
        date,
        round(avg(volumetric_water_content), 9) as volumetric_water_content,
        round(avg(matric_potential_kpa), 9) as matric_potential_kpa,
        round(avg(soil_temperature_c), 9) as soil_temperature_c,
        sum(usable_readings) as usable_readings,
        sum(frozen_readings) as frozen_readings,
        sum(readings) as readings,
        max(last_usable_at) as last_usable_at,
        max(report_interval_s) as report_interval_s,
    from readings_hourly
    group by plot_id, device_id, channel, depth_cm, date
)

select
    days.plot_id,
    days.device_id,
    days.channel,
    days.depth_cm,
    days.date,
    days.volumetric_water_content,
    days.matric_potential_kpa,
    days.soil_temperature_c,
    days.usable_readings,
    days.frozen_readings,
    days.readings,
    86400 / coalesce(days.report_interval_s, device_cadences.interval_s, limits.default_interval_s)
        as expected_readings,
    days.usable_readings
    >= limits.daily_completeness
    * 86400
    / coalesce(days.report_interval_s, device_cadences.interval_s, limits.default_interval_s) as is_complete,
    days.last_usable_at,
from days
cross join limits
left join device_cadences on days.device_id = device_cadences.device_id
