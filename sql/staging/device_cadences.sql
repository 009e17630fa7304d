-- The observed times between reports of water of a device whose register row does not state it.
--
-- Grain: device
-- As of: readings up to as_of
-- Reads: staged_soil_readings
-- Feeds: readings_daily, sensor_states
-- Kept as: carried table
--
-- Counted element by element: channels that report one after the other, or a temperature that follows seconds later,
-- are no shorter interval. Both times are those of a usual day: the median of the days on which the device was heard.
-- So a silence is one day, that which ends it, and so is a burst of readings while water comes. step_s is the mean step
-- from report to report: a day has so many readings. interval_s weighs each step by its length, as who waits for the
-- next report meets it: of a device that sends ten readings within minutes each day it is a day. A day with a first
-- report alone tells of no step and counts as zero: of two reports, a silence apart, nobody knows the interval
-- (default_interval_s).
with instants as (
    select distinct
        device_id,
        channel,
        depth_cm,
        date,
        measured_at,
    from staged_soil_readings
    where
        report_interval_s is null
        and (volumetric_water_content is not null or matric_potential_kpa is not null)
),

steps as (
    select
        device_id,
        date,
        cast(
            round(
                epoch(measured_at)
                - epoch(lag(measured_at) over (partition by device_id, channel, depth_cm order by measured_at))
            ) as bigint
        ) as step_s,
    from instants
),

days as (
    select
        device_id,
        date,
        coalesce(avg(step_s), 0) as step_s,
        coalesce(sum(step_s * step_s) / nullif(sum(step_s), 0), 0) as interval_s,
    from steps
    group by device_id, date
)

select
    device_id,
    nullif(percentile_disc(0.5) within group (order by step_s), 0) as step_s,
    nullif(percentile_disc(0.5) within group (order by interval_s), 0) as interval_s,
from days
group by device_id
