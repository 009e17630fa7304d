-- The pictures of the drones, where they were taken and how much ground they show.
--
-- Grain: picture
-- As of: all history
-- Reads: drone_images
-- Feeds: questions of analysts
select
    picture_id,
    image_id,
    drone_id,
    flight_id,
    captured_at,
    received_at,
    date,
    media_kind,
    object_uri,
    sensor_kind,
    camera_model,
    lon,
    lat,
    coalesce(height_ground_m, height_takeoff_m) as height_m,
    yaw_deg,
    pitch_deg,
    roll_deg,
    attitude_source,
    footprint_status,
    footprint_reason,
    footprint_area_m2,
    is_analysed,
    detection_count,
    findings_refused,
from drone_images
