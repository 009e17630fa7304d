-- Hours in which water content rose near the surface although no rain fell (ISMN D04): watering, in a park.
--
-- Grain: element and hour
-- As of: readings up to as_of
-- Reads: element_hours, elements, staged_weather_readings, limits
-- Feeds: hourly_gates
-- Kept as: passing table
--
-- As flagit 0.3 computes it: up within the hour and, over rise_hours, by more than rise_sigmas standard deviations of
-- these hours, while less rain was measured in that time than wets the soil down to the sensor. Only above
-- rise_depth_max_cm, only where the depth is known, and never where nobody measures rain: without a gauge "no rain" is
-- not known. Of several gauges the median counts. A frame takes no column: its 24 hours are rise_hours.
with gauge_hours as (
    select
        staged_weather_readings.device_id,
        cast(
            floor(
                (epoch(staged_weather_readings.measured_at) + coalesce(getvariable('hour_offset_s'), 0)) / 3600
            ) as integer
        ) as hour,
        sum(staged_weather_readings.rain_depth_mm) as rain_mm,
    from staged_weather_readings
    where staged_weather_readings.rain_depth_mm is not null
    group by
        staged_weather_readings.device_id,
        cast(
            floor(
                (epoch(staged_weather_readings.measured_at) + coalesce(getvariable('hour_offset_s'), 0)) / 3600
            ) as integer
        )
),

rain_hours as (
    select
        hour,
        percentile_cont(0.5) within group (order by rain_mm) as rain_mm,
    from gauge_hours
    group by hour
),

shallow_hours as (
    select
        element_hours.element_id,
        element_hours.hour,
        element_hours.water_content_pct,
        lag(element_hours.water_content_pct) over series as pct_before,
        lag(element_hours.hour) over series as hour_before,
        first_value(element_hours.water_content_pct) over day as pct_day_before,
        first_value(element_hours.hour) over day as hour_day_before,
        stddev_samp(element_hours.water_content_pct) over day as deviation_pct,
        limits.rise_hours,
        limits.rise_sigmas,
        case
            when elements.depth_cm > 0 then round(10 * elements.depth_cm * limits.rise_rain_share, 9)
            else limits.rise_rain_min_mm
        end as rain_min_mm,
    from element_hours
    cross join limits
    inner join elements on element_hours.element_id = elements.element_id
    where
        elements.depth_cm < limits.rise_depth_max_cm
    window
        series as (partition by element_hours.element_id order by element_hours.hour),
        day as (
            partition by element_hours.element_id
            order by element_hours.hour
            range between 24 preceding and current row
        )
),

rises as (
    select
        shallow_hours.element_id,
        shallow_hours.hour,
        shallow_hours.rain_min_mm,
        shallow_hours.rise_hours,
    from shallow_hours
    where
        shallow_hours.hour_before = shallow_hours.hour - 1
        and shallow_hours.water_content_pct > shallow_hours.pct_before
        and shallow_hours.hour_day_before = shallow_hours.hour - shallow_hours.rise_hours
        and shallow_hours.water_content_pct - shallow_hours.pct_day_before
        > shallow_hours.rise_sigmas * shallow_hours.deviation_pct * (1 + 1e-5) + 1e-8
)

select
    rises.element_id,
    rises.hour,
from rises
inner join rain_hours
    on rain_hours.hour between rises.hour - rises.rise_hours + 1 and rises.hour
group by rises.element_id, rises.hour, rises.rain_min_mm
having round(sum(rain_hours.rain_mm), 1) < rises.rain_min_mm
