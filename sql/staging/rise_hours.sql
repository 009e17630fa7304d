-- The hours in which the water content of a sensing element rose as it does when water comes.
--
-- Grain: plot, device, channel, depth and hour
-- As of: readings up to as_of; all of the window
-- Reads: readings_daily, readings_hourly, limits
-- Feeds: wetting_events, wettings
-- Kept as: table
--
-- A rise counts in an hour that is wetting_rise above the driest hour of the wetting_hours before it, that still brings
-- wetting_step_share of that, and when the next hour keeps at least half of it: a lone spike is no watering. Only days
-- around one whose hours span that rise are looked at by the hour: most days of a dry spell have none.
with spans as (
    select
        readings_daily.plot_id,
        readings_daily.device_id,
        readings_daily.channel,
        readings_daily.depth_cm,
        readings_daily.date,
        readings_daily.driest_hour_water_content as driest,
        readings_daily.wettest_hour_water_content as wettest,
        lag(readings_daily.driest_hour_water_content) over by_day as driest_before,
        lead(readings_daily.date) over by_day as next_date,
        lag(readings_daily.date) over by_day as last_date,
    from readings_daily
    where readings_daily.plot_id is not null and readings_daily.volumetric_water_content is not null
    window by_day as (
        partition by readings_daily.plot_id, readings_daily.device_id, readings_daily.channel, readings_daily.depth_cm
        order by readings_daily.date
    )
),

wet_days as (
    select
        spans.plot_id,
        spans.device_id,
        spans.channel,
        spans.depth_cm,
        spans.date,
        spans.next_date,
        spans.last_date,
    from spans
    cross join limits
    where
        round(spans.wettest - least(spans.driest, coalesce(spans.driest_before, spans.driest)) - limits.wetting_rise, 9)
        >= 0
),

days_to_read as (
    select
        plot_id,
        device_id,
        channel,
        depth_cm,
        date,
    from wet_days
    union distinct
    select
        plot_id,
        device_id,
        channel,
        depth_cm,
        next_date as date,
    from wet_days
    where next_date is not null
    union distinct
    select
        plot_id,
        device_id,
        channel,
        depth_cm,
        last_date as date,
    from wet_days
    where last_date is not null
),

hours as (
    select
        readings_hourly.plot_id,
        readings_hourly.device_id,
        readings_hourly.channel,
        readings_hourly.depth_cm,
        readings_hourly.hour_at,
        readings_hourly.volumetric_water_content,
        limits.wetting_hours,
    from readings_hourly
    cross join limits
    inner join days_to_read
        on
            readings_hourly.plot_id = days_to_read.plot_id
            and readings_hourly.device_id = days_to_read.device_id
            and readings_hourly.channel = days_to_read.channel
            and readings_hourly.depth_cm is not distinct from days_to_read.depth_cm
            and readings_hourly.date = days_to_read.date
    where readings_hourly.volumetric_water_content is not null
),

rises as (
    select
        hours.*,
        hours.volumetric_water_content
        - min(hours.volumetric_water_content) over (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm
            order by hours.hour_at
            range between interval (hours.wetting_hours) hour preceding and current row
        ) as rise,
        lead(hours.volumetric_water_content) over by_hour - hours.volumetric_water_content as next_step,
        hours.volumetric_water_content - lag(hours.volumetric_water_content) over by_hour as step,
    from hours
    window by_hour as (
        partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm order by hours.hour_at
    )
)

select
    rises.plot_id,
    rises.device_id,
    rises.channel,
    rises.depth_cm,
    rises.hour_at,
    rises.rise,
from rises
cross join limits
where
    round(rises.rise - limits.wetting_rise, 9) >= 0
    and coalesce(rises.next_step, 0) >= -limits.wetting_kept_share * rises.rise
    and rises.step >= limits.wetting_step_share * rises.rise
