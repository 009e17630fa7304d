-- The water in a plot's root zone on a local day or in an hour: depletion, stress and the state they mean.
--
-- Grain: plot, span (day or hour) and its begin
-- As of: readings up to as_of; days that are over, and hours of the last hourly_days
-- Reads: root_zone_layers, staged_plots, frost_days, national_grades, agricultural_grades, limits
-- Feeds: root_zone_daily, wettings, watering_checks, drought_runs, drought_basis,
--     plot_days, plot_stories, drought_outcomes
-- Kept as: carried table
--
-- FAO-56 equations 82 to 84. Dry means: depletion at least p of the available water, with more than likely_to
-- probability; likely means: from the line of watch on, the uncertainty of field capacity leaves likely_from to
-- likely_to.
-- That probability is normal: P = Phi(g / s), g = sum of 1000 d ((1-p) FC + p WP - theta) over the layers, and
-- s = 1000 (1-p) sqrt((sum of d sFC)^2 + sum of (d sL)^2): what a texture misjudges in one layer it misjudges in all,
-- while learned field capacities (sL) err each for itself; Phi by Abramowitz and Stegun 7.1.26 (error below 1e-6).
-- National grades by relative moisture stand beside the verdict and never make it; agricultural_grade is the one that
-- tells textures apart (that of the plot's thickest soil layer; null where only the laboratory knows the soil).
-- Wet means: above wet_above_pct of field capacity even with every depth at its driest hour. Below close means: even
-- so, depletion is below p less close_margin. Layers are added up in whole billionths of a millimetre: threads bring
-- them in any order, and doubles then add up to other last digits.
with sums as (
    select
        root_zone_layers.plot_id,
        root_zone_layers.span,
        root_zone_layers.starts_at,
        max(root_zone_layers.date) as date,
        max(root_zone_layers.root_zone_m) as root_zone_m,
        max(root_zone_layers.depletion_fraction) as depletion_fraction,
        max(root_zone_layers.usual_depletion_fraction) as usual_depletion_fraction,
        max(root_zone_layers.recent_etc_mm) as recent_etc_mm,
        max(root_zone_layers.interval_s) as interval_s,
        max(root_zone_layers.last_usable_at) as data_at,
        count(*) as depths,
        min(root_zone_layers.depth_cm) as shallowest_cm,
        max(root_zone_layers.bottom_m) as covered_m,
        round(sum(cast(1e12 * root_zone_layers.thickness_m as bigint)) / 1e12, 9) as thickness_m,
        round(
            sum(
                cast(1e12 * root_zone_layers.volumetric_water_content * root_zone_layers.thickness_m as bigint)
            ) / 1e12, 9
        ) as water_m,
        round(
            sum(
                cast(1e12 * root_zone_layers.driest_hour_water_content * root_zone_layers.thickness_m as bigint)
            ) / 1e12, 9
        ) as driest_water_m,
        array_to_string(
            array_sort(array_agg(root_zone_layers.depth_names)), ','
        ) as depth_list,
        count(*) = count(root_zone_layers.field_capacity) and count(*) = count(root_zone_layers.wilting_point)
            as is_soil_known,
        round(
            sum(cast(1e12 * root_zone_layers.field_capacity * root_zone_layers.thickness_m as bigint)) / 1e12, 9
        ) as field_capacity_m,
        round(
            sum(cast(1e12 * root_zone_layers.wilting_point * root_zone_layers.thickness_m as bigint)) / 1e12, 9
        ) as wilting_point_m,
        round(
            sum(
                cast(
                    1e12
                    * case when root_zone_layers.is_learned then 0 else root_zone_layers.sigma_field_capacity end
                    * root_zone_layers.thickness_m as bigint
                )
            ) / 1e12, 9
        ) as sigma_field_capacity_m,
        round(
            sum(
                cast(
                    1e15 * case
                        when root_zone_layers.is_learned
                            then power(root_zone_layers.sigma_field_capacity * root_zone_layers.thickness_m, 2)
                        else 0
                    end as bigint
                )
            ) / 1e15, 12
        ) as learned_variance_m2,
        count(case when root_zone_layers.is_learned then 1 end) as learned_depths,
        max_by(
            root_zone_layers.volumetric_water_content,
            root_zone_layers.thickness_m - root_zone_layers.depth_cm * 1e-9
        ) as main_layer_water_content,
        max_by(
            root_zone_layers.wilting_point,
            root_zone_layers.thickness_m - root_zone_layers.depth_cm * 1e-9
        ) as main_layer_wilting_point,
    from root_zone_layers
    where root_zone_layers.thickness_m > 1e-9
    group by root_zone_layers.plot_id, root_zone_layers.starts_at, root_zone_layers.span
),

depletions as (
    select
        sums.*,
        sums.field_capacity_m / sums.thickness_m as field_capacity,
        sums.wilting_point_m / sums.thickness_m as wilting_point,
        sums.water_m / sums.thickness_m as volumetric_water_content,
        1000 * (sums.field_capacity_m - sums.wilting_point_m) as total_available_water_mm,
        1000 * (sums.field_capacity_m - sums.water_m) as raw_depletion_mm,
        1000 * (sums.field_capacity_m - sums.driest_water_m) as driest_depletion_mm,
        (
            sums.field_capacity_m
            - sums.depletion_fraction * (sums.field_capacity_m - sums.wilting_point_m)
        ) / sums.thickness_m as refill_point,
        (1 - sums.depletion_fraction) * sqrt(power(sums.sigma_field_capacity_m, 2) + sums.learned_variance_m2)
        / sums.thickness_m as sigma_refill_point,
        100 * sums.water_m / sums.field_capacity_m as relative_moisture_pct,
        frost_days.plot_id is not null as is_frozen,
    from sums
    left join frost_days on sums.plot_id = frost_days.plot_id and sums.date = frost_days.date
    where sums.is_soil_known and sums.field_capacity_m > sums.wilting_point_m and sums.root_zone_m > 0
),

shares as (
    select
        depletions.*,
        least(greatest(depletions.raw_depletion_mm, 0), depletions.total_available_water_mm) as depletion_mm,
        least(greatest(depletions.raw_depletion_mm / depletions.total_available_water_mm, 0), 1)
            as depletion_share,
        case
            when depletions.sigma_refill_point > 0
                then
                    (depletions.refill_point - depletions.volumetric_water_content)
                    / depletions.sigma_refill_point
        end as z,
        depletions.covered_m / depletions.root_zone_m as coverage,
    from depletions
),

stresses as (
    select
        shares.*,
        least(greatest((1 - shares.depletion_share) / (1 - shares.depletion_fraction), 0), 1) as ks,
        1 / (1 + 0.3275911 * abs(shares.z) / sqrt(2)) as k,
    from shares
),

tails as (
    select
        stresses.*,
        0.5
        * (
            0.254829592 * stresses.k
            - 0.284496736 * power(stresses.k, 2)
            + 1.421413741 * power(stresses.k, 3)
            - 1.453152027 * power(stresses.k, 4)
            + 1.061405429 * power(stresses.k, 5)
        )
        * exp(-stresses.z * stresses.z / 2) as tail,
    from stresses
),

judged as (
    select
        tails.*,
        round(tails.depletion_share - tails.depletion_fraction, 9) >= 0 as is_at_line,
        round(tails.depletion_share - limits.watch_share * tails.depletion_fraction, 9) >= 0 as is_at_watch,
        case
            when tails.z is not null and tails.z >= 0 then 1 - tails.tail
            when tails.z is not null then tails.tail
            when round(tails.depletion_share - tails.depletion_fraction, 9) >= 0 then 1
            else 0
        end as dry_probability,
        limits.likely_from,
        limits.likely_to,
        tails.depths = 1
        and round(tails.shallowest_cm / 100 - limits.shallow_share * tails.root_zone_m, 9) < 0
            as is_shallow_only,
        case
            when
                tails.depths = 1
                and round(tails.shallowest_cm / 100 - limits.shallow_share * tails.root_zone_m, 9) < 0
                then 'low'
            when tails.coverage < limits.low_coverage then 'low'
            else 'high'
        end as confidence,
        case
            when round(tails.main_layer_water_content - tails.main_layer_wilting_point, 9) <= 0 then 4
            when round(tails.ks - limits.ks_mild, 9) >= 0 then 1
            when round(tails.ks - limits.ks_moderate, 9) >= 0 then 2
            when round(tails.ks - limits.ks_severe, 9) >= 0 then 3
            else 4
        end as stress_severity,
        round(100 * tails.driest_water_m / tails.field_capacity_m - limits.wet_above_pct, 9) > 0 as is_wet,
        round(
            tails.driest_depletion_mm / tails.total_available_water_mm
            - (tails.depletion_fraction - limits.close_margin), 9
        ) < 0 as is_below_close,
    from tails
    cross join limits
)

select
    judged.plot_id,
    judged.span,
    judged.date,
    judged.starts_at,
    judged.interval_s,
    judged.data_at,
    judged.depths,
    judged.learned_depths,
    judged.depth_list,
    judged.covered_m,
    judged.coverage,
    judged.root_zone_m,
    judged.depletion_fraction,
    judged.usual_depletion_fraction,
    judged.recent_etc_mm,
    judged.field_capacity,
    judged.wilting_point,
    judged.refill_point,
    judged.volumetric_water_content,
    judged.main_layer_water_content,
    1000 * judged.water_m as water_mm,
    judged.total_available_water_mm,
    judged.depletion_mm,
    judged.depletion_share,
    judged.relative_moisture_pct,
    national_grades.national_grade,
    agricultural_grades.national_grade as agricultural_grade,
    judged.ks,
    judged.dry_probability,
    case
        when judged.is_wet then 'wet'
        when not judged.is_at_watch then 'ok'
        when judged.is_shallow_only then 'watch'
        when judged.dry_probability >= judged.likely_from and judged.dry_probability <= judged.likely_to
            then 'likely'
        when judged.is_at_line then 'dry'
        else 'watch'
    end as state,
    judged.stress_severity,
    judged.confidence,
    judged.is_shallow_only,
    judged.is_frozen,
    judged.is_wet,
    judged.is_below_close,
from judged
left join national_grades
    on
        -- true on both sides: an equality lets the few grades be looked up instead of sorting all rows
        (judged.plot_id is not null) = (national_grades.national_grade is not null)
        and round(judged.relative_moisture_pct, 9) > national_grades.above_pct
        and round(judged.relative_moisture_pct, 9) <= national_grades.up_to_pct
left join staged_plots on judged.plot_id = staged_plots.plot_id
left join agricultural_grades
    on
        staged_plots.texture_group = agricultural_grades.texture_group
        and round(judged.relative_moisture_pct, 9) >= agricultural_grades.from_pct
        and round(judged.relative_moisture_pct, 9) < agricultural_grades.below_pct
