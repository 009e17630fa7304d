-- Hours in which an element stands far off the others at the same depth of its plot (S3).
--
-- Grain: element and hour
-- As of: readings up to as_of
-- Reads: element_hours, elements, plot_depths, limits
-- Feeds: hourly_gates
-- Kept as: passing table
--
-- Off means: further from the median of at least neighbours_min elements than outlier_water_content and than
-- outlier_deviations times the median of all distances from it.
with placed_elements as (
    select
        elements.element_id,
        elements.plot_id,
        coalesce(plot_depths.shared_depth_cm, elements.depth_cm) as depth_cm,
    from elements
    left join plot_depths
        on
            elements.plot_id = plot_depths.plot_id
            and elements.depth_cm = plot_depths.depth_cm
            and plot_depths.quantity = 'water_content'
    where elements.plot_id is not null and elements.depth_cm is not null
),

crowded_depths as (
    select
        placed_elements.plot_id,
        placed_elements.depth_cm,
    from placed_elements
    cross join limits
    group by placed_elements.plot_id, placed_elements.depth_cm
    having count(*) >= max(limits.neighbours_min)
),

neighbour_hours as (
    select
        placed_elements.plot_id,
        placed_elements.depth_cm,
        element_hours.element_id,
        element_hours.hour,
        element_hours.water_content_pct,
    from element_hours
    inner join placed_elements on element_hours.element_id = placed_elements.element_id
    inner join crowded_depths
        on placed_elements.plot_id = crowded_depths.plot_id and placed_elements.depth_cm = crowded_depths.depth_cm
),

medians as (
    select
        plot_id,
        depth_cm,
        hour,
        count(*) as neighbours,
        percentile_cont(0.5) within group (order by water_content_pct) as median_pct,
    from neighbour_hours
    group by plot_id, depth_cm, hour
),

distances as (
    select
        neighbour_hours.plot_id,
        neighbour_hours.depth_cm,
        neighbour_hours.hour,
        neighbour_hours.element_id,
        abs(neighbour_hours.water_content_pct - medians.median_pct) as distance_pct,
    from neighbour_hours
    cross join limits
    inner join medians
        on
            neighbour_hours.plot_id = medians.plot_id
            and neighbour_hours.depth_cm = medians.depth_cm
            and neighbour_hours.hour = medians.hour
    where medians.neighbours >= limits.neighbours_min
),

spreads as (
    select
        plot_id,
        depth_cm,
        hour,
        percentile_cont(0.5) within group (order by distance_pct) as deviation_pct,
    from distances
    group by plot_id, depth_cm, hour
)

select
    distances.element_id,
    distances.hour,
from distances
cross join limits
inner join spreads
    on
        distances.plot_id = spreads.plot_id
        and distances.depth_cm = spreads.depth_cm
        and distances.hour = spreads.hour
where
    round(
        distances.distance_pct
        - greatest(100 * limits.outlier_water_content, limits.outlier_deviations * spreads.deviation_pct),
        6
    ) > 0
