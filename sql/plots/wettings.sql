-- The newest watering of a plot, or rain on it, that reached its root zone.
--
-- Grain: plot
-- As of: readings of the just_watered_hours before as_of
-- Reads: readings_hourly, root_zone, limits
-- Feeds: drought_findings
-- Kept as: table
--
-- A rise of an element counts in an hour that still brings a part of it, and when the next hour keeps at least half of
-- it: a lone spike is no watering. The plot was watered when, besides, the water of its root zone rose by
-- wetting_share_of_depletion of what was missing: a wet surface over dry roots is none. Is relieved means: the newest
-- hour is no longer at the line, and not of severity 4.
with hours as (
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
    where
        readings_hourly.date
        >= cast(getvariable('window_to') as date)
        - cast(ceil((limits.just_watered_hours + limits.wetting_hours) / 24) as integer)
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
            order by hours.hour_at
            range between interval (hours.wetting_hours) hour preceding and current row
        ) as rise,
        lead(hours.volumetric_water_content) over (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm order by hours.hour_at
        ) - hours.volumetric_water_content as next_step,
        hours.volumetric_water_content - lag(hours.volumetric_water_content) over (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm order by hours.hour_at
        ) as step,
    from hours
),

events as (
    select
        rises.plot_id,
        min(rises.hour_at) as first_rise_at,
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
),

storages as (
    select
        root_zone.plot_id,
        root_zone.starts_at,
        root_zone.depth_list,
        root_zone.water_mm,
        root_zone.depletion_mm,
        root_zone.depletion_share,
        root_zone.depletion_fraction,
        root_zone.stress_severity,
        root_zone.data_at,
        events.wetted_at,
        events.rise,
        row_number() over (partition by root_zone.plot_id order by root_zone.starts_at desc) as recency,
    from root_zone
    cross join limits
    inner join events
        on
            root_zone.plot_id = events.plot_id
            and epoch(root_zone.starts_at) >= epoch(events.first_rise_at) - limits.wetting_hours * 3600
    where root_zone.span = 'hour'
),

befores as (
    select
        plot_id,
        depth_list,
        min(water_mm) as water_mm,
        min_by(depletion_mm, water_mm) as depletion_mm,
    from storages
    group by plot_id, depth_list
)

select
    storages.plot_id,
    storages.wetted_at,
    storages.rise,
    storages.water_mm - befores.water_mm as gain_mm,
    befores.depletion_mm as depletion_before_mm,
    storages.data_at,
    round(storages.depletion_share - storages.depletion_fraction, 9) < 0 and storages.stress_severity < 4
        as is_relieved,
from storages
cross join limits
inner join befores on storages.plot_id = befores.plot_id and storages.depth_list = befores.depth_list
where
    storages.recency = 1
    and round(
        storages.water_mm - befores.water_mm - limits.wetting_share_of_depletion * befores.depletion_mm, 9
    ) >= 0
