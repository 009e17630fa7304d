-- A finding that lies in a plot with enough probability, with what kind of trouble its class is.
--
-- Grain: picture and detection
-- As of: captured_at up to as_of; days of the drone window only
-- Reads: image_detections, finding_kinds
-- Feeds: object_members, found_objects
-- Kept as: table
--
-- trust orders findings by confidence, and equal ones always in the same way.
select
    image_detections.picture_id,
    image_detections.image_id,
    image_detections.detection_id,
    coalesce(
        image_detections.flight_id,
        concat_ws('/', image_detections.drone_id, cast(image_detections.date as varchar))
    ) as flight_id,
    image_detections.captured_at,
    image_detections.class as finding_class,
    finding_kinds.kind,
    finding_kinds.route,
    finding_kinds.class_zh,
    finding_kinds.class_en,
    image_detections.confidence,
    printf(
        '%012.9f %s %s', image_detections.confidence, image_detections.picture_id, image_detections.detection_id
    ) as trust,
    image_detections.plot_id,
    image_detections.plot_probability,
    image_detections.centre_lon,
    image_detections.centre_lat,
    image_detections.ground_area_m2,
    greatest(image_detections.sigma_radial_m, image_detections.sigma_tangential_m) as sigma_m,
from image_detections
inner join finding_kinds on image_detections.class = finding_kinds.finding_class
where
    image_detections.date between coalesce(getvariable('drone_window_from'), date '0001-01-01')
    and coalesce(getvariable('window_to'), date '9999-12-31')
    and image_detections.captured_at <= coalesce(getvariable('as_of'), timestamptz 'infinity')
    and image_detections.plot_id is not null
    and image_detections.status in ('assigned', 'probable')
