-- The weather of the site on a local day; air frost says that soil without a thermometer counts as frozen.
--
-- Grain: day
-- As of: readings up to as_of
-- Reads: weather_station_days, limits
-- Feeds: stream_day_gates, weather_outlook, balance_days, drought_evaluations, plot_stories
-- Kept as: table
--
-- Frost comes when the mean was below zero on air_frost_days finished days running, and goes when it was not on
-- air_thaw_days finished days running: soil thaws days after the air, and half of today is no mean. The day that ends
-- the frost is still a day of frost. It holds until next_date, so that a silent station thaws nothing. The mean
-- is the median over stations that were heard by night and by day, or morning and evening (weather_station_days).
with days as (
    select
        date,
        date < coalesce(getvariable('today'), date '9999-12-31') as is_finished,
        percentile_cont(0.5) within group (order by case when is_air_mean_whole then air_temperature_mean_c end)
            as air_temperature_mean_c,
        percentile_cont(0.5) within group (order by rain_mm) as rain_mm,
    from weather_station_days
    group by date
),

counts as (
    select
        days.date,
        days.air_temperature_mean_c,
        days.rain_mm,
        count(case when days.is_finished and days.air_temperature_mean_c < 0 then 1 end) over frost_span
        >= limits.air_frost_days as is_frost_complete,
        count(case when days.is_finished and days.air_temperature_mean_c >= 0 then 1 end) over thaw_span
        >= limits.air_thaw_days as is_thaw_complete,
        sum(days.rain_mm) over rain_span as recent_rain_mm,
    from days
    cross join limits
    window
        frost_span as (
            order by days.date
            range between interval (limits.air_frost_days - 1) day preceding and current row
        ),
        thaw_span as (
            order by days.date
            range between interval (limits.air_thaw_days - 1) day preceding and current row
        ),
        rain_span as (
            order by days.date
            range between interval (limits.rain_days - 1) day preceding and current row
        )
),

memories as (
    select
        counts.*,
        max(case when counts.is_frost_complete then counts.date end) over so_far as last_frost_date,
        max(case when counts.is_thaw_complete then counts.date end) over so_far as last_thaw_date,
    from counts
    window so_far as (order by counts.date rows between unbounded preceding and current row)
),

frosts as (
    select
        memories.*,
        coalesce(
            memories.last_frost_date is not null
            and (memories.last_thaw_date is null or memories.last_frost_date > memories.last_thaw_date),
            false
        ) as is_frosty,
    from memories
)

select
    date,
    air_temperature_mean_c,
    rain_mm,
    recent_rain_mm,
    is_frosty or coalesce(lag(is_frosty) over (order by date), false) as has_air_frost,
    lead(date) over (order by date) as next_date,
from frosts
