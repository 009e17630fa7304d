-- A sensing element as it stood in one plot, numbered so that the hourly gates can count on short keys.
--
-- Grain: device, channel, depth and plot
-- As of: readings up to as_of
-- Reads: staged_soil_readings
-- Feeds: element_hours, hourly_breaks, unexplained_rises, outlying_hours, hourly_gates
-- Kept as: table
--
-- A probe that was moved is another element: the step between two soils is no jump. The number means nothing outside of
-- one evaluation.
select
    staged_soil_readings.device_id,
    staged_soil_readings.channel,
    staged_soil_readings.depth_cm,
    staged_soil_readings.plot_id,
    max(staged_soil_readings.field_capacity) as field_capacity,
    cast(
        row_number() over (
            order by
                staged_soil_readings.device_id, staged_soil_readings.channel, staged_soil_readings.depth_cm,
                staged_soil_readings.plot_id
        ) as integer
    ) as element_id,
from staged_soil_readings
where staged_soil_readings.quarantine is null and staged_soil_readings.volumetric_water_content is not null
group by
    staged_soil_readings.device_id,
    staged_soil_readings.channel,
    staged_soil_readings.depth_cm,
    staged_soil_readings.plot_id
