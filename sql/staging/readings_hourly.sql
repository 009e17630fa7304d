-- The hourly median of what counts of a sensing element's readings.
--
-- Grain: plot, device, channel, depth and hour
-- As of: readings up to as_of
-- Reads: readings, shared_hours, elements
-- Feeds: readings_daily, closing_hours, depth_readings, rise_hours, plateaus, unsteady_devices
-- Kept as: table
--
-- Water content and potential are counted apart: one good reading of the one does not vouch for the other. Usable means
-- evidence here: hours on a saturated plateau (D10) are in, because they say how wet the soil is at least. A reading
-- that is alone in its hour is its median.
with hours as (
    select
        readings.element_id,
        readings.date,
        readings.hour,
        case when readings.is_evidence then readings.volumetric_water_content end as volumetric_water_content,
        case when readings.is_potential_usable then readings.matric_potential_kpa end as matric_potential_kpa,
        case when not readings.is_quarantined then round(readings.soil_temperature_c, 9) end as soil_temperature_c,
        case when readings.is_evidence then round(readings.bulk_ec_ds_m, 9) end as bulk_ec_ds_m,
        case when readings.is_evidence then 1 else 0 end as usable_readings,
        case when readings.is_potential_usable then 1 else 0 end as usable_potentials,
        case when readings.is_d01_frozen then 1 else 0 end as frozen_readings,
        1 as readings,
        case when readings.is_evidence then readings.measured_at end as last_usable_at,
        case when readings.is_potential_usable then readings.measured_at end as last_potential_at,
        readings.report_interval_s,
    from readings
    left join shared_hours on readings.element_id = shared_hours.element_id and readings.hour = shared_hours.hour
    where shared_hours.element_id is null
    union all
    select
        readings.element_id,
        readings.date,
        readings.hour,
        percentile_cont(0.5) within group (
            order by case when readings.is_evidence then readings.volumetric_water_content end
        ) as volumetric_water_content,
        percentile_cont(0.5) within group (
            order by case when readings.is_potential_usable then readings.matric_potential_kpa end
        ) as matric_potential_kpa,
        round(avg(case when not readings.is_quarantined then readings.soil_temperature_c end), 9)
            as soil_temperature_c,
        round(avg(case when readings.is_evidence then readings.bulk_ec_ds_m end), 9) as bulk_ec_ds_m,
        count(case when readings.is_evidence then 1 end) as usable_readings,
        count(case when readings.is_potential_usable then 1 end) as usable_potentials,
        count(case when readings.is_d01_frozen then 1 end) as frozen_readings,
        count(*) as readings,
        max(case when readings.is_evidence then readings.measured_at end) as last_usable_at,
        max(case when readings.is_potential_usable then readings.measured_at end) as last_potential_at,
        max(readings.report_interval_s) as report_interval_s,
    from readings
    inner join shared_hours on readings.element_id = shared_hours.element_id and readings.hour = shared_hours.hour
    group by readings.element_id, readings.date, readings.hour
)

select
    hours.element_id,
    elements.plot_id,
    elements.device_id,
    elements.channel,
    elements.depth_cm,
    hours.date,
    to_timestamp(cast(hours.hour as bigint) * 3600 - coalesce(getvariable('hour_offset_s'), 0)) as hour_at,
    hours.volumetric_water_content,
    hours.matric_potential_kpa,
    hours.soil_temperature_c,
    hours.bulk_ec_ds_m,
    cast(hours.usable_readings as bigint) as usable_readings,
    cast(hours.usable_potentials as bigint) as usable_potentials,
    cast(hours.frozen_readings as bigint) as frozen_readings,
    cast(hours.readings as bigint) as readings,
    hours.last_usable_at,
    hours.last_potential_at,
    hours.report_interval_s,
from hours
inner join elements on hours.element_id = elements.element_id
