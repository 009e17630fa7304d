-- How much rain has fallen since the window began, hour by hour, and in how many hours somebody measured it.
--
-- Grain: hour of the window
-- As of: readings up to as_of
-- Reads: staged_weather_readings, limits
-- Feeds: wetting_events, watering_checks
-- Kept as: table
--
-- Rain fell since the station's report before: it is spread over the hours since then, as far back as that station
-- reports on that day (the median of its gaps, at most stale_hours): who is read at 8 and 20 o'clock measures every
-- hour, and after an outage nobody knows of the hours before the last. A gauge that told of no dry hour in the window
-- speaks only when it rains: its rain fell in the hour in which it was told. Of several stations the one with the most
-- rain in an hour counts: a shower that one of them saw may have fallen on a plot. Rain between two hours is the
-- difference of their rows.
with station_hours as (
    select
        device_id,
        floor((epoch(measured_at) + coalesce(getvariable('hour_offset_s'), 0)) / 3600) as hour,
        min(date) as date,
        sum(rain_depth_mm) as rain_mm,
    from staged_weather_readings
    where rain_depth_mm is not null
    group by device_id, floor((epoch(measured_at) + coalesce(getvariable('hour_offset_s'), 0)) / 3600)
),

gaps as (
    select
        station_hours.*,
        station_hours.hour - lag(station_hours.hour) over (
            partition by station_hours.device_id order by station_hours.hour
        ) as gap_hours,
        bool_or(station_hours.rain_mm = 0) over (partition by station_hours.device_id) as tells_dry_hours,
    from station_hours
),

usual_gaps as (
    select
        gaps.device_id,
        gaps.date,
        least(coalesce(percentile_disc(0.5) within group (order by gaps.gap_hours), 1), max(limits.stale_hours))
            as gap_hours,
    from gaps
    cross join limits
    where gaps.tells_dry_hours
    group by gaps.device_id, gaps.date
),

reports as (
    select
        gaps.hour,
        gaps.rain_mm,
        cast(least(gaps.gap_hours, coalesce(usual_gaps.gap_hours, 1)) as bigint) as hours,
    from gaps
    left join usual_gaps on gaps.device_id = usual_gaps.device_id and gaps.date = usual_gaps.date
),

reported_hours as (
    select
        hour - unnest(generate_series(0, hours - 1)) as hour,
        rain_mm / hours as rain_mm,
    from reports
),

measured_hours as (
    select
        to_timestamp(hour * 3600 - coalesce(getvariable('hour_offset_s'), 0)) as hour_at,
        max(rain_mm) as rain_mm,
    from reported_hours
    group by hour
),

hours as (
    select
        to_timestamp(
            unnest(
                generate_series(
                    cast(floor(epoch(cast(getvariable('window_from') as timestamp)) / 3600) * 3600 as bigint) - 172800,
                    cast(ceil(epoch(cast(getvariable('window_to') as timestamp)) / 3600) * 3600 as bigint) + 172800,
                    3600
                )
            ) - coalesce(getvariable('hour_offset_s'), 0)
        ) as hour_at,
)

select
    hours.hour_at,
    round(
        sum(coalesce(measured_hours.rain_mm, 0)) over (
            order by hours.hour_at rows between unbounded preceding and current row
        ), 9
    ) as rain_so_far_mm,
    sum(case when measured_hours.hour_at is not null then 1 else 0 end) over (
        order by hours.hour_at rows between unbounded preceding and current row
    ) as measured_so_far,
from hours
left join measured_hours on hours.hour_at = measured_hours.hour_at
