-- The newest rise of water content in a plot, by watering or rain.
--
-- Grain: plot
-- As of: readings of the just_watered_hours before as_of
-- Reads: readings_hourly, limits
-- Feeds: drought_findings
-- Kept as: table
--
-- A rise counts in an hour that still brings a part of it, and when the next hour keeps at least half of it: a lone
-- spike is no watering.
with hours as (
    select
        readings_hourly.plot_id,
        readings_hourly.device_id,
        readings_hourly.channel,
        readings_hourly.depth_cm,
        readings_hourly.hour_at,
        readings_hourly.volumetric_water_content,
    from readings_hourly
    where
        readings_hourly.date >= cast(getvariable('window_to') as date) - 3
        and readings_hourly.plot_id is not null
        and readings_hourly.volumetric_water_content is not null
),

rises as (
    select
        hours.plot_id,
        hours.hour_at,
        hours.volumetric_water_content
        - min(hours.volumetric_water_content) over (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm
            order by hours.hour_at range between interval 6 hours preceding and current row
        ) as rise,
        lead(hours.volumetric_water_content) over (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm order by hours.hour_at
        ) - hours.volumetric_water_content as next_step,
        hours.volumetric_water_content - lag(hours.volumetric_water_content) over (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm order by hours.hour_at
        ) as step,
    from hours
)

select
    rises.plot_id,
    max(rises.hour_at) as wetted_at,
    max(rises.rise) as rise,
from rises
cross join limits
where
    round(rises.rise - limits.wetting_rise, 9) >= 0
    and coalesce(rises.next_step, 0) >= -limits.wetting_kept_share * rises.rise
    and rises.step >= limits.wetting_step_share * rises.rise
    and epoch(cast(getvariable('as_of') as timestamptz)) - epoch(rises.hour_at) < limits.just_watered_hours * 3600
group by rises.plot_id
