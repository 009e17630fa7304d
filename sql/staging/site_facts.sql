-- What an installation says of its place and its water, where its settings do.
--
-- Grain: one row
-- As of: the settings of the run
-- Reads: limits
-- Feeds: sun_days, et0_inputs, et0_hours, reference_et0, watering_needs, peer_estimates
-- Kept as: table
--
-- [site] of greensward.toml, as variables. Latitude and longitude are of the middle of the district's box: half a
-- degree moves ET0 by less than one hundredth of a millimetre in summer. Salinity is null where nobody stated it.
select
    cast(coalesce(getvariable('latitude_deg'), 39.225) as double) as latitude_deg,
    cast(coalesce(getvariable('longitude_deg'), 117.175) as double) as longitude_deg,
    cast(coalesce(getvariable('elevation_m'), 5) as double) as elevation_m,
    cast(coalesce(getvariable('wind_height_m'), 10) as double) as wind_height_m,
    cast(getvariable('water_ec_ds_m') as double) as water_ec_ds_m,
    cast(getvariable('soil_ece_ds_m') as double) as soil_ece_ds_m,
    cast(coalesce(getvariable('forecast_rain'), 'reduce') as varchar) as forecast_rain,
    cast(coalesce(getvariable('plots_without_probe'), 'show') as varchar) as plots_without_probe,
    limits.wind_default_m_s,
    limits.station_pressure_slack_kpa,
from limits
