-- The reference evapotranspiration of a short grass in an hour, where stations measure all that it takes.
--
-- Grain: hour
-- As of: readings up to as_of; days of the window only
-- Reads: staged_weather_readings, staged_devices, site_facts, reference_surfaces
-- Feeds: reference_et0
-- Kept as: table
--
-- ASCE 2005 standardised Penman-Monteith, hourly (equations 1 and 34 to 67), of the median over the stations. By day
-- (net radiation not below zero) and by night the resistance and the heat that goes into the soil differ. How cloudy
-- it is shows only while the sun stands above 0.3 rad: till the next morning the last value counts, before the first
-- one the first. Wind and air pressure are as in et0_inputs. Wind that nobody measures is the usual one; without
-- temperature, humidity or radiation there is no row, because what stands in for them is of a day and not of an hour.
with station_hours as (
    select
        staged_weather_readings.device_id,
        floor(epoch(staged_weather_readings.measured_at) / 3600) * 3600 as hour_s,
        min(staged_weather_readings.date) as date,
        avg(staged_weather_readings.air_temperature_c) as temperature_c,
        avg(
            staged_weather_readings.relative_humidity_pct / 100
            * 0.6108
            * exp(
                17.27 * staged_weather_readings.air_temperature_c / (staged_weather_readings.air_temperature_c + 237.3)
            )
        ) as vapour_kpa,
        avg(
            staged_weather_readings.wind_speed_m_s
            * 4.87 / ln(67.8 * coalesce(staged_devices.wind_height_m, site_facts.wind_height_m) - 5.42)
        ) as wind_2m_m_s,
        avg(coalesce(staged_devices.elevation_m, site_facts.elevation_m)) as elevation_m,
        avg(
            case
                when
                    abs(
                        staged_weather_readings.air_pressure_kpa
                        - 101.3
                        * power(
                            (293 - 0.0065 * coalesce(staged_devices.elevation_m, site_facts.elevation_m)) / 293, 5.26
                        )
                    ) <= site_facts.station_pressure_slack_kpa
                    then staged_weather_readings.air_pressure_kpa
            end
        ) as air_pressure_kpa,
        avg(
            case
                when staged_weather_readings.solar_radiation_w_m2 < 0 then 0
                else staged_weather_readings.solar_radiation_w_m2
            end
        ) * 0.0036 as radiation_mj_m2,
    from staged_weather_readings
    cross join site_facts
    left join staged_devices
        on
            staged_weather_readings.device_id = staged_devices.device_id
            and staged_weather_readings.measured_at >= staged_devices.valid_from
            and staged_weather_readings.measured_at < staged_devices.valid_until
    group by staged_weather_readings.device_id, floor(epoch(staged_weather_readings.measured_at) / 3600)
),

site_hours as (
    select
        hour_s,
        min(date) as date,
        percentile_cont(0.5) within group (order by temperature_c) as temperature_c,
        percentile_cont(0.5) within group (order by vapour_kpa) as vapour_kpa,
        percentile_cont(0.5) within group (order by wind_2m_m_s) as wind_2m_m_s,
        percentile_cont(0.5) within group (order by case when temperature_c is not null then elevation_m end)
            as elevation_m,
        percentile_cont(0.5) within group (order by air_pressure_kpa) as air_pressure_kpa,
        percentile_cont(0.5) within group (order by radiation_mj_m2) as radiation_mj_m2,
    from station_hours
    group by hour_s
),

angles as (
    select
        site_hours.*,
        site_facts.latitude_deg * pi() / 180 as latitude,
        1 + 0.033 * cos(2 * pi() / 365 * date_part('doy', site_hours.date)) as inverse_distance,
        0.409 * sin(2 * pi() / 365 * date_part('doy', site_hours.date) - 1.39) as declination,
        2 * pi() * (date_part('doy', site_hours.date) - 81) / 364 as season,
        site_hours.hour_s / 3600 - floor(site_hours.hour_s / 86400) * 24 + 0.5 + site_facts.longitude_deg / 15
            as mean_solar_hour,
        coalesce(site_hours.wind_2m_m_s, site_facts.wind_default_m_s) as usual_wind_2m_m_s,
        0.000665
        * coalesce(
            site_hours.air_pressure_kpa, 101.3 * power((293 - 0.0065 * site_hours.elevation_m) / 293, 5.26)
        ) as psychrometric_kpa,
    from site_hours
    cross join site_facts
    where
        site_hours.temperature_c is not null
        and site_hours.vapour_kpa is not null
        and site_hours.radiation_mj_m2 is not null
),

