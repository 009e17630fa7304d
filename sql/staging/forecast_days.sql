-- The newest forecast of a local day that was issued up to the instant of the evaluation.
--
-- Grain: day
-- As of: issued_at up to as_of and not older than forecast_max_age_hours
-- Reads: weather_forecasts, limits
-- Feeds: sun_days, weather_outlook, rain_outlook
-- Kept as: table
--
-- Of two sources the one that issued last speaks for the day as a whole: amounts and probabilities are not mixed.
with issues as (
    select
        weather_forecasts.forecast_date as date,
        weather_forecasts.source,
        weather_forecasts.issued_at,
        max(case when weather_forecasts.rain_mm >= 0 then weather_forecasts.rain_mm end) as rain_mm,
        max(
            case
                when weather_forecasts.rain_probability_pct between 0 and 100
                    then weather_forecasts.rain_probability_pct
            end
        ) as rain_probability_pct,
        max(case when not isnan(weather_forecasts.temperature_min_c) then weather_forecasts.temperature_min_c end)
            as temperature_min_c,
        max(case when not isnan(weather_forecasts.temperature_max_c) then weather_forecasts.temperature_max_c end)
            as temperature_max_c,
    from weather_forecasts
    cross join limits
    where
        weather_forecasts.date
        >= cast(getvariable('window_to') as date) - cast(ceil(limits.forecast_max_age_hours / 24) as integer)
        and weather_forecasts.date <= cast(getvariable('window_to') as date)
        and weather_forecasts.issued_at <= cast(getvariable('as_of') as timestamptz)
        and epoch(cast(getvariable('as_of') as timestamptz)) - epoch(weather_forecasts.issued_at)
        <= limits.forecast_max_age_hours * 3600
    group by weather_forecasts.forecast_date, weather_forecasts.source, weather_forecasts.issued_at
),

ranked as (
    select
        issues.*,
        row_number() over (partition by issues.date order by issues.issued_at desc, issues.source asc) as age_rank,
    from issues
)

select
    date,
    source,
    issued_at,
    rain_mm,
    rain_probability_pct,
    temperature_min_c,
    temperature_max_c,
from ranked
where age_rank = 1
