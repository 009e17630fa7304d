-- The hourly grid that the ISMN gates look at: the median of all that an element said in an hour, good or bad.
--
-- Grain: element and hour with water content
-- As of: readings up to as_of
-- Reads: staged_soil_readings, shared_hours
-- Feeds: hourly_breaks, low_plateaus, element_tops, saturated_stretches, high_plateaus, unexplained_rises,
--     outlying_hours, unsteady_devices
-- Kept as: passing table
--
-- hour is that of staged_soil_readings; an hour without a reading has no row. Water content is in percent of the
-- volume, as the published constants are. slope_pct is the first derivative of the Savitzky-Golay filter of three hours
-- and order two, half the difference of both neighbours: null beside a gap; at both ends of the series the end itself
-- stands for the neighbour that is missing.
with hours as (
    select
        staged_soil_readings.element_id,
        staged_soil_readings.hour,
        round(100 * staged_soil_readings.volumetric_water_content, 8) as water_content_pct,
    from staged_soil_readings
    left join shared_hours
        on
            staged_soil_readings.element_id = shared_hours.element_id
            and staged_soil_readings.hour = shared_hours.hour
    where
        staged_soil_readings.quarantine is null
        and staged_soil_readings.volumetric_water_content is not null
        and shared_hours.element_id is null
    union all
    select
        staged_soil_readings.element_id,
        staged_soil_readings.hour,
        round(
            100 * percentile_cont(0.5) within group (order by staged_soil_readings.volumetric_water_content), 8
        ) as water_content_pct,
    from staged_soil_readings
    inner join shared_hours
        on
            staged_soil_readings.element_id = shared_hours.element_id
            and staged_soil_readings.hour = shared_hours.hour
    where staged_soil_readings.quarantine is null and staged_soil_readings.volumetric_water_content is not null
    group by staged_soil_readings.element_id, staged_soil_readings.hour
)

select
    element_id,
    hour,
    water_content_pct,
    cast(row_number() over series as integer) as position,
    case
        when
            coalesce(lag(hour) over series, hour - 1) = hour - 1
            and coalesce(lead(hour) over series, hour + 1) = hour + 1
            then (
                lead(water_content_pct, 1, water_content_pct) over series
                - lag(water_content_pct, 1, water_content_pct) over series
            ) / 2
    end as slope_pct,
from hours
window series as (partition by element_id order by hour)