suns as (
    select
        angles.*,
        acos(least(greatest(-tan(angles.latitude) * tan(angles.declination), -1), 1)) as sunset_angle,
        angles.mean_solar_hour
        + 0.1645 * sin(2 * angles.season) - 0.1255 * cos(angles.season) - 0.025 * sin(angles.season)
            as solar_hour,
    from angles
),

turns as (
    select
        suns.*,
        pi() / 12 * (suns.solar_hour - floor(suns.solar_hour / 24) * 24 - 12) as hour_angle,
    from suns
),

heights as (
    select
        turns.*,
        least(greatest(turns.hour_angle - pi() / 24, -turns.sunset_angle), turns.sunset_angle) as begin_angle,
        least(greatest(turns.hour_angle + pi() / 24, -turns.sunset_angle), turns.sunset_angle) as end_angle,
        asin(
            sin(turns.latitude) * sin(turns.declination)
            + cos(turns.latitude) * cos(turns.declination) * cos(turns.hour_angle)
        ) as sun_height,
    from turns
),

skies as (
    select
        heights.*,
        (0.75 + 2e-5 * heights.elevation_m)
        * 12 / pi() * 4.92 * heights.inverse_distance
        * (
            (heights.end_angle - heights.begin_angle) * sin(heights.latitude) * sin(heights.declination)
            + cos(heights.latitude)
            * cos(heights.declination)
            * (sin(heights.end_angle) - sin(heights.begin_angle))
        ) as clear_sky_mj_m2,
    from heights
),

days_and_nights as (
    select
        skies.*,
        case
            when skies.sun_height >= 0.3 and skies.clear_sky_mj_m2 > 0
                then least(greatest(skies.radiation_mj_m2 / skies.clear_sky_mj_m2, 0.3), 1) * 1.35 - 0.35
        end as cloudiness,
        sum(case when skies.sun_height >= 0.3 and skies.clear_sky_mj_m2 > 0 then 1 else 0 end) over (
            order by skies.hour_s rows between unbounded preceding and current row
        ) as seen,
    from skies
),

clouds as (
    select
        days_and_nights.*,
        coalesce(
            max(days_and_nights.cloudiness) over (partition by days_and_nights.seen),
            max(case when days_and_nights.seen = 1 then days_and_nights.cloudiness end) over (),
            1
        ) as cloud_factor,
    from days_and_nights
),

radiations as (
    select
        clouds.*,
        (1 - 0.23) * clouds.radiation_mj_m2
        - 2.042e-10
        * greatest(clouds.cloud_factor, 0.05)
        * (0.34 - 0.14 * sqrt(clouds.vapour_kpa))
        * power(clouds.temperature_c + 273.16, 4) as net_radiation_mj_m2,
        0.6108 * exp(17.27 * clouds.temperature_c / (clouds.temperature_c + 237.3)) as saturation_kpa,
        2503 * exp(17.27 * clouds.temperature_c / (clouds.temperature_c + 237.3))
        / power(clouds.temperature_c + 237.3, 2) as slope_kpa,
    from clouds
)

select
    to_timestamp(radiations.hour_s) as hour_at,
    radiations.date,
    (
        0.408
        * radiations.slope_kpa
        * radiations.net_radiation_mj_m2
        * (1 - reference_surfaces.soil_heat_share)
        + radiations.psychrometric_kpa * reference_surfaces.numerator / (radiations.temperature_c + 273)
        * radiations.usual_wind_2m_m_s
        * (radiations.saturation_kpa - radiations.vapour_kpa)
    )
    / (
        radiations.slope_kpa
        + radiations.psychrometric_kpa * (1 + reference_surfaces.denominator * radiations.usual_wind_2m_m_s)
    ) as et0_mm,
    radiations.net_radiation_mj_m2,
    radiations.cloud_factor,
    radiations.net_radiation_mj_m2 < 0 as is_night,
from radiations
inner join reference_surfaces
    on
        reference_surfaces.surface = 'short'
        and reference_surfaces.time_step
        = case when radiations.net_radiation_mj_m2 < 0 then 'night_hour' else 'day_hour' end
