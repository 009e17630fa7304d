-- The weather of the site on a local day; air_frost says that the mean was below zero for air_frost_days running.
--
-- Grain: day
-- As of: readings up to as_of
-- Reads: staged_weather_readings, limits
-- Feeds: stream_day_gates
-- Kept as: table
with station_days as (
    select
        device_id,
        date,
        round(avg(air_temperature_c), 9) as air_temperature_mean_c,
        round(sum(rain_depth_mm), 9) as rain_mm,
    from staged_weather_readings
    group by device_id, date
),

days as (
    select
        date,
        percentile_cont(0.5) within group (order by air_temperature_mean_c) as air_temperature_mean_c,
        percentile_cont(0.5) within group (order by rain_mm) as rain_mm,
    from station_days
    group by date
),

runs as (
    select
        days.date,
        days.air_temperature_mean_c,
        days.rain_mm,
        count(case when days.air_temperature_mean_c < 0 then 1 end) over last_days as frost_days,
        max(days.air_temperature_mean_c) over last_days as warmest_mean_c,
        limits.air_frost_days,
    from days
    cross join limits
    window last_days as (order by days.date range between interval 1 day preceding and current row)
)

select
    date,
    air_temperature_mean_c,
    rain_mm,
    coalesce(frost_days >= air_frost_days and warmest_mean_c < 0, false) as has_air_frost,
from runs
