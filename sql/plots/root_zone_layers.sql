-- The layers of soil that the probes of a plot stand for on a local day or in an hour.
--
-- Grain: plot, span (day or hour), its begin, and depth
-- As of: readings up to as_of; hours of the last hourly_days before as_of, none without as_of
-- Reads: depth_readings, plot_depths, staged_plots, staged_soil_layers, learned_field_capacities, depletion_shifts,
--     limits
-- Feeds: root_zone, layer_thicknesses
-- Kept as: table
--
-- FAO-56 root zone: borders midway between sensors; the deepest sensor reaches as far below itself as its layer reaches
-- above, at least last_layer_min_m, and never below the root zone. depth_names are the probes' own depths. What a layer
-- of probes holds is the mean of the soil layers that it spans, weighted by thickness. Where an element at that depth
-- has learned its field capacity, that counts (several: their median, the largest sigma). A planting is new or grown as
-- of as_of; without as_of, as of the day itself. p follows the plants' recent use where weather is known (FAO-56 table
-- 22, note 2).
with depths as (
    select
        plot_id,
        span,
        date,
        starts_at,
        depth_cm,
        value as volumetric_water_content,
        driest_hour_value as driest_hour_water_content,
        last_at as last_usable_at,
        interval_s,
        least_depth_cm,
        most_depth_cm,
    from depth_readings
    where quantity = 'water_content'
),

rooted as (
    select
        depths.*,
        depletion_shifts.recent_etc_mm,
        depletion_shifts.depletion_shift,
        case
            when coalesce(staged_plots.is_new_as_of, depths.date < staged_plots.new_until)
                then staged_plots.new_root_zone_m
            else staged_plots.grown_root_zone_m
        end as root_zone_m,
        case
            when coalesce(staged_plots.is_new_as_of, depths.date < staged_plots.new_until)
                then staged_plots.new_depletion_fraction
            else staged_plots.grown_depletion_fraction
        end as depletion_fraction,
    from depths
    inner join staged_plots on depths.plot_id = staged_plots.plot_id
    left join depletion_shifts
        on staged_plots.vegetation = depletion_shifts.vegetation and depths.date = depletion_shifts.date
),

borders as (
    select
        rooted.*,
        rooted.depth_cm / 100 as depth_m,
        coalesce((rooted.depth_cm + lag(rooted.depth_cm) over by_depth) / 200, 0) as top_m,
        (rooted.depth_cm + lead(rooted.depth_cm) over by_depth) / 200 as midway_below_m,
    from rooted
    window by_depth as (
        partition by rooted.plot_id, rooted.starts_at, rooted.span order by rooted.depth_cm
    )
),

reaches as (
    select
        borders.plot_id,
        borders.span,
        borders.date,
        borders.starts_at,
        borders.depth_cm,
        borders.volumetric_water_content,
        borders.driest_hour_water_content,
        borders.last_usable_at,
        borders.interval_s,
        case
            when borders.least_depth_cm < borders.most_depth_cm
                then concat(printf('%5.1f', borders.least_depth_cm), '-', printf('%5.1f', borders.most_depth_cm))
            else printf('%5.1f', borders.depth_cm)
        end as depth_names,
        borders.root_zone_m,
        borders.depletion_fraction as usual_depletion_fraction,
        borders.recent_etc_mm,
        round(
            case
                when borders.depletion_shift is null then borders.depletion_fraction
                else
                    least(greatest(borders.depletion_fraction + borders.depletion_shift, limits.p_min), limits.p_max)
            end, 9
        ) as depletion_fraction,
        least(borders.top_m, borders.root_zone_m) as top_m,
        least(
            coalesce(
                borders.midway_below_m,
                borders.depth_m + greatest(limits.last_layer_min_m, borders.depth_m - borders.top_m)
            ),
            borders.root_zone_m
        ) as bottom_m,
    from borders
    cross join limits
),

spans as (
    select distinct
        plot_id,
        top_m,
        bottom_m,
    from reaches
    where bottom_m > top_m
),

soil_spans as (
    select
        spans.plot_id,
        spans.top_m,
        spans.bottom_m,
        least(spans.bottom_m, staged_soil_layers.bottom_m) - greatest(spans.top_m, staged_soil_layers.top_m)
            as thickness_m,
        staged_soil_layers.field_capacity,
        staged_soil_layers.wilting_point,
        staged_soil_layers.sigma_field_capacity,
        staged_soil_layers.soil_source,
        staged_soil_layers.layer_number,
    from spans
    inner join staged_soil_layers
        on
            spans.plot_id = staged_soil_layers.plot_id
            and spans.bottom_m > staged_soil_layers.top_m
            and spans.top_m < staged_soil_layers.bottom_m
),

soils as (
    select
        plot_id,
        top_m,
        bottom_m,
        case
            when count(field_capacity) = count(*)
                then
                    sum(field_capacity * thickness_m order by layer_number)
                    / sum(thickness_m order by layer_number)
        end as field_capacity,
        case
            when count(wilting_point) = count(*)
                then
                    sum(wilting_point * thickness_m order by layer_number)
                    / sum(thickness_m order by layer_number)
        end as wilting_point,
        sum(sigma_field_capacity * thickness_m order by layer_number)
        / sum(thickness_m order by layer_number)
            as sigma_field_capacity,
        max_by(soil_source, thickness_m - layer_number * 1e-9) as soil_source,
    from soil_spans
    group by plot_id, top_m, bottom_m
),

learned as (
    select
        learned_field_capacities.plot_id,
        coalesce(plot_depths.shared_depth_cm, learned_field_capacities.depth_cm) as depth_cm,
        percentile_cont(0.5) within group (order by learned_field_capacities.field_capacity) as field_capacity,
        max(learned_field_capacities.sigma_field_capacity) as sigma_field_capacity,
    from learned_field_capacities
    left join plot_depths
        on
            learned_field_capacities.plot_id = plot_depths.plot_id
            and learned_field_capacities.depth_cm = plot_depths.depth_cm
            and plot_depths.quantity = 'water_content'
    where learned_field_capacities.is_used
    group by
        learned_field_capacities.plot_id,
        coalesce(plot_depths.shared_depth_cm, learned_field_capacities.depth_cm)
)

select
    reaches.*,
    reaches.bottom_m - reaches.top_m as thickness_m,
    round(coalesce(learned.field_capacity, soils.field_capacity), 9) as field_capacity,
    round(soils.wilting_point, 9) as wilting_point,
    round(coalesce(learned.sigma_field_capacity, soils.sigma_field_capacity), 9) as sigma_field_capacity,
    case when learned.plot_id is not null then 'learned' else soils.soil_source end as soil_source,
    learned.plot_id is not null as is_learned,
from reaches
left join soils
    on
        reaches.plot_id = soils.plot_id
        and reaches.top_m = soils.top_m
        and reaches.bottom_m = soils.bottom_m
left join learned on reaches.plot_id = learned.plot_id and reaches.depth_cm = learned.depth_cm
