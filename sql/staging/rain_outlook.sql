-- The rain that a forecast promises for the next rain_likely_hours, and whether it is likely enough to count on.
--
-- Grain: one row
-- As of: forecasts issued up to as_of
-- Reads: forecast_days, limits
-- Feeds: watering_needs
-- Kept as: table
--
-- The days that the hours touch, today's rest and the last day's beginning with their share of the amount. Each day
-- rains its amount with its probability or not at all, independent of the others; the probability is that of all
-- outcomes that bring rain_likely_mm or more. An amount without a probability promises nothing. Without a forecast the
-- rain is 0 and is_known is false.
with shares as (
    select
        date_diff('day', cast(getvariable('window_to') as date), forecast_days.date) as day_number,
        forecast_days.rain_mm * greatest(
            least(
                epoch(timezone(coalesce(getvariable('timezone'), 'UTC'), cast(forecast_days.date + 1 as timestamp))),
                epoch(cast(getvariable('as_of') as timestamptz)) + limits.rain_likely_hours * 3600
            ) - greatest(
                epoch(timezone(coalesce(getvariable('timezone'), 'UTC'), cast(forecast_days.date as timestamp))),
                epoch(cast(getvariable('as_of') as timestamptz))
            ), 0
        ) / 86400 as rain_mm,
        forecast_days.rain_probability_pct / 100 as probability,
        limits.rain_likely_mm,
        limits.rain_likely_pct,
    from forecast_days
    cross join limits
    where forecast_days.rain_mm is not null and forecast_days.rain_probability_pct is not null
),

days as (
    select
        count(*) as days,
        coalesce(max(case when day_number = 0 then rain_mm end), 0) as first_mm,
        coalesce(max(case when day_number = 1 then rain_mm end), 0) as second_mm,
        coalesce(max(case when day_number = 2 then rain_mm end), 0) as third_mm,
        coalesce(max(case when day_number = 0 then probability end), 0) as first_probability,
        coalesce(max(case when day_number = 1 then probability end), 0) as second_probability,
        coalesce(max(case when day_number = 2 then probability end), 0) as third_probability,
    from shares
    where day_number between 0 and 2
),

sides as (
    select
        first_day.rains as first_rains,
        second_day.rains as second_rains,
        third_day.rains as third_rains,
    from (values (0), (1)) as first_day (rains)
    cross join (values (0), (1)) as second_day (rains)
    cross join (values (0), (1)) as third_day (rains)
),

outcomes as (
    select
        days.first_mm * sides.first_rains + days.second_mm * sides.second_rains + days.third_mm * sides.third_rains
            as rain_mm,
        abs(1 - sides.first_rains - days.first_probability)
        * abs(1 - sides.second_rains - days.second_probability)
        * abs(1 - sides.third_rains - days.third_probability) as probability,
    from days
    cross join sides
),

chances as (
    select
        sum(case when round(outcomes.rain_mm - limits.rain_likely_mm, 9) >= 0 then outcomes.probability else 0 end)
            as probability,
    from outcomes
    cross join limits
)

select
    days.days > 0 as is_known,
    days.first_mm + days.second_mm + days.third_mm as rain_mm,
    100 * chances.probability as probability_pct,
    round(100 * chances.probability - limits.rain_likely_pct, 9) >= 0 as is_likely,
from days
cross join chances
cross join limits
