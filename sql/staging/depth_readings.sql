-- What the probes of a plot said at a depth, on a local day or in an hour: water content and potential.
--
-- Grain: plot, quantity (water_content or matric_potential), span (day or hour), its begin, and depth
-- As of: readings up to as_of; hours of the last hourly_days before as_of, none without as_of; where an evaluation
--     continues after closed days, what lies after them
-- Reads: readings_daily, readings_hourly, elements, plot_depths, limits
-- Feeds: root_zone_layers, potentials
--
-- Several elements at one depth, or as near as plot_depths says, count by their median; least and most depth are their
-- own, depth_cm the one that they are taken for. value is in m3/m3 or kPa, driest_hour_value that of the day's driest
-- hour. A day that is not complete says nothing. An element that is alone at its depth is its own median.
with spoken as (
    select
        plot_id,
        'water_content' as quantity,
        'day' as span,
        date,
        timezone(coalesce(getvariable('timezone'), 'UTC'), cast(date as timestamp)) as starts_at,
        depth_cm,
        volumetric_water_content as value,
        driest_hour_water_content as driest_hour_value,
        last_usable_at as last_at,
        interval_s,
    from readings_daily
    where is_complete and volumetric_water_content is not null and depth_cm >= 0 and plot_id is not null
    union all
    select
        plot_id,
        'matric_potential' as quantity,
        'day' as span,
        date,
        timezone(coalesce(getvariable('timezone'), 'UTC'), cast(date as timestamp)) as starts_at,
        depth_cm,
        matric_potential_kpa as value,
        driest_hour_potential_kpa as driest_hour_value,
        last_potential_at as last_at,
        interval_s,
    from readings_daily
    where is_potential_complete and matric_potential_kpa is not null and depth_cm >= 0 and plot_id is not null
    union all
    select
        readings_hourly.plot_id,
        'water_content' as quantity,
        'hour' as span,
        readings_hourly.date,
        readings_hourly.hour_at as starts_at,
        readings_hourly.depth_cm,
        readings_hourly.volumetric_water_content as value,
        readings_hourly.volumetric_water_content as driest_hour_value,
        readings_hourly.last_usable_at as last_at,
        3600 as interval_s,
    from readings_hourly
    cross join limits
    where
        readings_hourly.date > cast(getvariable('window_to') as date) - cast(limits.hourly_days as integer)
        and readings_hourly.volumetric_water_content is not null
        and readings_hourly.depth_cm >= 0
        and readings_hourly.plot_id is not null
    union all
    select
        readings_hourly.plot_id,
        'matric_potential' as quantity,
        'hour' as span,
        readings_hourly.date,
        readings_hourly.hour_at as starts_at,
        readings_hourly.depth_cm,
        readings_hourly.matric_potential_kpa as value,
        readings_hourly.matric_potential_kpa as driest_hour_value,
        readings_hourly.last_potential_at as last_at,
        3600 as interval_s,
    from readings_hourly
    cross join limits
    where
        readings_hourly.date > cast(getvariable('window_to') as date) - cast(limits.hourly_days as integer)
        and readings_hourly.matric_potential_kpa is not null
        and readings_hourly.depth_cm >= 0
        and readings_hourly.plot_id is not null
),

quantities as (
    select unnest(['water_content', 'matric_potential']) as quantity,
),

named_depths as (
    select
        elements.plot_id,
        quantities.quantity,
        elements.depth_cm,
        max(coalesce(plot_depths.shared_depth_cm, elements.depth_cm)) as shared_depth_cm,
        count(*) as elements,
    from elements
    cross join quantities
    left join plot_depths
        on
            elements.plot_id = plot_depths.plot_id
            and elements.depth_cm = plot_depths.depth_cm
            and quantities.quantity = plot_depths.quantity
    where elements.plot_id is not null and elements.depth_cm >= 0
    group by elements.plot_id, quantities.quantity, elements.depth_cm
),

places as (
    select
        named_depths.*,
        sum(named_depths.elements) over (
            partition by named_depths.plot_id, named_depths.quantity, named_depths.shared_depth_cm
        ) = 1 as is_alone,
    from named_depths
)

select
    spoken.plot_id,
    spoken.quantity,
    spoken.span,
    spoken.date,
    spoken.starts_at,
    places.shared_depth_cm as depth_cm,
    spoken.value,
    spoken.driest_hour_value,
    spoken.last_at,
    spoken.interval_s,
    spoken.depth_cm as least_depth_cm,
    spoken.depth_cm as most_depth_cm,
from spoken
inner join places
    on spoken.plot_id = places.plot_id and spoken.depth_cm = places.depth_cm and spoken.quantity = places.quantity
where places.is_alone and spoken.date > coalesce(getvariable('continued_from'), date '0001-01-01')
union all
select
    spoken.plot_id,
    spoken.quantity,
    spoken.span,
    spoken.date,
    spoken.starts_at,
    places.shared_depth_cm as depth_cm,
    percentile_cont(0.5) within group (order by spoken.value) as value,
    percentile_cont(0.5) within group (order by spoken.driest_hour_value) as driest_hour_value,
    max(spoken.last_at) as last_at,
    max(spoken.interval_s) as interval_s,
    min(spoken.depth_cm) as least_depth_cm,
    max(spoken.depth_cm) as most_depth_cm,
from spoken
inner join places
    on spoken.plot_id = places.plot_id and spoken.depth_cm = places.depth_cm and spoken.quantity = places.quantity
where not places.is_alone and spoken.date > coalesce(getvariable('continued_from'), date '0001-01-01')
group by
    spoken.plot_id,
    spoken.quantity,
    spoken.span,
    spoken.date,
    spoken.starts_at,
    places.shared_depth_cm
