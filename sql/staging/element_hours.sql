-- The hourly grid that the ISMN gates look at: the median of all that an element said in an hour, good or bad.
--
-- Grain: element and hour with water content
-- As of: readings up to as_of
-- Reads: staged_soil_readings, elements
-- Feeds: hourly_breaks, low_plateaus, high_plateaus, unexplained_rises, outlying_hours
-- Kept as: table
--
-- hour counts hours since 1970 in UTC; an hour without a reading has no row. Water content is in percent of the volume,
-- as the published constants are. slope_pct is the first derivative of the Savitzky-Golay filter of three hours and
-- order two, half the difference of both neighbours: null beside a gap; at both ends of the series the end itself
-- stands for the neighbour that is missing.
with readings_of_elements as (
    select
        elements.element_id,
        cast(floor(epoch(staged_soil_readings.measured_at) / 3600) as integer) as hour,
        staged_soil_readings.volumetric_water_content,
    from staged_soil_readings
    inner join elements
        on
            staged_soil_readings.device_id = elements.device_id
            and staged_soil_readings.channel = elements.channel
            and staged_soil_readings.depth_cm is not distinct from elements.depth_cm
            and staged_soil_readings.plot_id is not distinct from elements.plot_id
    where staged_soil_readings.quarantine is null and staged_soil_readings.volumetric_water_content is not null
),

extremes as (
    select
        element_id,
        hour,
        count(*) as readings,
        (min(volumetric_water_content) + max(volumetric_water_content)) / 2 as volumetric_water_content,
    from readings_of_elements
    group by element_id, hour
),

crowded_hours as (
    select
        readings_of_elements.element_id,
        readings_of_elements.hour,
        percentile_cont(0.5) within group (order by readings_of_elements.volumetric_water_content)
            as volumetric_water_content,
    from readings_of_elements
    inner join extremes
        on readings_of_elements.element_id = extremes.element_id and readings_of_elements.hour = extremes.hour
    where extremes.readings > 2
    group by readings_of_elements.element_id, readings_of_elements.hour
),

hours as (
    select
        element_id,
        hour,
        round(100 * volumetric_water_content, 8) as water_content_pct,
    from extremes
    where readings <= 2
    union all
    select
        element_id,
        hour,
        round(100 * volumetric_water_content, 8) as water_content_pct,
    from crowded_hours
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
