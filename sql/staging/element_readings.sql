-- When a sensing element first and last gave water, and last gave a value that somebody can use.
--
-- Grain: device, channel and depth
-- As of: readings up to as_of, of the window
-- Reads: readings
-- Feeds: sensor_states
-- Kept as: carried table
select
    device_id,
    channel,
    depth_cm,
    count(*) as water_readings,
    min(measured_at) as first_water_at,
    max(measured_at) as last_water_at,
    max(case when is_evidence or is_potential_usable or is_d01_frozen then measured_at end) as last_good_at,
from readings
where
    not is_quarantined
    and depth_cm is not null
    and (volumetric_water_content is not null or matric_potential_kpa is not null)
group by device_id, channel, depth_cm
