-- What the air will ask of a short grass, and bring it, on the coming days; and what it did on the last few.
--
-- Grain: day, from two before the evaluation to outlook_days after it
-- As of: readings and forecasts up to as_of
-- Reads: reference_et0, forecast_days, sun_days, weather_days, limits
-- Feeds: dry_forecasts
-- Kept as: table
--
-- ET0 of a day: measured; else Hargreaves of its forecast temperatures (FAO-56 equation 52); else the mean of the last
-- outlook_recent_days. No row's ET0 is known where neither weather nor forecast is. Rain to expect is amount times
-- probability.
with days as (
    select
        cast(
            unnest(
                generate_series(
                    cast(getvariable('window_to') as date) - cast(evaluation_days as integer),
                    cast(getvariable('window_to') as date) + cast(outlook_days as integer),
                    interval 1 day
                )
            ) as date
        ) as date,
    from limits
),

recent as (
    select case when count(*) >= max(limits.outlook_recent_least) then avg(reference_et0.et0_mm) end as et0_mm,
    from reference_et0
    cross join limits
    where
        reference_et0.date
        >= cast(getvariable('window_to') as date) - cast(limits.outlook_recent_days as integer)
        and reference_et0.date < cast(getvariable('window_to') as date)
),

gathered as (
    select
        days.date,
        reference_et0.et0_mm as measured_et0_mm,
        case
            when
                forecast_days.temperature_max_c >= forecast_days.temperature_min_c
                and forecast_days.temperature_max_c + forecast_days.temperature_min_c > -35.6
                then
                    0.0023
                    * ((forecast_days.temperature_max_c + forecast_days.temperature_min_c) / 2 + 17.8)
                    * sqrt(forecast_days.temperature_max_c - forecast_days.temperature_min_c)
                    * 0.408
                    * sun_days.extraterrestrial_radiation_mj_m2
        end as forecast_et0_mm,
        recent.et0_mm as recent_et0_mm,
        weather_days.rain_mm as measured_rain_mm,
        forecast_days.rain_mm as forecast_rain_mm,
        coalesce(forecast_days.rain_probability_pct, 0) / 100 as rain_probability,
        days.date < cast(getvariable('window_to') as date) as is_over,
    from days
    cross join recent
    left join reference_et0 on days.date = reference_et0.date
    left join forecast_days on days.date = forecast_days.date
    left join sun_days on days.date = sun_days.date
    left join weather_days on days.date = weather_days.date
)

select
    date,
    is_over,
    round(coalesce(measured_et0_mm, forecast_et0_mm, recent_et0_mm), 9) as et0_mm,
    case when is_over then coalesce(measured_rain_mm, 0) else coalesce(forecast_rain_mm, 0) * rain_probability end
        as rain_expected_mm,
    case when is_over then coalesce(measured_rain_mm, 0) else coalesce(forecast_rain_mm, 0) end as rain_at_most_mm,
    case when is_over then coalesce(measured_rain_mm, 0) else 0 end as rain_at_least_mm,
from gathered
