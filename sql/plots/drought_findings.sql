-- The verdict on the dryness of every plot, also where we do not know.
--
-- Grain: plot
-- As of: readings up to as_of
-- Reads: staged_plots, sensor_states, drought_basis, frost_days, readings_daily, wettings, plot_rests, peer_estimates,
--     limits
-- Feeds: watering_needs, drought_flags, vigour_findings, campaign_findings, plot_stories, drought_outcomes
-- Kept as: table
--
-- What we do not know goes first (no sensor, no data, silent, stale, sensor fault), then what suspends dryness (season,
-- frost), then wet and just watered, then the root zone. Frozen means: no probe is well and one is frozen; or, where
-- the verdict would be dry or likely or an issue is open, any probe or the day of the verdict or today is. Needs work
-- means: an issue stands open by drought_evaluations. A plot without a probe has no verdict; where the setting says
-- order, that of peer_estimates stands in for it (is_estimated).
with probes_of_plots as (
    select
        sensor_states.plot_id,
        count(*) as probes,
        count(case when sensor_states.can_be_judged then 1 end) as probes_ok,
        count(case when sensor_states.state = 'frozen' then 1 end) as probes_frozen,
        count(case when sensor_states.state = 'sensor_fault' then 1 end) as probes_in_fault,
        count(case when sensor_states.state = 'stale' then 1 end) as probes_stale,
        count(case when sensor_states.state = 'silent' then 1 end) as probes_silent,
        sum(sensor_states.usable_with_depth) as usable_with_depth,
        sum(sensor_states.usable_potentials) as usable_potentials,
        min(sensor_states.first_usable_at) as first_usable_at,
        max(sensor_states.last_usable_at) as last_usable_at,
        max(sensor_states.last_soil_at) as last_soil_at,
    from sensor_states
    where not sensor_states.is_weather_station
    group by sensor_states.plot_id
),

received as (
    select
        readings_daily.plot_id,
        round(
            100 * max(
                greatest(readings_daily.usable_readings, readings_daily.usable_potentials)
                / readings_daily.expected_readings
            ), 1
        ) as received_pct,
    from readings_daily
    where readings_daily.date = cast(getvariable('window_to') as date) - 1
    group by readings_daily.plot_id
),

orders as (
    select peer_estimates.*,
    from peer_estimates
    where peer_estimates.is_ordering
),

