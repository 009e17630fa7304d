-- What was seen in a plot that is no disease (rubble, litter, damage, gaps), and who is to hear of it.
--
-- Grain: plot and class
-- As of: captured_at up to as_of, of the drone window
-- Reads: found_objects, finding_routes, staged_coverage, plots, limits
-- Feeds: pages
-- Kept as: table
--
-- Objects of at least disease_confidence that lie in the plot with disease_probability, as the newest flight that saw
-- any shows them. It is gone once flights of clear_flights later days, whose analysed pictures show
-- clear_covered_fraction of the plot, show none. The route names who answers; where that is the plot's own unit, its
-- name is the register's.
with objects as (
    select
        found_objects.*,
        finding_routes.answers_zh,
        finding_routes.answers_en,
        finding_routes.is_plots_unit,
        max(found_objects.captured_at) over (
            partition by found_objects.plot_id, found_objects.finding_class, found_objects.flight_id
        ) as flight_found_at,
    from found_objects
    cross join limits
    inner join finding_routes on found_objects.route = finding_routes.route
    where
        finding_routes.is_shown
        and found_objects.confidence >= limits.disease_confidence
        and found_objects.plot_probability >= limits.disease_probability
),

ranked as (
    select
        objects.*,
        dense_rank() over (
            partition by objects.plot_id, objects.finding_class
            order by objects.flight_found_at desc, objects.flight_id asc
        ) as flight_rank,
        min(objects.captured_at) over (partition by objects.plot_id, objects.finding_class) as first_found_at,
    from objects
),

newest as (
    select
        plot_id,
        finding_class,
        max(route) as route,
        max(class_zh) as class_zh,
        max(class_en) as class_en,
        max(answers_zh) as answers_zh,
        max(answers_en) as answers_en,
        max(case when is_plots_unit then 1 else 0 end) = 1 as is_plots_unit,
        max(flight_id) as flight_id,
        count(*) as objects,
        max(images) as images,
        max(confidence) as confidence,
        round(sum(ground_area_m2), 2) as area_m2,
        min(first_found_at) as first_found_at,
        max(captured_at) as last_found_at,
        max_by(centre_lon, trust) as centre_lon,
        max_by(centre_lat, trust) as centre_lat,
        max_by(best_image_id, trust) as best_image_id,
    from ranked
    where flight_rank = 1
    group by plot_id, finding_class
),

clean as (
    select
        newest.plot_id,
        newest.finding_class,
        count(
            distinct cast(timezone(coalesce(getvariable('timezone'), 'UTC'), staged_coverage.first_at) as date)
        ) as clean_days,
    from newest
    cross join limits
    inner join staged_coverage on newest.plot_id = staged_coverage.plot_id
    where
        staged_coverage.analysed_fraction >= limits.clear_covered_fraction
        and staged_coverage.first_at > newest.last_found_at
    group by newest.plot_id, newest.finding_class
)

select
    newest.*,
    plots.name as plot_name,
    case when newest.is_plots_unit then plots.responsible_unit end as responsible_unit,
from newest
cross join limits
inner join plots on newest.plot_id = plots.plot_id
left join clean on newest.plot_id = clean.plot_id and newest.finding_class = clean.finding_class
where
    plots.valid_from <= coalesce(getvariable('as_of'), getvariable('now'), timestamptz 'infinity')
    and (
        plots.valid_to is null
        or plots.valid_to > coalesce(getvariable('as_of'), getvariable('now'), timestamptz 'infinity')
    )
    and coalesce(clean.clean_days, 0) < limits.clear_flights
