-- The verdict on disease of every plot, also where nobody looked.
--
-- Grain: plot
-- As of: captured_at up to as_of, of the drone window
-- Reads: staged_plots, found_objects, finding_answers, staged_coverage, vigour_flights, plot_flights, drone_images,
--     limits
-- Feeds: findings, coverage_findings
-- Kept as: table
--
-- Suspected means: one object of enough confidence and probability. Probable means: at least disease_images pictures or
-- disease_flights flights agree, or disease_share of the plot is affected. Findings of a class no longer count once
-- flights of clear_flights later days show none of that class in analysed pictures of clear_covered_fraction of the
-- plot, nor do those that people have answered (finding_answers); an issue that is opened again takes its answer back,
-- and only flights since then clear. A flight whose index still stands at or below vigour_clear_z clears nothing.
-- Confirmed means: a finding stands, and a crew found the disease on site since it was first seen. Probable and
-- confirmed need work; a suspicion waits for the next flight.
with answers as (
    select
        plot_id,
        answered_at,
        reopened_at,
        confirmed_at,
    from finding_answers
    where cause = 'disease'
),

objects as (
    select found_objects.*,
    from found_objects
    cross join limits
    where
        found_objects.kind = 'disease'
        and found_objects.confidence >= limits.disease_confidence
        and found_objects.plot_probability >= limits.disease_probability
),

newest_findings as (
    select
        plot_id,
        finding_class,
        max(captured_at) as last_found_at,
    from objects
    group by plot_id, finding_class
),

weak_flights as (
    select distinct
        vigour_flights.plot_id,
        vigour_flights.flight_id,
    from vigour_flights
    cross join limits
    where
        round(vigour_flights.robust_z - limits.vigour_clear_z, 9) <= 0
        or vigour_flights.state in ('alert', 'unconfirmed')
),

clean_flights as (
    select
        staged_coverage.plot_id,
        newest_findings.finding_class,
        count(
            distinct cast(timezone(coalesce(getvariable('timezone'), 'UTC'), staged_coverage.first_at) as date)
        ) as clean_days,
    from staged_coverage
    cross join limits
    inner join newest_findings on staged_coverage.plot_id = newest_findings.plot_id
    left join weak_flights
        on
            staged_coverage.plot_id = weak_flights.plot_id
            and staged_coverage.flight_id = weak_flights.flight_id
    left join answers on staged_coverage.plot_id = answers.plot_id
    where
        weak_flights.plot_id is null
        and staged_coverage.analysed_fraction >= limits.clear_covered_fraction
        and staged_coverage.first_at > newest_findings.last_found_at
        and (answers.reopened_at is null or staged_coverage.first_at > answers.reopened_at)
    group by staged_coverage.plot_id, newest_findings.finding_class
),

standing_objects as (
    select objects.*,
    from objects
    cross join limits
    left join clean_flights
        on objects.plot_id = clean_flights.plot_id and objects.finding_class = clean_flights.finding_class
    left join answers on objects.plot_id = answers.plot_id
    where
        coalesce(clean_flights.clean_days, 0) < limits.clear_flights
        and (answers.answered_at is null or answers.answered_at < objects.captured_at)
),

answered as (
    select distinct objects.plot_id,
    from objects
    inner join answers on objects.plot_id = answers.plot_id
    where answers.answered_at >= objects.captured_at
),

affected_areas as (
    select
        plot_id,
        flight_id,
        round(sum(ground_area_m2), 6) as affected_m2,
    from standing_objects
    group by plot_id, flight_id
),

worst_areas as (
    select
        plot_id,
        max(affected_m2) as affected_m2,
    from affected_areas
    group by plot_id
),

