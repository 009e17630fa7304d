-- One thing seen in one flight (a sick spot, a heap of rubble), made of the findings of all pictures that show it.
--
-- Grain: plot, flight, class and object
-- As of: captured_at up to as_of
-- Reads: staged_detections, object_members
-- Feeds: disease_findings, routed_findings, vigour_scores
-- Kept as: table
--
-- Its confidence, place and probability are those of its best findings. Its area is the largest that one picture shows
-- of it: several findings of one picture are parts of it, and other pictures show the same parts again.
with members as (
    select
        staged_detections.*,
        object_members.object_rank,
        sum(staged_detections.ground_area_m2) over (
            partition by object_members.object_rank, staged_detections.picture_id
        ) as picture_area_m2,
    from object_members
    inner join staged_detections
        on
            object_members.picture_id = staged_detections.picture_id
            and object_members.detection_id = staged_detections.detection_id
)

select
    plot_id,
    flight_id,
    finding_class,
    object_rank,
    max(kind) as kind,
    max(route) as route,
    max(class_zh) as class_zh,
    max(class_en) as class_en,
    count(distinct picture_id) as images,
    max(confidence) as confidence,
    max(trust) as trust,
    max(plot_probability) as plot_probability,
    max_by(picture_id, trust) as best_picture_id,
    max_by(image_id, trust) as best_image_id,
    max_by(centre_lon, trust) as centre_lon,
    max_by(centre_lat, trust) as centre_lat,
    max_by(sigma_m, trust) as sigma_m,
    max(round(picture_area_m2, 6)) as ground_area_m2,
    max(captured_at) as captured_at,
    array_to_string(array_sort(array_agg(distinct picture_id)), chr(10)) as picture_ids,
    array_to_string(array_sort(array_agg(distinct image_id)), chr(10)) as image_ids,
from members
group by plot_id, flight_id, finding_class, object_rank
