-- What was measured above the ground.
--
-- Grain: device and instant
-- As of: measured_at up to as_of; days of the window only
-- Reads: weather_readings
-- Feeds: weather_station_days, sensor_states, unexplained_rises, et0_inputs, et0_hours, rain_hours
-- Kept as: table
select
    weather_readings.device_id,
    weather_readings.measured_at,
    weather_readings.date,
    max(case when not isnan(weather_readings.air_temperature_c) then weather_readings.air_temperature_c end)
        as air_temperature_c,
    max(case when not isnan(weather_readings.relative_humidity_pct) then weather_readings.relative_humidity_pct end)
        as relative_humidity_pct,
    max(case when weather_readings.rain_depth_mm >= 0 then weather_readings.rain_depth_mm end) as rain_depth_mm,
    max(case when weather_readings.wind_speed_m_s >= 0 then weather_readings.wind_speed_m_s end) as wind_speed_m_s,
    max(case when not isnan(weather_readings.solar_radiation_w_m2) then weather_readings.solar_radiation_w_m2 end)
        as solar_radiation_w_m2,
    max(case when weather_readings.air_pressure_kpa > 0 then weather_readings.air_pressure_kpa end) as air_pressure_kpa,
from weather_readings
where
    weather_readings.date between coalesce(getvariable('window_from'), date '0001-01-01')
    and coalesce(getvariable('window_to'), date '9999-12-31')
    and weather_readings.measured_at <= coalesce(getvariable('as_of'), timestamptz 'infinity')
group by weather_readings.device_id, weather_readings.measured_at, weather_readings.date
