-- What the readings of a device say of its health, apart for the days that are closed and for the newest.
--
-- Grain: device and whether the days are closed
-- As of: readings up to as_of, of the window
-- Reads: readings
-- Feeds: device_readings
-- Kept as: carried table
--
-- Closed means: up to closed_until. frozen_share is the largest share of frozen readings that an element had in the
-- 24 h before the device's newest reading; it stands beside that reading, and nowhere else.
with soil_of_devices as (
    select
        readings.device_id,
        readings.date <= coalesce(getvariable('closed_until'), date '0001-01-01') as is_closed,
        max(case when not readings.is_quarantined then readings.measured_at end) as last_reading_at,
        max(case when readings.is_evidence or readings.is_potential_usable then readings.measured_at end)
            as last_usable_at,
        min(case when readings.is_evidence or readings.is_potential_usable then readings.measured_at end)
            as first_usable_at,
        max(case when readings.is_d01_frozen and not readings.is_quarantined then readings.measured_at end)
            as last_frozen_at,
        max(case when readings.is_a1_in_air then readings.measured_at end) as last_in_air_at,
        min(case when readings.is_a1_in_air then readings.measured_at end) as first_in_air_at,
        max(case when readings.is_s2_stuck then readings.measured_at end) as last_stuck_at,
        max(case when readings.is_d09_low_plateau then readings.measured_at end) as last_low_plateau_at,
        max(case when readings.is_b1_battery then readings.measured_at end) as last_battery_at,
        max(readings.measured_at) as last_any_at,
        max_by(
            readings.volumetric_water_content,
            case
                when readings.volumetric_water_content is not null
                    then epoch(readings.measured_at) - 1e-4 * coalesce(readings.depth_cm, 0) - 1e-5 * readings.channel
            end
        ) as newest_water_content,
        max(
            case
                when readings.volumetric_water_content is not null
                    then epoch(readings.measured_at) - 1e-4 * coalesce(readings.depth_cm, 0) - 1e-5 * readings.channel
            end
        ) as newest_water_rank,
        count(*) as readings,
        count(case when readings.is_quarantined then 1 end) as quarantined_readings,
        count(case when readings.is_evidence then 1 end) as usable_readings,
        count(case when readings.is_potential_usable then 1 end) as usable_potentials,
        count(readings.volumetric_water_content) + count(readings.matric_potential_kpa) as water_readings,
        count(
            case
                when (readings.is_evidence or readings.is_potential_usable) and readings.depth_cm >= 0 then 1
            end
        ) as usable_with_depth,
    from readings
    group by readings.device_id, readings.date <= coalesce(getvariable('closed_until'), date '0001-01-01')
),

newest_readings as (
    select
        device_id,
        max(last_reading_at) as last_reading_at,
        bool_or(last_frozen_at is not null) as has_frost,
    from soil_of_devices
    group by device_id
),

last_days_of_elements as (
    select
        readings.device_id,
        readings.channel,
        readings.depth_cm,
        count(case when readings.is_d01_frozen then 1 end) / count(*) as frozen_share,
    from readings
    inner join newest_readings on readings.device_id = newest_readings.device_id
    where
        newest_readings.has_frost
        and not readings.is_quarantined
        and epoch(newest_readings.last_reading_at) - epoch(readings.measured_at) < 86400
    group by readings.device_id, readings.channel, readings.depth_cm
),

frost_of_devices as (
    select
        device_id,
        max(frozen_share) as frozen_share,
    from last_days_of_elements
    group by device_id
)

select
    soil_of_devices.*,
    case when newest_readings.device_id is not null then coalesce(frost_of_devices.frozen_share, 0) end as frozen_share,
from soil_of_devices
left join newest_readings
    on
        soil_of_devices.device_id = newest_readings.device_id
        and soil_of_devices.last_reading_at = newest_readings.last_reading_at
left join frost_of_devices on newest_readings.device_id = frost_of_devices.device_id
