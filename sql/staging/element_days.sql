-- What a sensing element said on a local day, before any gate: its extremes, and how much of each kind.
--
-- Grain: plot, device, channel, depth and local day
-- As of: readings up to as_of
-- Reads: staged_soil_readings, elements, limits
-- Feeds: stream_days, element_spans, unsteady_devices
-- Kept as: carried table
--
-- A reading in quarantine says nothing here. A day follows from its own readings alone. Paced means: the register says
-- how often the device reports.
with days as (
    select
        staged_soil_readings.element_id,
        staged_soil_readings.date,
        max(staged_soil_readings.field_capacity) as field_capacity,
        max(staged_soil_readings.battery_low_v) as battery_low_v,
        max(staged_soil_readings.bound_at) as bound_at,
        min(staged_soil_readings.measured_at) as first_at,
        max(staged_soil_readings.measured_at) as last_at,
        count(staged_soil_readings.volumetric_water_content) as water_contents,
        count(staged_soil_readings.matric_potential_kpa) as potentials,
        min(staged_soil_readings.volumetric_water_content) as water_content_min,
        max(staged_soil_readings.volumetric_water_content) as water_content_max,
        min(staged_soil_readings.soil_temperature_c) as soil_temperature_min_c,
        max(staged_soil_readings.soil_temperature_c) as soil_temperature_max_c,
        count(staged_soil_readings.soil_temperature_c) as temperature_readings,
        count(case when staged_soil_readings.soil_temperature_c <= limits.thawing_below_c then 1 end)
            as cold_readings,
        min(staged_soil_readings.bulk_ec_ds_m) as bulk_ec_min_ds_m,
        max(staged_soil_readings.bulk_ec_ds_m) as bulk_ec_max_ds_m,
        min(
            case
                when
                    staged_soil_readings.volumetric_water_content > limits.in_air_water_content
                    or staged_soil_readings.bulk_ec_ds_m > limits.in_air_ec_ds_m
                    then staged_soil_readings.measured_at
            end
        ) as first_in_soil_at,
        bool_and(staged_soil_readings.report_interval_s is not null) as is_paced,
    from staged_soil_readings
    cross join limits
    where staged_soil_readings.quarantine is null
    group by staged_soil_readings.element_id, staged_soil_readings.date
)

select
    elements.device_id,
    elements.channel,
    elements.depth_cm,
    elements.plot_id,
    elements.stream_id,
    days.*,
from days
inner join elements on days.element_id = elements.element_id
