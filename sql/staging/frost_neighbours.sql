-- Readings near zero that lie within thawing_hours of a reading in frozen soil of the same element.
--
-- Grain: stream (device, channel and depth) and instant
-- As of: readings up to as_of
-- Reads: staged_soil_readings, limits
-- Feeds: readings
-- Kept as: passing table
--
-- A reading in quarantine is no frost: its clock, its device or its unit is in doubt.
with frosty_elements as (
    select distinct
        staged_soil_readings.device_id,
        staged_soil_readings.channel,
    from staged_soil_readings
    cross join limits
    where staged_soil_readings.soil_temperature_c < limits.frozen_below_c and staged_soil_readings.quarantine is null
),

cold_readings as (
    select
        staged_soil_readings.stream_id,
        staged_soil_readings.measured_at,
        staged_soil_readings.soil_temperature_c,
        case
            when
                staged_soil_readings.soil_temperature_c < limits.frozen_below_c
                and staged_soil_readings.quarantine is null
                then staged_soil_readings.measured_at
        end as frozen_at,
        limits.frozen_below_c,
        limits.thawing_hours,
    from staged_soil_readings
    inner join frosty_elements
        on
            staged_soil_readings.device_id = frosty_elements.device_id
            and staged_soil_readings.channel = frosty_elements.channel
    cross join limits
    where staged_soil_readings.soil_temperature_c <= limits.thawing_below_c
),

neighbours as (
    select
        cold_readings.*,
        max(cold_readings.frozen_at) over (
            partition by cold_readings.stream_id
            order by cold_readings.measured_at rows between unbounded preceding and current row
        ) as frozen_before_at,
        min(cold_readings.frozen_at) over (
            partition by cold_readings.stream_id
            order by cold_readings.measured_at rows between current row and unbounded following
        ) as frozen_after_at,
    from cold_readings
)

select
    stream_id,
    measured_at,
from neighbours
where
    soil_temperature_c >= frozen_below_c
    and (
        epoch(measured_at) - epoch(frozen_before_at) <= thawing_hours * 3600
        or epoch(frozen_after_at) - epoch(measured_at) <= thawing_hours * 3600
    )
