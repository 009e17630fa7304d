-- The sun's radiation above the air on a day with weather or a forecast.
--
-- Grain: day
-- As of: readings and forecasts up to as_of
-- Reads: et0_inputs, forecast_days, site_facts
-- Feeds: reference_et0, weather_outlook
-- Kept as: table
--
-- ASCE 2005 equations 21 to 28 with its solar constant of 4.92 MJ/m2 an hour; FAO-56 equation 21 has 0.0820 MJ/m2 a
-- minute, the same.
with days as (
    select date, from et0_inputs
    union distinct
    select date, from forecast_days
),

angles as (
    select
        days.date,
        1 + 0.033 * cos(2 * pi() / 365 * date_part('doy', days.date)) as inverse_distance,
        0.409 * sin(2 * pi() / 365 * date_part('doy', days.date) - 1.39) as declination,
        site_facts.latitude_deg * pi() / 180 as latitude,
    from days
    cross join site_facts
),

sunsets as (
    select
        angles.*,
        acos(least(greatest(-tan(angles.latitude) * tan(angles.declination), -1), 1)) as sunset_angle,
    from angles
)

select
    date,
    24 / pi() * 4.92 * inverse_distance * (
        sunset_angle * sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * sin(sunset_angle)
    ) as extraterrestrial_radiation_mj_m2,
from sunsets
