-- The hourly median of what counts of a sensing element's readings.
--
-- Grain: plot, device, channel, depth and hour
-- As of: readings up to as_of
-- Reads: readings
-- Feeds: readings_daily, rise_hours, root_zone_layers, potentials, plateaus
-- Kept as: table
--
-- Water content and potential are counted apart: one good reading of the one does not vouch for the other. Usable means
-- evidence here: hours on a saturated plateau (D10) are in, because they say how wet the soil is at least.
select
    plot_id,
    device_id,
    channel,
    depth_cm,
    date,
    to_timestamp(floor(epoch(measured_at) / 3600) * 3600) as hour_at,
    percentile_cont(0.5) within group (order by case when is_evidence then volumetric_water_content end)
        as volumetric_water_content,
    percentile_cont(0.5) within group (order by case when is_potential_usable then matric_potential_kpa end)
        as matric_potential_kpa,
    round(avg(case when not is_quarantined then soil_temperature_c end), 9) as soil_temperature_c,
    count(case when is_evidence then 1 end) as usable_readings,
    count(case when is_potential_usable then 1 end) as usable_potentials,
    count(case when is_d01_frozen then 1 end) as frozen_readings,
    count(*) as readings,
    max(case when is_evidence then measured_at end) as last_usable_at,
    max(case when is_potential_usable then measured_at end) as last_potential_at,
    max(report_interval_s) as report_interval_s,
from readings
group by plot_id, device_id, channel, depth_cm, date, floor(epoch(measured_at) / 3600)
