-- What stands behind a plot's verdict on dryness: the curve of the last days, and the probes of the newest one.
--
-- Grain: plot
-- As of: readings up to as_of
-- Reads: root_zone_daily, potential_daily, readings_daily, limits
-- Feeds: drought_flags
-- Kept as: table
with curves as (
    select
        plot_id,
        date,
        round(100 * volumetric_water_content, 1) as point,
        'volumetric_water_content_pct' as quantity,
    from root_zone_daily
    union all
    select
        potential_daily.plot_id,
        potential_daily.date,
        round(potential_daily.matric_potential_kpa, 1) as point,
        'matric_potential_kpa' as quantity,
    from potential_daily
    left join root_zone_daily on potential_daily.plot_id = root_zone_daily.plot_id
    where root_zone_daily.plot_id is null
),

trends as (
    select
        curves.plot_id,
        max(curves.quantity) as trend_quantity,
        array_to_string(
            array_sort(array_agg(cast(json_array(cast(curves.date as varchar), curves.point) as varchar))), ','
        ) as trend,
    from curves
    cross join limits
    where date_diff('day', curves.date, cast(getvariable('window_to') as date)) <= limits.trend_days
    group by curves.plot_id
),

newest_days as (
    select
        plot_id,
        max(date) as date,
    from readings_daily
    where is_complete and plot_id is not null
    group by plot_id
),

probes as (
    select
        readings_daily.plot_id,
        array_to_string(
            array_sort(array_agg(cast(json_object(
                'depth_cm', readings_daily.depth_cm,
                'device_id', readings_daily.device_id,
                'channel', readings_daily.channel,
                'water_content', round(readings_daily.volumetric_water_content, 4),
                'matric_potential_kpa', round(readings_daily.matric_potential_kpa, 2),
                'usable_readings', readings_daily.usable_readings
            ) as varchar))),
            ','
        ) as probes,
        max(readings_daily.last_usable_at) as last_usable_at,
    from readings_daily
    inner join newest_days
        on readings_daily.plot_id = newest_days.plot_id and readings_daily.date = newest_days.date
    where readings_daily.is_complete
    group by readings_daily.plot_id
)

select
    trends.plot_id,
    trends.trend_quantity,
    concat('[', trends.trend, ']') as trend_json,
    concat('[', coalesce(probes.probes, ''), ']') as probes_json,
    probes.last_usable_at,
from trends
left join probes on trends.plot_id = probes.plot_id
