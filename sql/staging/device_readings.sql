-- What the readings of a device say of its health: its newest of every kind, and how many there are.
--
-- Grain: device
-- As of: readings up to as_of, of the window
-- Reads: device_reading_parts
-- Feeds: sensor_states
--
-- frozen_share is the largest share of frozen readings that an element had in the 24 h before the newest reading.
select
    device_id,
    max(last_reading_at) as last_reading_at,
    max(last_usable_at) as last_usable_at,
    min(first_usable_at) as first_usable_at,
    max(last_frozen_at) as last_frozen_at,
    max(last_in_air_at) as last_in_air_at,
    min(first_in_air_at) as first_in_air_at,
    max(last_stuck_at) as last_stuck_at,
    max(last_low_plateau_at) as last_low_plateau_at,
    max(last_battery_at) as last_battery_at,
    max(last_any_at) as last_any_at,
    max_by(newest_water_content, newest_water_rank) as newest_water_content,
    sum(readings) as readings,
    sum(quarantined_readings) as quarantined_readings,
    sum(usable_readings) as usable_readings,
    sum(usable_potentials) as usable_potentials,
    sum(water_readings) as water_readings,
    sum(usable_with_depth) as usable_with_depth,
    max_by(frozen_share, last_reading_at) as frozen_share,
from device_reading_parts
group by device_id
