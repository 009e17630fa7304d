-- A plot as it stands at the instant of the evaluation, with the soil and plants that its verdicts use.
--
-- Grain: plot
-- As of: register row that holds at as_of, else at variable now; without either the row that has no end
-- Reads: standing_plots, staged_soil_layers, vegetations, irrigation_methods, maintenance_grades, limits
-- Feeds: every model of sql/plots
-- Kept as: table
--
-- Field capacity, wilting point and saturation are means over the root zone, weighted by thickness (over its uppermost
-- metre where the vegetation is not known); the verdicts go layer by layer. Texture and source are those of the layer
-- that fills most of it. Newly planted: the site's day of as_of lies before the day new_planting_years after planting,
-- or vegetation is new_planting. Without as_of that is asked day by day, of the day: new_until says until when, and the
-- depths and shares of both ages are there. planted_years are whole years at as_of.
with standing as (
    select
        standing_plots.*,
        cast(
            timezone(coalesce(getvariable('timezone'), 'UTC'), cast(getvariable('as_of') as timestamptz)) as date
        ) as today,
    from standing_plots
),

anniversaries as (
    select
        standing.*,
        limits.default_wetted_fraction,
        extract(year from standing.today) - extract(year from standing.planted_on) as calendar_years,
        cast(
            standing.planted_on + interval (cast(round(12 * limits.new_planting_years) as integer)) month as date
        ) as new_until,
    from standing
    cross join limits
),

aged as (
    select
        anniversaries.*,
        coalesce(anniversaries.today < anniversaries.new_until, false) as is_new_by_date,
        anniversaries.calendar_years
        - case
            when
                anniversaries.today
                < cast(anniversaries.planted_on + interval (12 * anniversaries.calendar_years) month as date)
                then 1
            else 0
        end as planted_years,
    from anniversaries
),

soil_reaches as (
    select
        staged_soil_layers.*,
        greatest(
            least(
                staged_soil_layers.bottom_m,
                coalesce(
                    case when aged.is_new_by_date then vegetations.new_root_zone_m else vegetations.root_zone_m end, 1
                )
            ) - staged_soil_layers.top_m,
            0
        ) as thickness_m,
    from aged
    inner join staged_soil_layers on aged.plot_id = staged_soil_layers.plot_id
    left join vegetations on aged.vegetation = vegetations.vegetation
),

soils as (
    select
        plot_id,
        count(*) as soil_layers,
        case
            when count(field_capacity) = count(*)
                then
                    round(
                        sum(field_capacity * thickness_m order by layer_number)
                        / sum(thickness_m order by layer_number), 9
                    )
        end as field_capacity,
        case
            when count(wilting_point) = count(*)
                then
                    round(
                        sum(wilting_point * thickness_m order by layer_number)
                        / sum(thickness_m order by layer_number), 9
                    )
        end as wilting_point,
        case
            when count(saturation) = count(*)
                then
                    round(
                        sum(saturation * thickness_m order by layer_number)
                        / sum(thickness_m order by layer_number), 9
                    )
        end as saturation,
        round(
            sum(sigma_field_capacity * thickness_m order by layer_number)
            / sum(thickness_m order by layer_number), 9
        ) as sigma_field_capacity,
        round(
            sum(sigma_wilting_point * thickness_m order by layer_number)
            / sum(thickness_m order by layer_number), 9
        ) as sigma_wilting_point,
        max_by(soil_source, thickness_m - layer_number * 1e-9) as soil_source,
        max_by(soil_texture, thickness_m - layer_number * 1e-9) as soil_texture,
        max_by(texture_group, thickness_m - layer_number * 1e-9) as texture_group,
    from soil_reaches
    where thickness_m > 1e-9
    group by plot_id
)

select
    aged.plot_id,
    aged.name as plot_name,
    aged.maintenance_grade,
    aged.vegetation,
    vegetations.peer_group,
    aged.planted_on,
    aged.planted_years,
    aged.new_until,
    case when aged.today is not null then aged.is_new_by_date end as is_new_as_of,
    aged.is_new_by_date or aged.vegetation = 'new_planting' as is_newly_planted,
    aged.area_m2,
    coalesce(aged.wetted_fraction, aged.default_wetted_fraction) as wetted_fraction,
    aged.tree_pits,
    coalesce(
        aged.tree_pit_area_m2, aged.area_m2 * coalesce(aged.wetted_fraction, aged.default_wetted_fraction)
    ) as watered_m2,
    aged.water_ec_ds_m,
    aged.soil_ece_ds_m,
    soils.soil_layers,
    soils.field_capacity,
    soils.wilting_point,
    soils.saturation,
    soils.sigma_field_capacity,
    soils.sigma_wilting_point,
    soils.soil_source,
    soils.soil_texture,
    soils.texture_group,
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
left join soils on aged.plot_id = soils.plot_id
left join vegetations on aged.vegetation = vegetations.vegetation
left join irrigation_methods
    on
        aged.irrigation = irrigation_methods.irrigation
        or (aged.irrigation is null and irrigation_methods.is_default)
left join maintenance_grades on aged.maintenance_grade = maintenance_grades.maintenance_grade
