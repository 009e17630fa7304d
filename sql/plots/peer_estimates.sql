-- How dry a plot without any probe is likely to be, by plots of its kind that have some.
--
-- Grain: plot without a probe, with estimate_peers or more plots of its kind
-- As of: as_of
-- Reads: staged_plots, sensor_states, drought_basis, wetting_events, watering_reports, soil_textures, site_facts,
--     limits
-- Feeds: drought_findings, drought_flags
-- Kept as: table
--
-- Of its kind means: the same vegetation, age (newly planted or not), soil texture and way of watering. A plot counts
-- whose water content is judged now, is not frozen, and not by one shallow probe alone, unless the newest water came to
-- it by a crew, by order or by nobody knows whom: what was brought there was not brought here. Depletion is the median
-- of theirs (low, high: quartiles), carried to this plot's own soil; dry: when an issue of more than half of them is
-- open, so that it opens and closes as they do. Nothing is estimated for estimate_after_report_days after water was
-- reported here. Is ordering means: [water] plots_without_probe says order, and the estimate is judged like a verdict.
with kinds as (
    select
        staged_plots.plot_id,
        staged_plots.vegetation,
        staged_plots.is_newly_planted,
        staged_plots.irrigation,
        soil_textures.texture_key,
        staged_plots.field_capacity,
        staged_plots.wilting_point,
        staged_plots.root_zone_m,
    from staged_plots
    inner join soil_textures
        on replace(replace(lower(trim(staged_plots.soil_texture)), ' ', '_'), '-', '_') = soil_textures.texture_key
    where staged_plots.vegetation is not null and staged_plots.root_zone_m > 0
),

probed as (
    select distinct plot_id,
    from sensor_states
    where not is_weather_station
),

newest_waters as (
    select
        plot_id,
        max_by(source, epoch(ends_at)) as source,
    from wetting_events
    group by plot_id
),

reported as (
    select
        plot_id,
        max(reported_at) as reported_at,
    from watering_reports
    group by plot_id
),

judged_peers as (
    select
        kinds.vegetation,
        kinds.is_newly_planted,
        kinds.irrigation,
        kinds.texture_key,
        drought_basis.depletion_share,
        drought_basis.depletion_fraction,
        drought_basis.is_open,
        drought_basis.date,
    from drought_basis
    inner join kinds on drought_basis.plot_id = kinds.plot_id
    left join newest_waters on drought_basis.plot_id = newest_waters.plot_id
    where
        drought_basis.quantity = 'water_content'
        and not drought_basis.is_frozen
        and not drought_basis.is_shallow_only
        and coalesce(newest_waters.source not in ('crew', 'ordered', 'nobody'), true)
),

peers_of_kinds as (
    select
        vegetation,
        is_newly_planted,
        irrigation,
        texture_key,
        count(*) as peers,
        count(case when is_open then 1 end) as peers_dry,
        round(percentile_cont(0.5) within group (order by depletion_share), 9) as depletion_share,
        round(percentile_cont(0.25) within group (order by depletion_share), 9) as depletion_share_low,
        round(percentile_cont(0.75) within group (order by depletion_share), 9) as depletion_share_high,
        round(percentile_cont(0.5) within group (order by depletion_fraction), 9) as depletion_fraction,
        max(date) as date,
    from judged_peers
    group by vegetation, is_newly_planted, irrigation, texture_key
)

select
    kinds.plot_id,
    peers_of_kinds.peers,
    peers_of_kinds.peers_dry,
    peers_of_kinds.date,
    peers_of_kinds.depletion_share,
    peers_of_kinds.depletion_share_low,
    peers_of_kinds.depletion_share_high,
    peers_of_kinds.depletion_fraction,
    2 * peers_of_kinds.peers_dry > peers_of_kinds.peers as is_open,
    case
        when 2 * peers_of_kinds.peers_dry > peers_of_kinds.peers then 'dry'
        when
            round(
                peers_of_kinds.depletion_share - limits.watch_share * peers_of_kinds.depletion_fraction, 9
            ) >= 0
            then 'watch'
        else 'ok'
    end as state,
    least(
        case
            when
                round(
                    1 - peers_of_kinds.depletion_share - limits.ks_mild * (1 - peers_of_kinds.depletion_fraction), 9
                ) >= 0
                then 1
            when
                round(
                    1 - peers_of_kinds.depletion_share - limits.ks_moderate * (1 - peers_of_kinds.depletion_fraction), 9
                ) >= 0
                then 2
            else 3
        end, limits.estimate_severity_most
    ) as severity,
    1000 * (kinds.field_capacity - kinds.wilting_point) * kinds.root_zone_m as total_available_water_mm,
    1000 * (kinds.field_capacity - kinds.wilting_point) * kinds.root_zone_m * peers_of_kinds.depletion_share
        as depletion_mm,
    kinds.field_capacity - peers_of_kinds.depletion_share * (kinds.field_capacity - kinds.wilting_point)
        as volumetric_water_content,
    kinds.field_capacity - peers_of_kinds.depletion_fraction * (kinds.field_capacity - kinds.wilting_point)
        as refill_point,
    site_facts.plots_without_probe = 'order' as is_ordering,
from kinds
cross join limits
cross join site_facts
inner join peers_of_kinds
    on
        kinds.vegetation = peers_of_kinds.vegetation
        and kinds.is_newly_planted = peers_of_kinds.is_newly_planted
        and kinds.irrigation is not distinct from peers_of_kinds.irrigation
        and kinds.texture_key = peers_of_kinds.texture_key
left join probed on kinds.plot_id = probed.plot_id
left join reported on kinds.plot_id = reported.plot_id
where
    probed.plot_id is null
    and site_facts.plots_without_probe in ('show', 'order')
    and kinds.field_capacity > kinds.wilting_point
    and peers_of_kinds.peers >= limits.estimate_peers
    and coalesce(
        epoch(cast(getvariable('as_of') as timestamptz)) - epoch(reported.reported_at)
        >= limits.estimate_after_report_days * 86400, true
    )