classes as (
    select
        standing_objects.plot_id,
        standing_objects.finding_class,
        max(standing_objects.class_zh) as class_zh,
        max(standing_objects.class_en) as class_en,
        count(*) as objects,
        count(distinct standing_objects.flight_id) as flights,
        max(standing_objects.images) as images,
        max(standing_objects.confidence) as confidence,
        min(standing_objects.captured_at) as first_found_at,
        max(standing_objects.captured_at) as last_found_at,
        max_by(standing_objects.best_picture_id, standing_objects.trust) as best_picture_id,
        max_by(standing_objects.best_image_id, standing_objects.trust) as best_image_id,
        max_by(standing_objects.centre_lon, standing_objects.trust) as centre_lon,
        max_by(standing_objects.centre_lat, standing_objects.trust) as centre_lat,
        max_by(standing_objects.sigma_m, standing_objects.trust) as sigma_m,
        max_by(standing_objects.plot_probability, standing_objects.trust) as plot_probability,
        array_to_string(array_sort(array_agg(cast(json_object(
            'captured_epoch_s', epoch(standing_objects.captured_at),
            'flight_id', standing_objects.flight_id,
            'confidence', round(standing_objects.confidence, 4),
            'plot_probability', round(standing_objects.plot_probability, 4),
            'images', standing_objects.images,
            'image_ids', string_split(standing_objects.image_ids, chr(10)),
            'lon', standing_objects.centre_lon,
            'lat', standing_objects.centre_lat,
            'area_m2', standing_objects.ground_area_m2
        ) as varchar))), ',') as objects_json,
    from standing_objects
    group by standing_objects.plot_id, standing_objects.finding_class
),

agreeing as (
    select
        classes.*,
        classes.images >= limits.disease_images or classes.flights >= limits.disease_flights as do_pictures_agree,
        row_number() over (
            partition by classes.plot_id
            order by
                classes.images >= limits.disease_images or classes.flights >= limits.disease_flights desc,
                classes.confidence desc,
                classes.finding_class asc
        ) as class_rank,
    from classes
    cross join limits
),

picture_ids as (
    select distinct
        standing_objects.plot_id,
        standing_objects.finding_class,
        unnest(string_split(standing_objects.picture_ids, chr(10))) as picture_id,
    from standing_objects
),

image_names as (
    select
        plot_id,
        finding_class,
        array_sort(array_agg(distinct image_id)) as image_ids,
    from (
        select
            plot_id,
            finding_class,
            unnest(string_split(image_ids, chr(10))) as image_id,
        from standing_objects
    ) as named
    group by plot_id, finding_class
),

uris as (
    select
        drone_images.picture_id,
        max(drone_images.object_uri) as object_uri,
    from drone_images
    where
        drone_images.date between coalesce(getvariable('drone_window_from'), date '0001-01-01')
        and coalesce(getvariable('window_to'), date '9999-12-31')
    group by drone_images.picture_id
),

pictures as (
    select
        picture_ids.plot_id,
        picture_ids.finding_class,
        array_sort(array_agg(uris.object_uri) filter (where uris.object_uri is not null)) as object_uris,
    from picture_ids
    left join uris on picture_ids.picture_id = uris.picture_id
    group by picture_ids.plot_id, picture_ids.finding_class
),

