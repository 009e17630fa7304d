-- The observed time between reports of a device whose register row does not state it: the median.
--
-- Grain: device
-- As of: readings up to as_of
-- Reads: staged_soil_readings
-- Feeds: readings_daily, sensor_states
-- Kept as: carried table
with instants as (
    select distinct
        device_id,
        measured_at,
    from staged_soil_readings
    where report_interval_s is null
),

steps as (
    select
        device_id,
        epoch(measured_at) - epoch(lag(measured_at) over (partition by device_id order by measured_at)) as step_s,
    from instants
)

select
    device_id,
    percentile_cont(0.5) within group (order by step_s) as interval_s,
from steps
where step_s > 0
group by device_id
