-- The newest watering of a plot, or rain on it, that reached its root zone.
--
-- Grain: plot
-- As of: readings of the just_watered_hours before as_of
-- Reads: rise_hours, root_zone, limits
-- Feeds: drought_findings
-- Kept as: table
--
-- The plot was watered when an element rose (rise_hours) and the water of its root zone rose by
-- wetting_share_of_depletion of what was missing: a wet surface over dry roots is none. Is relieved means: the newest
-- hour is no longer at the line, and not of severity 4.
with events as (
    select
        rise_hours.plot_id,
        min(rise_hours.hour_at) as first_rise_at,
        max(rise_hours.hour_at) as wetted_at,
        max(rise_hours.rise) as rise,
        max(rise_hours.reach_hours) as reach_hours,
    from rise_hours
    cross join limits
    where
        epoch(cast(getvariable('as_of') as timestamptz)) - epoch(rise_hours.hour_at) < limits.just_watered_hours * 3600
    group by rise_hours.plot_id
),

reaches as (
    select max(reach_hours) as reach_hours,
    from events
),

-- so that of the hours only those of the newest days are read
newest_dates as (
    select distinct cast(timezone(coalesce(getvariable('timezone'), 'UTC'), hours.hour_at) as date) as date,
    from (
        select
            unnest(
                generate_series(
                    cast(getvariable('as_of') as timestamptz)
                    - to_hours(
                        cast(
                            greatest(reaches.reach_hours, limits.wetting_hours) + limits.just_watered_hours + 1
                            as bigint
                        )
                    ),
                    cast(getvariable('as_of') as timestamptz),
                    interval 1 hour
                )
            ) as hour_at,
        from limits
        cross join reaches
    ) as hours
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
    inner join newest_dates on root_zone.date = newest_dates.date
    inner join events
        on
            root_zone.plot_id = events.plot_id
            and epoch(root_zone.starts_at) >= epoch(events.first_rise_at) - events.reach_hours * 3600
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
