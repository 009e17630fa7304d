-- The layers of soil that the probes of a plot stand for on a local day.
--
-- Grain: plot, day and depth
-- As of: readings up to as_of
-- Reads: readings_daily, staged_plots, limits
-- Feeds: root_zone_daily
-- Kept as: table
--
-- FAO-56 root zone: borders midway between sensors; the deepest sensor reaches as far below itself as its layer reaches
-- above, at least last_layer_min_m, and never below the root zone.
with depths as (
    select
        plot_id,
        date,
        depth_cm,
        percentile_cont(0.5) within group (order by volumetric_water_content) as volumetric_water_content,
    from readings_daily
    where
        is_complete
        and volumetric_water_content is not null
        and depth_cm > 0
        and plot_id is not null
    group by plot_id, date, depth_cm
),

borders as (
    select
        depths.plot_id,
        depths.date,
        depths.depth_cm,
        depths.depth_cm / 100 as depth_m,
        depths.volumetric_water_content,
        coalesce((depths.depth_cm + lag(depths.depth_cm) over by_depth) / 200, 0) as top_m,
        (depths.depth_cm + lead(depths.depth_cm) over by_depth) / 200 as midway_below_m,
    from depths
    window by_depth as (partition by depths.plot_id, depths.date order by depths.depth_cm)
)

select
    borders.plot_id,
    borders.date,
    borders.depth_cm,
    borders.volumetric_water_content,
    least(borders.top_m, staged_plots.root_zone_m) as top_m,
    least(
        coalesce(
            borders.midway_below_m,
            borders.depth_m + greatest(limits.last_layer_min_m, borders.depth_m - borders.top_m)
        ),
        staged_plots.root_zone_m
    ) as bottom_m,
    least(
        coalesce(
            borders.midway_below_m,
            borders.depth_m + greatest(limits.last_layer_min_m, borders.depth_m - borders.top_m)
        ),
        staged_plots.root_zone_m
    ) - least(borders.top_m, staged_plots.root_zone_m) as thickness_m,
from borders
inner join staged_plots on borders.plot_id = staged_plots.plot_id
cross join limits