gathered as (
    select
        staged_plots.*,
        probes_of_plots.probes,
        probes_of_plots.probes_ok,
        probes_of_plots.probes_frozen,
        probes_of_plots.probes_in_fault,
        probes_of_plots.probes_stale,
        probes_of_plots.probes_silent,
        probes_of_plots.usable_with_depth,
        probes_of_plots.usable_potentials,
        probes_of_plots.first_usable_at,
        probes_of_plots.last_usable_at,
        probes_of_plots.last_soil_at,
        coalesce(drought_basis.date, orders.date) as date,
        coalesce(drought_basis.span, case when orders.plot_id is not null then 'day' end) as span,
        coalesce(drought_basis.quantity, case when orders.plot_id is not null then 'water_content' end) as quantity,
        coalesce(drought_basis.is_open, orders.is_open, false) as is_open,
        orders.plot_id is not null as is_estimated,
        drought_basis.dry_since_at,
        drought_basis.issue_since_at,
        coalesce(drought_basis.is_held_since_window, false) as is_held_since_window,
        drought_basis.holding_rain_mm,
        drought_basis.depth_list,
        coalesce(
            drought_basis.covered_m, case when orders.plot_id is not null then staged_plots.root_zone_m end
        ) as covered_m,
        drought_basis.coverage,
        drought_basis.field_capacity as evaluated_field_capacity,
        drought_basis.wilting_point as evaluated_wilting_point,
        coalesce(drought_basis.learned_depths, 0) > 0 as is_learned,
        coalesce(drought_basis.depletion_fraction, orders.depletion_fraction) as evaluated_depletion_fraction,
        coalesce(drought_basis.refill_point, orders.refill_point) as refill_point,
        coalesce(drought_basis.volumetric_water_content, orders.volumetric_water_content) as volumetric_water_content,
        drought_basis.main_layer_water_content,
        coalesce(drought_basis.total_available_water_mm, orders.total_available_water_mm) as total_available_water_mm,
        coalesce(drought_basis.depletion_mm, orders.depletion_mm) as depletion_mm,
        coalesce(drought_basis.depletion_share, orders.depletion_share) as depletion_share,
        drought_basis.relative_moisture_pct,
        drought_basis.national_grade,
        drought_basis.agricultural_grade,
        drought_basis.ks,
        drought_basis.dry_probability,
        coalesce(drought_basis.stress_severity, orders.severity) as stress_severity,
        case when orders.plot_id is not null then 'estimated' else drought_basis.confidence end as confidence,
        coalesce(drought_basis.is_shallow_only, false) as is_shallow_only,
        coalesce(drought_basis.is_wet, false) as is_wet,
        coalesce(drought_basis.day_state, orders.state) as day_state,
        drought_basis.evaluated_data_at,
        drought_basis.matric_potential_kpa,
        drought_basis.line_kpa,
        drought_basis.potential_depth_cm,
        coalesce(drought_basis.is_shallow_at_line, false) as is_shallow_at_line,
        wettings.wetted_at,
        wettings.rise,
        wettings.data_at as wetting_data_at,
        coalesce(wettings.is_relieved, false) as is_relieved,
        received.received_pct,
        limits.potential_severity,
        limits.soil_window_days,
        limits.rain_hold_mm,
        limits.rain_days,
        limits.evaluation_days,
        limits.daily_completeness,
        plot_rests.is_resting as is_suspended,
        plot_rests.basis as rest_basis,
        plot_rests.recorded_at as rest_since_at,
        coalesce(probes_of_plots.probes_frozen, 0) > 0
        or frost_days.plot_id is not null
        or coalesce(drought_basis.is_frozen, false) as is_any_frozen,
        (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(
            coalesce(probes_of_plots.last_usable_at, probes_of_plots.last_soil_at)
        )) / 3600
            as unusable_hours,
    from staged_plots
    cross join limits
    inner join plot_rests on staged_plots.plot_id = plot_rests.plot_id
    left join probes_of_plots on staged_plots.plot_id = probes_of_plots.plot_id
    left join received on staged_plots.plot_id = received.plot_id
    left join drought_basis on staged_plots.plot_id = drought_basis.plot_id
    left join frost_days
        on staged_plots.plot_id = frost_days.plot_id and frost_days.date = cast(getvariable('window_to') as date)
    left join wettings on staged_plots.plot_id = wettings.plot_id
    left join orders on staged_plots.plot_id = orders.plot_id
),

standings as (
    select
        gathered.*,
        case
            when gathered.probes is null and not gathered.is_estimated then 'no_sensor'
            when gathered.probes_ok = 0 and gathered.probes_frozen = 0
                then
                    case
                        when gathered.probes_in_fault > 0 then 'sensor_fault'
                        when gathered.probes_stale > 0 then 'stale'
                        when gathered.probes_silent > 0 then 'silent'
                        else 'no_data'
                    end
            when gathered.probes_ok = 0 then 'frozen'
            when gathered.is_suspended then 'suspended'
            when
                gathered.is_any_frozen
                and (gathered.quantity is null or gathered.is_open or gathered.day_state in ('dry', 'likely'))
                then 'frozen'
            when
                coalesce(gathered.quantity, 'water_content') = 'water_content'
                and (gathered.quantity is not null or gathered.usable_potentials = 0)
                and not coalesce(
                    gathered.field_capacity > gathered.wilting_point and gathered.root_zone_m > 0, false
                )
                then 'no_soil'
            when gathered.quantity is null and gathered.usable_with_depth = 0 then 'no_depth'
            when
                gathered.quantity is null
                and epoch(cast(getvariable('as_of') as timestamptz)) - epoch(gathered.first_usable_at)
                >= gathered.evaluation_days * 86400
                then 'incomplete'
            when gathered.quantity is null then 'too_little_data'
            when gathered.is_wet and gathered.span = 'day' then 'wet'
            when gathered.is_relieved then 'just_watered'
        end as standing,
    from gathered
),

judged as (
    select
        standings.*,
        case
            when standings.standing in ('no_soil', 'no_depth', 'too_little_data', 'incomplete') then 'no_data'
            when standings.standing is not null then standings.standing
            when standings.is_open then 'dry'
            else standings.day_state
        end as state,
        standings.standing is null and standings.is_open as needs_work,
        case
            when standings.standing is not null then 0
            when standings.is_open or standings.day_state in ('dry', 'likely')
                then coalesce(standings.stress_severity, standings.potential_severity)
            else 0
        end as severity,
        case
            when standings.standing = 'just_watered' then standings.wetting_data_at
            when standings.standing = 'frozen' then standings.last_soil_at
            when standings.standing is null or standings.standing = 'wet' then standings.evaluated_data_at
            else coalesce(standings.last_usable_at, standings.last_soil_at)
        end as data_at,
    from standings
)

