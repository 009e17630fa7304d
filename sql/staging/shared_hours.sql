-- Hours in which a sensing element spoke more than once: only these need a median, the others are what they are.
--
-- Grain: element and hour with several readings
-- As of: readings up to as_of
-- Reads: staged_soil_readings
-- Feeds: element_hours, readings_hourly
-- Kept as: passing table
select
    element_id,
    hour,
    count(*) as readings,
from staged_soil_readings
group by element_id, hour
having count(*) > 1