judged as (
    select
        staged_plots.plot_id,
        staged_plots.area_m2,
        agreeing.*,
        worst_areas.affected_m2,
        worst_areas.affected_m2 / staged_plots.area_m2 as affected_share,
        image_names.image_ids,
        pictures.object_uris,
        best_pictures.object_uri,
        plot_flights.last_flown_at,
        plot_flights.last_analysed_at,
        plot_flights.flown_days_ago,
        plot_flights.analysed_days_ago,
        plot_flights.glimpsed_days_ago,
        plot_flights.glimpsed_fraction,
        answered.plot_id is not null as is_answered,
        (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(answers.confirmed_at)) / 86400
            as confirmed_days_ago,
        limits.not_flown_days,
        limits.drone_window_days,
        limits.disease_confidence,
        limits.disease_share,
        case
            when answers.confirmed_at >= agreeing.first_found_at then 'confirmed'
            when agreeing.do_pictures_agree then 'probable'
            when coalesce(worst_areas.affected_m2 / staged_plots.area_m2, 0) >= limits.disease_share then 'probable'
            when agreeing.plot_id is not null then 'suspected'
            when not plot_flights.was_ever_flown then 'never_flown'
            when plot_flights.analysed_days_ago < limits.not_flown_days then 'ok'
            when plot_flights.flown_days_ago < limits.not_flown_days then 'not_analysed'
            else 'not_flown'
        end as state,
    from staged_plots
    cross join limits
    inner join plot_flights on staged_plots.plot_id = plot_flights.plot_id
    left join agreeing on staged_plots.plot_id = agreeing.plot_id and agreeing.class_rank = 1
    left join worst_areas on staged_plots.plot_id = worst_areas.plot_id
    left join image_names
        on agreeing.plot_id = image_names.plot_id and agreeing.finding_class = image_names.finding_class
    left join pictures on agreeing.plot_id = pictures.plot_id and agreeing.finding_class = pictures.finding_class
    left join answers on staged_plots.plot_id = answers.plot_id
    left join answered on staged_plots.plot_id = answered.plot_id
    left join uris as best_pictures on agreeing.best_picture_id = best_pictures.picture_id
)

select
    judged.plot_id,
    'disease' as cause,
    judged.state,
    judged.state in ('probable', 'confirmed') as needs_work,
    case
        when judged.state in ('probable', 'confirmed') then 3
        when judged.state = 'suspected' then 1
        else 0
    end as severity,
    judged.first_found_at as since,
    case
        when judged.state = 'probable' and not judged.do_pictures_agree then 'disease_probable_area'
        when judged.state = 'ok' and judged.is_answered then 'disease_answered'
        when judged.state = 'not_analysed' and judged.glimpsed_days_ago < judged.not_flown_days
            then 'disease_partly_seen'
        when judged.state = 'not_flown' and judged.analysed_days_ago is null and judged.flown_days_ago is null
            then 'disease_not_flown_window'
        else concat('disease_', judged.state)
    end as reason_code,
    cast(json_object(
        'images', judged.images,
        'flights', judged.flights,
        'class', judged.finding_class,
        'class_zh', judged.class_zh,
        'class_en', judged.class_en,
        'confidence_pct', cast(round(100 * judged.confidence) as bigint),
        'affected_pct', round(100 * judged.affected_share, 1),
        'covered_pct', cast(round(100 * judged.glimpsed_fraction) as bigint),
        'days', cast(floor(case
            when judged.state = 'confirmed' then judged.confirmed_days_ago
            when judged.state = 'not_analysed'
                then least(judged.flown_days_ago, coalesce(judged.glimpsed_days_ago, judged.flown_days_ago))
            else coalesce(judged.analysed_days_ago, judged.drone_window_days)
        end) as bigint)
    ) as varchar) as reason_params_json,
    round(judged.confidence, 4) as value,
    case when judged.finding_class is not null then judged.disease_confidence end as line,
    case when judged.finding_class is not null then '1' end as unit,
    case
        when judged.state in ('probable', 'confirmed') then 'high'
        when judged.state = 'suspected' then 'low'
    end as confidence,
    coalesce(judged.last_found_at, judged.last_analysed_at, judged.last_flown_at) as data_at,
    cast(json_object(
        'class', judged.finding_class,
        'best_image_id', judged.best_image_id,
        'object_uri', judged.object_uri,
        'image_ids', judged.image_ids,
        'object_uris', judged.object_uris,
        'lon', judged.centre_lon,
        'lat', judged.centre_lat,
        'sigma_m', judged.sigma_m,
        'plot_probability', judged.plot_probability,
        'confidence', judged.confidence,
        'images', judged.images,
        'flights', judged.flights,
        'objects', cast(concat('[', coalesce(judged.objects_json, ''), ']') as json),
        'affected_m2', round(judged.affected_m2, 2),
        'affected_share', round(judged.affected_share, 5),
        'last_analysed_epoch_s', epoch(judged.last_analysed_at)
    ) as varchar) as inputs_json,
from judged
