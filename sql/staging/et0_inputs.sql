-- The weather of a local day that is over, as far as its reference evapotranspiration needs it.
--
-- Grain: day
-- As of: readings up to as_of; days of the window only
-- Reads: staged_weather_readings, staged_devices, site_facts, limits
-- Feeds: sun_days, reference_et0
-- Kept as: table
--
-- A quantity of a station counts on a day when weather_day_blocks of the day's pieces have a reading of it: extremes of
-- half a day are none, and radiation without its night reads too high. Several stations: the median. Vapour pressure is
-- the mean of that at each reading (ASCE 2005, table 3), temperature and humidity of one reading (FAO-56 equation 19).
-- Wind is brought to 2 m from the height at which its station measures (FAO-56 equation 47): that of the register, else
-- of the site. Air pressure is null where nobody measures it, or further from that of the station's elevation than
-- station_pressure_slack_kpa.
with pieces as (
    select
        staged_weather_readings.device_id,
        staged_weather_readings.date,
        date_part('hour', timezone(coalesce(getvariable('timezone'), 'UTC'), staged_weather_readings.measured_at))
            as hour_of_day,
        staged_weather_readings.air_temperature_c,
        case
            when staged_weather_readings.relative_humidity_pct > 0
                then
                    staged_weather_readings.relative_humidity_pct / 100
                    * 0.6108
                    * exp(
                        17.27 * staged_weather_readings.air_temperature_c
                        / (staged_weather_readings.air_temperature_c + 237.3)
                    )
        end as vapour_pressure_kpa,
        staged_weather_readings.wind_speed_m_s
        * 4.87 / ln(67.8 * coalesce(staged_devices.wind_height_m, site_facts.wind_height_m) - 5.42) as wind_2m_m_s,
        staged_weather_readings.solar_radiation_w_m2,
        coalesce(staged_devices.elevation_m, site_facts.elevation_m) as elevation_m,
        staged_weather_readings.air_pressure_kpa,
        site_facts.station_pressure_slack_kpa,
    from staged_weather_readings
    cross join site_facts
    left join staged_devices
        on
            staged_weather_readings.device_id = staged_devices.device_id
            and staged_weather_readings.measured_at >= staged_devices.valid_from
            and staged_weather_readings.measured_at < staged_devices.valid_until
    where staged_weather_readings.date < coalesce(getvariable('today'), date '9999-12-31')
),

hours as (
    select
        pieces.device_id,
        pieces.date,
        floor(pieces.hour_of_day / max(limits.weather_block_hours)) as block,
        max(pieces.air_temperature_c) as temperature_max_c,
        min(pieces.air_temperature_c) as temperature_min_c,
        avg(pieces.vapour_pressure_kpa) as vapour_pressure_kpa,
        avg(pieces.wind_2m_m_s) as wind_2m_m_s,
        avg(case when pieces.solar_radiation_w_m2 < 0 then 0 else pieces.solar_radiation_w_m2 end)
            as solar_radiation_w_m2,
        avg(pieces.elevation_m) as elevation_m,
        avg(
            case
                when
                    abs(
                        pieces.air_pressure_kpa - 101.3 * power((293 - 0.0065 * pieces.elevation_m) / 293, 5.26)
                    ) <= pieces.station_pressure_slack_kpa
                    then pieces.air_pressure_kpa
            end
        ) as air_pressure_kpa,
    from pieces
    cross join limits
    group by pieces.device_id, pieces.date, pieces.hour_of_day
),

station_days as (
    select
        device_id,
        date,
        max(temperature_max_c) as temperature_max_c,
        min(temperature_min_c) as temperature_min_c,
        avg(vapour_pressure_kpa) as vapour_pressure_kpa,
        avg(wind_2m_m_s) as wind_2m_m_s,
        avg(solar_radiation_w_m2) * 0.0864 as radiation_mj_m2,
        avg(elevation_m) as elevation_m,
        avg(air_pressure_kpa) as air_pressure_kpa,
        count(distinct case when temperature_max_c is not null then block end) as temperature_blocks,
        count(distinct case when vapour_pressure_kpa is not null then block end) as humidity_blocks,
        count(distinct case when wind_2m_m_s is not null then block end) as wind_blocks,
        count(distinct case when solar_radiation_w_m2 is not null then block end) as radiation_blocks,
    from hours
    group by device_id, date
),

whole_days as (
    select
        station_days.date,
        case when station_days.temperature_blocks >= limits.weather_day_blocks then station_days.temperature_max_c end
            as temperature_max_c,
        case when station_days.temperature_blocks >= limits.weather_day_blocks then station_days.temperature_min_c end
            as temperature_min_c,
        case when station_days.humidity_blocks >= limits.weather_day_blocks then station_days.vapour_pressure_kpa end
            as vapour_pressure_kpa,
        case when station_days.wind_blocks >= limits.weather_day_blocks then station_days.wind_2m_m_s end
            as wind_2m_m_s,
        case when station_days.radiation_blocks >= limits.weather_day_blocks then station_days.radiation_mj_m2 end
            as radiation_mj_m2,
        case when station_days.temperature_blocks >= limits.weather_day_blocks then station_days.elevation_m end
            as elevation_m,
        case when station_days.temperature_blocks >= limits.weather_day_blocks then station_days.air_pressure_kpa end
            as air_pressure_kpa,
    from station_days
    cross join limits
)

select
    date,
    round(percentile_cont(0.5) within group (order by temperature_max_c), 9) as temperature_max_c,
    round(percentile_cont(0.5) within group (order by temperature_min_c), 9) as temperature_min_c,
    round(percentile_cont(0.5) within group (order by vapour_pressure_kpa), 9) as vapour_pressure_kpa,
    round(percentile_cont(0.5) within group (order by wind_2m_m_s), 9) as wind_2m_m_s,
    round(percentile_cont(0.5) within group (order by radiation_mj_m2), 9) as radiation_mj_m2,
    round(percentile_cont(0.5) within group (order by elevation_m), 9) as elevation_m,
    round(percentile_cont(0.5) within group (order by air_pressure_kpa), 9) as air_pressure_kpa,
from whole_days
group by date