select
    judged.plot_id,
    judged.state,
    judged.needs_work,
    judged.severity,
    judged.dry_since_at,
    judged.issue_since_at,
    judged.span,
    judged.data_at,
    judged.received_pct,
    judged.holding_rain_mm,
    judged.is_suspended,
    judged.rest_basis,
    judged.rest_since_at,
    judged.daily_completeness,
    judged.last_usable_at,
    judged.wetted_at,
    judged.depth_list,
    judged.potential_depth_cm,
    judged.volumetric_water_content,
    judged.refill_point,
    judged.matric_potential_kpa,
    judged.line_kpa,
    judged.maintenance_grade,
    judged.grade_zh,
    judged.grade_en,
    judged.date,
    judged.dry_probability,
    judged.unusable_hours,
    judged.rise,
    judged.soil_window_days,
    judged.quantity,
    judged.depletion_mm,
    judged.total_available_water_mm,
    judged.root_zone_m,
    judged.relative_moisture_pct,
    judged.national_grade,
    judged.agricultural_grade,
    judged.confidence,
    judged.last_soil_at,
    judged.day_state,
    judged.is_open,
    judged.is_estimated,
    judged.vegetation,
    judged.is_newly_planted,
    case when judged.is_learned then 'learned' else judged.soil_source end as soil_source,
    judged.soil_texture,
    coalesce(judged.evaluated_field_capacity, judged.field_capacity) as field_capacity,
    coalesce(judged.evaluated_wilting_point, judged.wilting_point) as wilting_point,
    judged.saturation,
    judged.sigma_field_capacity,
    judged.sigma_wilting_point,
    judged.covered_m,
    judged.coverage,
    coalesce(judged.evaluated_depletion_fraction, judged.depletion_fraction) as depletion_fraction,
    judged.main_layer_water_content,
    judged.depletion_share,
    judged.ks,
    judged.efficiency,
    judged.area_m2,
    judged.wetted_fraction,
    judged.watered_m2,
    judged.tree_pits,
    judged.water_ec_ds_m,
    judged.soil_ece_ds_m,
    judged.irrigation,
    judged.visit_max_mm,
    judged.usual_litres_m2_low,
    judged.usual_litres_m2_high,
    judged.is_shallow_only and judged.volumetric_water_content <= judged.refill_point
    or judged.is_shallow_at_line as is_shallow_at_line,
    case
        when judged.standing = 'suspended' and judged.rest_basis = 'recorded' then 'drought_resting'
        when judged.standing is not null then concat('drought_', judged.standing)
        when judged.is_estimated
            then concat('drought_estimated_', case when judged.is_open then 'dry' else judged.day_state end)
        when judged.quantity = 'matric_potential'
            then
                case
                    when judged.day_state = 'dry' and judged.is_open and judged.span = 'hour'
                        then 'drought_potential_dry_hours'
                    when judged.day_state = 'dry' and judged.is_open then 'drought_potential_dry'
                    when judged.day_state = 'dry' and judged.holding_rain_mm >= judged.rain_hold_mm
                        then 'drought_potential_dry_rained'
                    when judged.day_state = 'dry' then 'drought_potential_dry_one_day'
                    when judged.is_open then 'drought_potential_not_recovered'
                    when judged.is_shallow_at_line then 'drought_potential_watch_shallow'
                    when judged.day_state = 'watch' and judged.is_held_since_window
                        then 'drought_potential_watch_long'
                    else concat('drought_potential_', judged.day_state)
                end
        when judged.is_open and judged.day_state = 'dry' and judged.severity = 4 then 'drought_dry_severe'
        when judged.is_open and judged.day_state = 'dry' and judged.span = 'hour' then 'drought_dry_hours'
        when judged.is_open and judged.day_state = 'dry' then 'drought_dry'
        when judged.is_open then 'drought_not_recovered'
        when judged.day_state = 'dry' and judged.holding_rain_mm >= judged.rain_hold_mm then 'drought_dry_rained'
        when judged.day_state = 'dry' then 'drought_dry_one_day'
        when
            judged.day_state = 'watch'
            and judged.is_shallow_only
            and judged.volumetric_water_content <= judged.refill_point
            then 'drought_watch_shallow'
        when judged.day_state = 'watch' and judged.is_held_since_window then 'drought_watch_long'
        else concat('drought_', judged.day_state)
    end as reason_code,
from judged
