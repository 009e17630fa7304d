-- A plot as it stands at the instant of the evaluation, with the soil and plants that its verdicts use.
--
-- Grain: plot
-- As of: register row that holds at as_of, else at variable now; without either the row that has no end
-- Reads: plots, soil_textures, vegetations, irrigation_methods, maintenance_grades, limits
-- Feeds: staged_soil_readings and every model of sql/plots
-- Kept as: table
--
-- Laboratory values go before texture; sigma is 0 for laboratory values. Newly planted: planted less than
-- new_planting_years before as_of, or of vegetation new_planting. Without as_of that is asked day by day, of the day:
-- new_until_s says until when, and the depths and shares of both ages are there.
with standing as (
    select
        plots.*,
        cast(getvariable('as_of') as timestamptz) as as_of,
    from plots
    where
        plots.valid_from <= coalesce(getvariable('as_of'), getvariable('now'), timestamptz 'infinity')
        and (
            plots.valid_to is null
            or plots.valid_to > coalesce(getvariable('as_of'), getvariable('now'), timestamptz 'infinity')
        )
),

aged as (
    select
        standing.*,
        limits.default_wetted_fraction,
        limits.sigma_field_capacity,
        limits.sigma_wilting_point,
        epoch(cast(standing.planted_on as timestamp)) as planted_s,
        epoch(cast(standing.planted_on as timestamp)) + limits.new_planting_years * 365.25 * 86400 as new_until_s,
        coalesce(
            epoch(standing.as_of)
            < epoch(cast(standing.planted_on as timestamp)) + limits.new_planting_years * 365.25 * 86400,
            false
        ) as is_new_by_date,
    from standing
    cross join limits
)

select
    aged.plot_id,
    aged.name as plot_name,
    aged.maintenance_grade,
    aged.vegetation,
    vegetations.peer_group,
    aged.planted_s,
    aged.new_until_s,
    aged.is_new_by_date or aged.vegetation = 'new_planting' as is_newly_planted,
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
        when aged.is_new_by_date then vegetations.new_root_zone_m
        else vegetations.root_zone_m
    end as root_zone_m,
    case
        when aged.is_new_by_date then vegetations.new_depletion_fraction
        else vegetations.depletion_fraction
    end as depletion_fraction,
    vegetations.root_zone_m as grown_root_zone_m,
    vegetations.depletion_fraction as grown_depletion_fraction,
    vegetations.new_root_zone_m,
    vegetations.new_depletion_fraction,
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
