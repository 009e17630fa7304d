-- What was recognised in the pictures, on the ground, with the plot it most probably lies in.
--
-- Grain: picture and detection
-- As of: all history
-- Reads: image_detections
-- Feeds: questions of analysts
select
    picture_id,
    image_id,
    detection_id,
    drone_id,
    flight_id,
    captured_at,
    date,
    class as finding_class,
    confidence,
    severity,
    status,
    plot_id,
    plot_probability,
    centre_lon,
    centre_lat,
    ground_area_m2,
    sigma_radial_m,
    sigma_tangential_m,
    model_name,
    model_version,
from image_detections
