-- The verdict on the dryness of every plot, also where we do not know.
--
-- Grain: plot
-- As of: readings up to as_of
-- Reads: staged_plots, sensor_states, drought_days, root_zone_daily, potential_daily, wettings, seasons, limits
-- Feeds: watering_needs, drought_flags, vigour_findings
-- Kept as: table
--
-- What we do not know goes first (no sensor, no data, silent, stale, sensor fault), then what suspends dryness (frozen,
-- season), then wet and just watered, then the root zone. Frozen means: a probe is frozen and none is ok. Needs work
-- means: dry, and open by the rule of drought_days.
with probes_of_plots as (
    select
        plot_id,
        count(*) as probes,
        count(case when state = 'no_data' then 1 end) as probes_without_data,
        count(case when state = 'ok' then 1 end) as probes_ok,
        count(case when state = 'frozen' then 1 end) as probes_frozen,
        count(case when state = 'sensor_fault' then 1 end) as probes_in_fault,
        count(case when state = 'stale' then 1 end) as probes_stale,
        count(case when state = 'silent' then 1 end) as probes_silent,
        count(case when state = 'ok' and readings_with_depth = 0 and depths_cm is null then 1 end)
            as probes_without_depth,
        max(last_usable_at) as last_usable_at,
        max(last_soil_at) as last_soil_at,
    from sensor_states
    where not is_weather_station and (water_readings > 0 or readings = 0)
    group by plot_id
),

newest_days as (
    select
        drought_days.plot_id,
        max(drought_days.date) as date,
    from drought_days
    cross join limits
    where date_diff('day', drought_days.date, cast(getvariable('window_to') as date)) <= limits.evaluation_days
    group by drought_days.plot_id
),

season_now as (
    select count(*) > 0 as is_suspended,
    from seasons
    where
        rule = 'suspended'
        and strftime(cast(getvariable('window_to') as date), '%m-%d') between month_day_from and month_day_to
),

gathered as (
    select
        staged_plots.*,
        probes_of_plots.last_usable_at,
        probes_of_plots.last_soil_at,
        newest_days.date,
        drought_days.quantity,
        coalesce(drought_days.is_open, false) as is_open,
        drought_days.dry_since_date,
        root_zone_daily.depth_list,
        root_zone_daily.covered_m,
        root_zone_daily.coverage,
        root_zone_daily.refill_point,
        root_zone_daily.volumetric_water_content,
        root_zone_daily.main_layer_water_content,
        root_zone_daily.total_available_water_mm,
        root_zone_daily.depletion_mm,
        root_zone_daily.depletion_share,
        root_zone_daily.relative_moisture_pct,
        root_zone_daily.national_grade,
        root_zone_daily.ks,
        root_zone_daily.dry_probability,
        root_zone_daily.stress_severity,
        root_zone_daily.confidence,
        coalesce(root_zone_daily.is_shallow_only, false) as is_shallow_only,
        coalesce(root_zone_daily.state, potential_daily.state) as day_state,
        potential_daily.matric_potential_kpa,
        potential_daily.line_kpa,
        potential_daily.depth_cm as potential_depth_cm,
        wettings.wetted_at,
        wettings.rise,
        limits.potential_severity,
        limits.soil_window_days,
        (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(
            coalesce(probes_of_plots.last_usable_at, probes_of_plots.last_soil_at)
        )) / 3600
            as unusable_hours,
        case
            when probes_of_plots.probes is null then 'no_sensor'
            when probes_of_plots.probes_ok = 0 and probes_of_plots.probes_frozen = 0
                then
                    case
                        when probes_of_plots.probes_in_fault > 0 then 'sensor_fault'
                        when probes_of_plots.probes_stale > 0 then 'stale'
                        when probes_of_plots.probes_silent > 0 then 'silent'
                        else 'no_data'
                    end
            when probes_of_plots.probes_ok = 0 then 'frozen'
            when season_now.is_suspended then 'suspended'
            when
                staged_plots.field_capacity is null
                or staged_plots.wilting_point is null
                or staged_plots.field_capacity <= staged_plots.wilting_point
                or staged_plots.root_zone_m is null
                then case when potential_daily.plot_id is null then 'no_soil' end
            when newest_days.date is null
                then case when probes_of_plots.probes_without_depth > 0 then 'no_depth' else 'too_little_data' end
            when root_zone_daily.is_wet then 'wet'
            when wettings.plot_id is not null then 'just_watered'
        end as standing,
    from staged_plots
    cross join limits
    cross join season_now
    left join probes_of_plots on staged_plots.plot_id = probes_of_plots.plot_id
    left join newest_days on staged_plots.plot_id = newest_days.plot_id
    left join drought_days on staged_plots.plot_id = drought_days.plot_id and newest_days.date = drought_days.date
    left join root_zone_daily
        on staged_plots.plot_id = root_zone_daily.plot_id and newest_days.date = root_zone_daily.date
    left join potential_daily
        on staged_plots.plot_id = potential_daily.plot_id and newest_days.date = potential_daily.date
    left join wettings on staged_plots.plot_id = wettings.plot_id
),

judged as (
    select
        gathered.*,
        case
            when gathered.standing in ('no_soil', 'no_depth', 'too_little_data') then 'no_data'
            when gathered.standing is not null then gathered.standing
            when gathered.is_open then 'dry'
            else gathered.day_state
        end as state,
        gathered.standing is null and gathered.is_open as needs_work,
        case
            when gathered.standing is not null then 0
            when gathered.is_open or gathered.day_state in ('dry', 'likely')
                then coalesce(gathered.stress_severity, gathered.potential_severity)
            else 0
        end as severity,
    from gathered
)

select
    judged.plot_id,
    judged.state,
    judged.needs_work,
    judged.severity,
    judged.dry_since_date,
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
    judged.confidence,
    judged.last_soil_at,
    judged.day_state,
    judged.is_open,
    judged.vegetation,
    judged.is_newly_planted,
    judged.soil_source,
    judged.soil_texture,
    judged.field_capacity,
    judged.wilting_point,
    judged.saturation,
    judged.sigma_field_capacity,
    judged.sigma_wilting_point,
    judged.covered_m,
    judged.coverage,
    judged.depletion_fraction,
    judged.main_layer_water_content,
    judged.depletion_share,
    judged.ks,
    judged.efficiency,
    judged.area_m2,
    judged.wetted_fraction,
    judged.irrigation,
    judged.visit_max_mm,
    judged.usual_litres_m2_low,
    judged.usual_litres_m2_high,
    case
        when judged.standing is not null then concat('drought_', judged.standing)
        when judged.quantity = 'matric_potential'
            then
                case
                    when judged.day_state = 'dry' and judged.is_open then 'drought_potential_dry'
                    when judged.day_state = 'dry' then 'drought_potential_dry_one_day'
                    when judged.is_open then 'drought_potential_not_recovered'
                    else concat('drought_potential_', judged.day_state)
                end
        when judged.is_open and judged.day_state = 'dry' and judged.severity = 4 then 'drought_dry_severe'
        when judged.is_open and judged.day_state = 'dry' then 'drought_dry'
        when judged.is_open then 'drought_not_recovered'
        when judged.day_state = 'dry' then 'drought_dry_one_day'
        when
            judged.day_state = 'watch'
            and judged.is_shallow_only
            and judged.volumetric_water_content <= judged.refill_point
            then 'drought_watch_shallow'
        else concat('drought_', judged.day_state)
    end as reason_code,
from judged
