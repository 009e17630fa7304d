-- The weather of one station on a local day, and whether it was heard enough to say what the day was like.
--
-- Grain: station and day
-- As of: readings up to as_of
-- Reads: staged_weather_readings, limits
-- Feeds: weather_days, campaign_rule_days
-- Kept as: table
--
-- Whole means: heard at night (0 to 6 o'clock, the coldest quarter of a day) and in the afternoon (12 to 18, the
-- warmest), each as far as the station is heard then on daily_completeness of its days; for temperature and for rain
-- each by itself. A station that is heard at night only has no mean, and one that goes over to a reading every three or
-- six hours has. One that goes over to 8 and 20 o'clock has a mean, too (is_air_mean_whole): morning and evening lie
-- between night and afternoon, and only its extremes are unknown. The mean is that of the quarters, and theirs that of
-- their hours: readings that come more often at night make no day colder.
with station_hours as (
    select
        device_id,
        date,
        floor(date_part('hour', timezone(coalesce(getvariable('timezone'), 'UTC'), measured_at)) / 6) as day_quarter,
        avg(air_temperature_c order by air_temperature_c) as air_temperature_c,
        min(air_temperature_c) as air_temperature_min_c,
        max(air_temperature_c) as air_temperature_max_c,
        sum(rain_depth_mm order by rain_depth_mm) as rain_mm,
    from staged_weather_readings
    group by device_id, date, day_quarter, floor(epoch(measured_at) / 3600)
),

quarters as (
    select
        device_id,
        date,
        day_quarter,
        avg(air_temperature_c order by air_temperature_c) as air_temperature_c,
        min(air_temperature_min_c) as air_temperature_min_c,
        max(air_temperature_max_c) as air_temperature_max_c,
        sum(rain_mm order by rain_mm) as rain_mm,
    from station_hours
    group by device_id, date, day_quarter
),

station_days as (
    select
        device_id,
        date,
        round(avg(air_temperature_c order by air_temperature_c), 9) as air_temperature_mean_c,
        min(air_temperature_min_c) as air_temperature_min_c,
        max(air_temperature_max_c) as air_temperature_max_c,
        round(sum(rain_mm order by rain_mm), 9) as rain_mm,
        count(case when day_quarter = 0 then air_temperature_c end) as air_nights,
        count(case when day_quarter = 2 then air_temperature_c end) as air_afternoons,
        count(case when day_quarter in (1, 3) then air_temperature_c end) as air_mornings_and_evenings,
        count(case when day_quarter = 0 then rain_mm end) as rain_nights,
        count(case when day_quarter = 2 then rain_mm end) as rain_afternoons,
    from quarters
    group by device_id, date
),

usual_days as (
    select
        station_days.device_id,
        avg(station_days.air_nights) >= max(limits.daily_completeness) as has_air_nights,
        avg(station_days.air_afternoons) >= max(limits.daily_completeness) as has_air_afternoons,
        avg(station_days.rain_nights) >= max(limits.daily_completeness) as has_rain_nights,
        avg(station_days.rain_afternoons) >= max(limits.daily_completeness) as has_rain_afternoons,
    from station_days
    cross join limits
    group by station_days.device_id
)

select
    station_days.device_id,
    station_days.date,
    station_days.air_temperature_mean_c,
    station_days.air_temperature_min_c,
    station_days.air_temperature_max_c,
    station_days.rain_mm,
    (station_days.air_nights > 0 or not usual_days.has_air_nights)
    and (station_days.air_afternoons > 0 or not usual_days.has_air_afternoons) as is_air_whole,
    is_air_whole
    or (station_days.air_nights + station_days.air_afternoons = 0 and station_days.air_mornings_and_evenings = 2)
        as is_air_mean_whole,
    (station_days.rain_nights > 0 or not usual_days.has_rain_nights)
    and (station_days.rain_afternoons > 0 or not usual_days.has_rain_afternoons) as is_rain_whole,
from station_days
inner join usual_days on station_days.device_id = usual_days.device_id
