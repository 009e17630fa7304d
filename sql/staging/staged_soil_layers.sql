-- A layer of a plot's soil, and what it holds: field capacity, wilting point, saturation.
--
-- Grain: plot and soil layer, from the top; a plot of one soil has one layer
-- As of: register row that holds at as_of, else at variable now; without either the row that has no end
-- Reads: standing_plots, soil_textures, limits
-- Feeds: staged_plots, elements, root_zone_layers, learned_field_capacities
-- Kept as: table
--
-- Laboratory values go before grains, grains before the texture class. From grains: Saxton and Rawls (2006), table 1,
-- equations 1, 2, 3 and 5, sand and clay as shares of 1, organic matter in percent. The last layer has no bottom.
-- Sigma is 0 for laboratory values. Estimated means: the values that stand without the laboratory.
with soils as (
    select
        plot_id,
        cast(null as double) as to_cm,
        soil_texture,
        field_capacity,
        wilting_point,
        saturation,
        sand_pct,
        clay_pct,
        organic_matter_pct,
    from standing_plots
    where coalesce(len(soil_layers), 0) = 0
    union all
    select
        layered.plot_id,
        layered.layer.to_cm,
        layered.layer.soil_texture,
        layered.layer.field_capacity,
        layered.layer.wilting_point,
        layered.layer.saturation,
        layered.layer.sand_pct,
        layered.layer.clay_pct,
        layered.layer.organic_matter_pct,
    from (
        select
            plot_id,
            unnest(soil_layers) as layer,
        from standing_plots
        where coalesce(len(soil_layers), 0) > 0
    ) as layered
),

grains as (
    select
        soils.*,
        soils.sand_pct / 100 as sand,
        soils.clay_pct / 100 as clay,
        coalesce(soils.organic_matter_pct, limits.default_organic_matter_pct) as organic_pct,
    from soils
    cross join limits
),

first_solutions as (
    select
        grains.*,
        -0.024 * grains.sand + 0.487 * grains.clay + 0.006 * grains.organic_pct
        + 0.005 * grains.sand * grains.organic_pct - 0.013 * grains.clay * grains.organic_pct
        + 0.068 * grains.sand * grains.clay + 0.031 as at_1500_kpa,
        -0.251 * grains.sand + 0.195 * grains.clay + 0.011 * grains.organic_pct
        + 0.006 * grains.sand * grains.organic_pct - 0.027 * grains.clay * grains.organic_pct
        + 0.452 * grains.sand * grains.clay + 0.299 as at_33_kpa,
        0.278 * grains.sand + 0.034 * grains.clay + 0.022 * grains.organic_pct
        - 0.018 * grains.sand * grains.organic_pct - 0.027 * grains.clay * grains.organic_pct
        - 0.584 * grains.sand * grains.clay + 0.078 as above_33_kpa,
    from grains
),

waters as (
    select
        first_solutions.*,
        first_solutions.at_1500_kpa + 0.14 * first_solutions.at_1500_kpa - 0.02 as grain_wilting_point,
        first_solutions.at_33_kpa + 1.283 * power(first_solutions.at_33_kpa, 2)
        - 0.374 * first_solutions.at_33_kpa - 0.015 as grain_field_capacity,
        first_solutions.at_33_kpa + 1.283 * power(first_solutions.at_33_kpa, 2)
        - 0.374 * first_solutions.at_33_kpa - 0.015
        + first_solutions.above_33_kpa + 0.636 * first_solutions.above_33_kpa - 0.107
        - 0.097 * first_solutions.sand + 0.043 as grain_saturation,
    from first_solutions
),

estimated as (
    select
        waters.plot_id,
        waters.to_cm,
        waters.soil_texture,
        waters.field_capacity as measured_field_capacity,
        waters.wilting_point as measured_wilting_point,
        waters.saturation as measured_saturation,
        waters.grain_field_capacity,
        soil_textures.texture_group,
        round(coalesce(waters.grain_field_capacity, soil_textures.field_capacity), 9) as estimated_field_capacity,
        round(coalesce(waters.grain_wilting_point, soil_textures.wilting_point), 9) as estimated_wilting_point,
        round(coalesce(waters.grain_saturation, soil_textures.saturation), 9) as estimated_saturation,
    from waters
    left join soil_textures
        on replace(replace(lower(trim(waters.soil_texture)), ' ', '_'), '-', '_') = soil_textures.texture_key
)

select
    estimated.plot_id,
    row_number() over by_depth as layer_number,
    coalesce(lag(estimated.to_cm) over by_depth / 100, 0) as top_m,
    case when lead(estimated.plot_id) over by_depth is null then 1000 else estimated.to_cm / 100 end as bottom_m,
    estimated.soil_texture,
    estimated.texture_group,
    coalesce(estimated.measured_field_capacity, estimated.estimated_field_capacity) as field_capacity,
    coalesce(estimated.measured_wilting_point, estimated.estimated_wilting_point) as wilting_point,
    coalesce(estimated.measured_saturation, estimated.estimated_saturation) as saturation,
    case when estimated.measured_field_capacity is null then limits.sigma_field_capacity else 0 end
        as sigma_field_capacity,
    case when estimated.measured_wilting_point is null then limits.sigma_wilting_point else 0 end
        as sigma_wilting_point,
    estimated.estimated_field_capacity,
    case
        when estimated.measured_field_capacity is not null and estimated.measured_wilting_point is not null
            then 'laboratory'
        when estimated.grain_field_capacity is not null then 'grains'
        else 'texture'
    end as soil_source,
from estimated
cross join limits
window by_depth as (partition by estimated.plot_id order by estimated.to_cm)
