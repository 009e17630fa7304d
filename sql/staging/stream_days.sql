-- The extremes of a stream on a local day: what the day's gates need.
--
-- Grain: stream (device, channel and depth) and day
-- As of: readings up to as_of
-- Reads: element_days
-- Feeds: stream_day_gates
-- Kept as: passing table
select
    stream_id,
    date,
    max_by(element_id, last_at) as last_element_id,
    max(field_capacity) as field_capacity,
    max(battery_low_v) as battery_low_v,
    max(bound_at) as bound_at,
    min(first_at) as first_at,
    max(last_at) as last_at,
    min(water_content_min) as water_content_min,
    max(water_content_max) as water_content_max,
    min(soil_temperature_min_c) as soil_temperature_min_c,
    max(soil_temperature_max_c) as soil_temperature_max_c,
    sum(temperature_readings) as temperature_readings,
    sum(cold_readings) as cold_readings,
    min(bulk_ec_min_ds_m) as bulk_ec_min_ds_m,
    max(bulk_ec_max_ds_m) as bulk_ec_max_ds_m,
    min(first_in_soil_at) as first_in_soil_at,
from element_days
where stream_id is not null
group by stream_id, date
