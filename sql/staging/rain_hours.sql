-- How much rain has fallen since the window began, hour by hour, and in how many hours somebody measured it.
--
-- Grain: hour of the window
-- As of: readings up to as_of
-- Reads: staged_weather_readings, limits
-- Feeds: wetting_signs, watering_checks
-- Kept as: table
--
-- Rain fell since the station's report before: it is spread over the hours since then, as far back as that station
-- reports on that day (the median of its gaps) or usually (the longest of its usual gaps that is no longer; at most
-- stale_hours): who is read at 8, 14 and 20 o'clock measures every hour, and after an outage nobody knows of the hours
-- before the last. A gap is usual that makes up gauge_usual_share of the time that the gauge told to be dry. A gauge
-- that told of no dry hour in the window speaks only when it rains, and so does one that tells of rain more than an
-- hour before the shortest of its usual gaps is over, a sign of life now and then: this rain fell in the hour in which
-- it was told. Of several stations the one with the most rain in an hour counts: a shower that one of them saw may have
-- fallen on a plot. Rain between two hours is the difference of their rows. When rain of a report fell that covers the
-- hour and the next one is not known: rain_astride_before_mm of it was spread up to this hour, rain_astride_after_mm
-- later.
with station_hours as (
    select
        device_id,
        floor((epoch(measured_at) + coalesce(getvariable('hour_offset_s'), 0)) / 3600) as hour,
        min(date) as date,
        sum(rain_depth_mm order by measured_at) as rain_mm,
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

dry_gaps as (
    select
        gaps.device_id,
        gaps.gap_hours,
        sum(gaps.gap_hours) as dry_hours,
        sum(sum(gaps.gap_hours)) over (partition by gaps.device_id) as all_dry_hours,
    from gaps
    cross join limits
    where gaps.rain_mm = 0 and gaps.gap_hours <= limits.stale_hours
    group by gaps.device_id, gaps.gap_hours
),

rhythms as (
    select
        dry_gaps.device_id,
        dry_gaps.gap_hours,
        min(dry_gaps.gap_hours) over (partition by dry_gaps.device_id) as shortest_hours,
    from dry_gaps
    cross join limits
    where dry_gaps.dry_hours >= limits.gauge_usual_share * dry_gaps.all_dry_hours
),

reports as (
    select
        gaps.device_id,
        gaps.hour,
        gaps.rain_mm,
        gaps.rain_mm > 0 and coalesce(gaps.gap_hours < min(rhythms.shortest_hours) - 1, false) as is_out_of_turn,
        cast(
            least(
                gaps.gap_hours,
                greatest(
                    coalesce(usual_gaps.gap_hours, 1),
                    max(case when rhythms.gap_hours <= gaps.gap_hours then rhythms.gap_hours end)
                )
            ) as bigint
        ) as hours,
    from gaps
    left join usual_gaps on gaps.device_id = usual_gaps.device_id and gaps.date = usual_gaps.date
    left join rhythms on gaps.device_id = rhythms.device_id
    group by gaps.device_id, gaps.hour, gaps.rain_mm, gaps.gap_hours, usual_gaps.gap_hours
),

spread_reports as (
    select
        hour,
        rain_mm,
        unnest(generate_series(0, hours - 1)) as hours_to_come,
        case when is_out_of_turn then 1 else hours end as rain_hours,
    from reports
),

reported_hours as (
    select
        hour - hours_to_come as hour,
        case when hours_to_come < rain_hours then rain_mm / rain_hours else 0 end as rain_mm,
        case
            when hours_to_come between 1 and rain_hours - 1
                then rain_mm * (rain_hours - hours_to_come) / rain_hours
        end as astride_before_mm,
        case
            when hours_to_come between 1 and rain_hours - 1
                then rain_mm * hours_to_come / rain_hours
        end as astride_after_mm,
    from spread_reports
),

measured_hours as (
    select
        to_timestamp(hour * 3600 - coalesce(getvariable('hour_offset_s'), 0)) as hour_at,
        max(rain_mm) as rain_mm,
        max(astride_before_mm) as astride_before_mm,
        max(astride_after_mm) as astride_after_mm,
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
    round(coalesce(measured_hours.astride_before_mm, 0), 9) as rain_astride_before_mm,
    round(coalesce(measured_hours.astride_after_mm, 0), 9) as rain_astride_after_mm,
from hours
left join measured_hours on hours.hour_at = measured_hours.hour_at
