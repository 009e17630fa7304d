-- The daily mean of the hourly medians of a sensing element.
--
-- Grain: plot, device, channel, depth and local day
-- As of: readings up to as_of
-- Reads: readings_hourly, device_cadences, limits
-- Feeds: depth_readings, frost_days, drought_evidence, drought_findings, campaign_rule_days, plot_days, plateaus,
--     rise_hours, wetting_signs
-- Kept as: carried table
--
-- Means are rounded far below any resolution, here and wherever numbers are added up: threads add in any order, and the
-- last bits must not decide how a verdict is rounded (the same instant gives the same answer).
--
-- Complete means: the day is over, and at least daily_completeness of the readings that the report interval promises
-- were usable; for water content and for potential each by itself. Half of today is no day.
with days as (
    select
        element_id,
        plot_id,
        device_id,
        channel,
        depth_cm,
        date,
        round(avg(volumetric_water_content), 9) as volumetric_water_content,
        min(volumetric_water_content) as driest_hour_water_content,
        max(volumetric_water_content) as wettest_hour_water_content,
        round(avg(matric_potential_kpa), 9) as matric_potential_kpa,
        min(matric_potential_kpa) as driest_hour_potential_kpa,
        round(avg(soil_temperature_c), 9) as soil_temperature_c,
        round(avg(bulk_ec_ds_m), 9) as bulk_ec_ds_m,
        sum(usable_readings) as usable_readings,
        sum(usable_potentials) as usable_potentials,
        sum(frozen_readings) as frozen_readings,
        sum(readings) as readings,
        max(last_usable_at) as last_usable_at,
        max(last_potential_at) as last_potential_at,
        max(report_interval_s) as report_interval_s,
    from readings_hourly
    where date > coalesce(getvariable('continued_from'), date '0001-01-01')
    group by element_id, plot_id, device_id, channel, depth_cm, date
),

paced as (
    select
        days.*,
        coalesce(days.report_interval_s, device_cadences.interval_s, limits.default_interval_s) as interval_s,
        coalesce(days.report_interval_s, device_cadences.step_s, limits.default_interval_s) as step_s,
        days.date < coalesce(getvariable('today'), date '9999-12-31') as is_finished,
        limits.daily_completeness,
    from days
    cross join limits
    left join device_cadences on days.device_id = device_cadences.device_id
)

select
    paced.element_id,
    paced.plot_id,
    paced.device_id,
    paced.channel,
    paced.depth_cm,
    paced.date,
    paced.volumetric_water_content,
    paced.driest_hour_water_content,
    paced.wettest_hour_water_content,
    paced.matric_potential_kpa,
    paced.driest_hour_potential_kpa,
    paced.soil_temperature_c,
    paced.bulk_ec_ds_m,
    paced.usable_readings,
    paced.usable_potentials,
    paced.frozen_readings,
    paced.readings,
    paced.interval_s,
    86400 / paced.step_s as expected_readings,
    paced.is_finished
    and paced.usable_readings >= paced.daily_completeness * 86400 / paced.step_s as is_complete,
    paced.is_finished
    and paced.usable_potentials >= paced.daily_completeness * 86400 / paced.step_s as is_potential_complete,
    paced.last_usable_at,
    paced.last_potential_at,
from paced
