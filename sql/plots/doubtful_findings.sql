-- What was seen so near a border that nobody can say in which plot it is: a list to look at.
--
-- Grain: flight, class and place (a square of about ten metres)
-- As of: captured_at up to as_of; days of the drone window only
-- Reads: image_detections, finding_kinds, limits
-- Feeds: pages
-- Kept as: table
--
-- Ambiguous means: no plot holds half of it, all together at least a fifth. The place, the plots it may be in (plot to
-- probability, JSON) and the picture are those of the surest finding. What is no trouble is left out.
with findings as (
    select
        image_detections.*,
        finding_kinds.kind,
        finding_kinds.route,
        finding_kinds.class_zh,
        finding_kinds.class_en,
        coalesce(
            image_detections.flight_id,
            concat_ws('/', image_detections.drone_id, cast(image_detections.date as varchar))
        ) as one_flight_id,
        printf(
            '%012.9f %s %s', image_detections.confidence, image_detections.picture_id, image_detections.detection_id
        ) as trust,
    from image_detections
    cross join limits
    inner join finding_kinds on image_detections.class = finding_kinds.finding_class
    where
        image_detections.date between coalesce(getvariable('drone_window_from'), date '0001-01-01')
        and coalesce(getvariable('window_to'), date '9999-12-31')
        and image_detections.captured_at <= coalesce(getvariable('as_of'), timestamptz 'infinity')
        and image_detections.status = 'ambiguous'
        and image_detections.confidence >= limits.disease_confidence
        and finding_kinds.kind != 'none'
)

select
    one_flight_id as flight_id,
    class as finding_class,
    max(kind) as kind,
    max(route) as route,
    max(class_zh) as class_zh,
    max(class_en) as class_en,
    count(distinct picture_id) as images,
    max(confidence) as confidence,
    max(captured_at) as captured_at,
    max_by(centre_lon, trust) as centre_lon,
    max_by(centre_lat, trust) as centre_lat,
    round(max_by(greatest(sigma_radial_m, sigma_tangential_m), trust), 2) as sigma_m,
    max_by(plot_candidates_json, trust) as plot_candidates_json,
    max_by(image_id, trust) as best_image_id,
from findings
group by
    one_flight_id,
    class,
    round(centre_lon, 4),
    round(centre_lat, 4)
