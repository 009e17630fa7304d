-- The observed time between reports of water of a device whose register row does not state it.
--
-- Grain: device
-- As of: readings up to as_of
-- Reads: staged_soil_readings
-- Feeds: readings_daily, sensor_states
-- Kept as: carried table
--
-- Counted element by element: channels that report one after the other, or a temperature that follows seconds later,
-- are no shorter interval. It is the step within which the device spends half of its time, so that a burst of readings
-- while water comes does not make hours of calm look like silence. A longer silence counts as one day, however long.
with instants as (
    select distinct
        device_id,
        channel,
        depth_cm,
        measured_at,
    from staged_soil_readings
    where
        report_interval_s is null
        and (volumetric_water_content is not null or matric_potential_kpa is not null)
),

steps as (
    select
        device_id,
        cast(
            round(
                epoch(measured_at)
                - epoch(lag(measured_at) over (partition by device_id, channel, depth_cm order by measured_at))
            ) as bigint
        ) as step_s,
    from instants
),

lengths as (
    select
        device_id,
        step_s,
        sum(least(step_s, 86400)) as spent_s,
    from steps
    where step_s > 0
    group by device_id, step_s
),

sums as (
    select
        device_id,
        step_s,
        sum(spent_s) over (partition by device_id order by step_s rows unbounded preceding) as spent_so_far_s,
        sum(spent_s) over (partition by device_id) as spent_in_all_s,
    from lengths
)

select
    device_id,
    cast(min(step_s) as double) as interval_s,
from sums
where 2 * spent_so_far_s >= spent_in_all_s
group by device_id
