-- A plot as it stands at the instant of the evaluation, with the soil and plants that its verdicts use.
--
-- Grain: plot
-- As of: register row that holds at as_of; without as_of the row that still holds
-- Reads: plots, soil_textures, vegetations, irrigation_methods, maintenance_grades, limits
-- Feeds: staged_soil_readings and every model of sql/plots
-- Kept as: table
--
-- Laboratory values go before texture; sigma is 0 for laboratory values. Newly planted: planted less than
-- new_planting_years before as_of, or of vegetation new_planting.
with standing as (
    select
        plots.*,
        coalesce(getvariable('as_of'), timestamptz 'infinity') as as_of,
    from plots
    where
        (plots.valid_from <= getvariable('as_of') or getvariable('as_of') is null)
        and (
            plots.valid_to is null
            or plots.valid_to > coalesce(getvariable('as_of'), timestamptz 'infinity')
        )
),

aged as (
    select
        standing.*,
        limits.new_planting_years,
        limits.default_wetted_fraction,
        limits.sigma_field_capacity,
        limits.sigma_wilting_point,
        case
            when standing.planted_on is not null and getvariable('as_of') is not null
                then (epoch(standing.as_of) - epoch(cast(standing.planted_on as timestamp))) / (365.25 * 86400)
        end as planted_years,
    from standing
    cross join limits
)

select
    aged.plot_id,
    aged.name as plot_name,
    aged.maintenance_grade,
    aged.vegetation,
    vegetations.peer_group,
    aged.planted_years,
    coalesce(aged.planted_years < aged.new_planting_years, false)
    or aged.vegetation = 'new_planting' as is_newly_planted,
    aged.area_m2,
    coalesce(aged.wetted_fraction, aged.default_wetted_fraction) as wetted_fraction,
    coalesce(aged.field_capacity, soil_textures.field_capacity) as field_capacity,
    coalesce(aged.wilting_point, soil_textures.wilting_point) as wilting_point,
    coalesce(aged.saturation, soil_textures.saturation) as saturation,
    case when aged.field_capacity is null then aged.sigma_field_capacity else 0 end as sigma_field_capacity,
    case when aged.wilting_point is null then aged.sigma_wilting_point else 0 end as sigma_wilting_point,
    case when aged.field_capacity is not null and aged.wilting_point is not null then 'laboratory' else 'texture' end
        as soil_source,
    aged.soil_texture,
    case
        when coalesce(aged.planted_years < aged.new_planting_years, false) then vegetations.new_root_zone_m
        else vegetations.root_zone_m
    end as root_zone_m,
    case
        when coalesce(aged.planted_years < aged.new_planting_years, false) then vegetations.new_depletion_fraction
        else vegetations.depletion_fraction
    end as depletion_fraction,
    vegetations.usual_litres_m2_low,
    vegetations.usual_litres_m2_high,
    irrigation_methods.irrigation,
    irrigation_methods.efficiency,
    irrigation_methods.visit_max_mm,
    maintenance_grades.weight as grade_weight,
    coalesce(maintenance_grades.name_zh, '') as grade_zh,
    coalesce(maintenance_grades.name_en, 'maintenance') as grade_en,
    aged.lon,
    aged.lat,
    aged.valid_from,
    aged.register_version,
from aged
left join soil_textures
    on replace(replace(lower(trim(aged.soil_texture)), ' ', '_'), '-', '_') = soil_textures.texture_key
left join vegetations on aged.vegetation = vegetations.vegetation
left join irrigation_methods
    on
        aged.irrigation = irrigation_methods.irrigation
        or (aged.irrigation is null and irrigation_methods.is_default)
left join maintenance_grades on aged.maintenance_grade = maintenance_grades.maintenance_grade
