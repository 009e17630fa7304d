-- When a sensing element first and last gave water, and last gave a value that somebody can use.
--
-- Grain: device, channel and depth
-- As of: readings up to as_of, of the window
-- Reads: element_reading_parts
-- Feeds: sensor_states
select
    device_id,
    channel,
    depth_cm,
    sum(water_readings) as water_readings,
    min(first_water_at) as first_water_at,
    max(last_water_at) as last_water_at,
    max(last_good_at) as last_good_at,
from element_reading_parts
group by device_id, channel, depth_cm
