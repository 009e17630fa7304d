-- One sick spot seen in one flight, made of the findings of all pictures that show it.
--
-- Grain: plot, flight, class and object
-- As of: captured_at up to as_of
-- Reads: staged_detections, limits
-- Feeds: disease_findings
-- Kept as: table
--
-- Same class, same flight, centres nearer than same_object_sigmas x sigma is one object: each finding joins the most
-- confident finding near it, and that one's own. A finding below disease_confidence is no part of any: two pictures
-- agree when each is sure enough. Distances on the sphere of 6,371 km, good to 0.5 % within a plot.
with findings as (
    select staged_detections.*,
    from staged_detections
    cross join limits
    where staged_detections.kind = 'disease' and staged_detections.confidence >= limits.disease_confidence
),

pairs as (
    select
        one.plot_id,
        one.flight_id,
        one.finding_class,
        one.picture_id,
        one.detection_id,
        concat_ws('/', one.picture_id, one.detection_id) as finding,
        concat_ws('/', other.picture_id, other.detection_id) as near_finding,
        other.trust as near_trust,
    from findings as one
    inner join findings as other
        on
            one.plot_id = other.plot_id
            and one.flight_id = other.flight_id
            and one.finding_class = other.finding_class
    cross join limits
    where
        (one.picture_id = other.picture_id and one.detection_id = other.detection_id)
        or 6371000 * radians(1) * sqrt(
            power(one.centre_lat - other.centre_lat, 2)
            + power((one.centre_lon - other.centre_lon) * cos(radians(one.centre_lat)), 2)
        ) < limits.same_object_sigmas * greatest(coalesce(one.sigma_m, 0), coalesce(other.sigma_m, 0))
),

leaders as (
    select
        plot_id,
        flight_id,
        finding_class,
        picture_id,
        detection_id,
        finding,
        max_by(near_finding, near_trust) as leader,
    from pairs
    group by plot_id, flight_id, finding_class, picture_id, detection_id, finding
),

members as (
    select
        leaders.plot_id,
        leaders.flight_id,
        leaders.finding_class,
        leaders.picture_id,
        leaders.detection_id,
        leaders_of_leaders.leader as object_id,
    from leaders
    inner join leaders as leaders_of_leaders
        on
            leaders.plot_id = leaders_of_leaders.plot_id
            and leaders.flight_id = leaders_of_leaders.flight_id
            and leaders.finding_class = leaders_of_leaders.finding_class
            and leaders.leader = leaders_of_leaders.finding
)

select
    members.plot_id,
    members.flight_id,
    members.finding_class,
    members.object_id,
    max(staged_detections.class_zh) as class_zh,
    max(staged_detections.class_en) as class_en,
    count(distinct members.picture_id) as images,
    max(staged_detections.confidence) as confidence,
    max(staged_detections.trust) as trust,
    max(staged_detections.plot_probability) as plot_probability,
    max_by(staged_detections.picture_id, staged_detections.trust) as best_picture_id,
    max_by(staged_detections.image_id, staged_detections.trust) as best_image_id,
    max_by(staged_detections.centre_lon, staged_detections.trust) as centre_lon,
    max_by(staged_detections.centre_lat, staged_detections.trust) as centre_lat,
    max_by(staged_detections.sigma_m, staged_detections.trust) as sigma_m,
    max(staged_detections.ground_area_m2) as ground_area_m2,
    max(staged_detections.captured_at) as captured_at,
    array_to_string(array_sort(array_agg(distinct members.picture_id)), chr(10)) as picture_ids,
    array_to_string(array_sort(array_agg(distinct staged_detections.image_id)), chr(10)) as image_ids,
from members
inner join staged_detections
    on members.picture_id = staged_detections.picture_id and members.detection_id = staged_detections.detection_id
group by members.plot_id, members.flight_id, members.finding_class, members.object_id
