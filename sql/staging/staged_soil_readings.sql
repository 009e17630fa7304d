-- What a probe measured, with the plot and the depth that the register gives it at that instant.
--
-- Grain: device, channel, depth and instant
-- As of: measured_at up to as_of; days of the window only
-- Reads: soil_readings, staged_devices, staged_soil_layers
-- Feeds: device_cadences, frost_neighbours, stream_days, elements, element_hours, readings
-- Kept as: table
--
-- Rows of one identity that came in parts (water content first, temperature later) are one row here. channel is 0
-- where the message names the depth itself. A reading of a device that no register row covers has no plot. Saturation
-- and field capacity are those of the soil layer at the depth of the reading; without a depth, of the uppermost.
with soil_readings_of_window as (
    select
        soil_readings.device_id,
        coalesce(soil_readings.channel, 0) as channel,
        soil_readings.depth_cm,
        soil_readings.measured_at,
        soil_readings.date,
        soil_readings.volumetric_water_content,
        soil_readings.soil_temperature_c,
        soil_readings.bulk_ec_ds_m,
        soil_readings.matric_potential_kpa,
        soil_readings.quarantine,
        soil_readings.received_at,
    from soil_readings
    where
        soil_readings.date between coalesce(getvariable('window_from'), date '0001-01-01')
        and coalesce(getvariable('window_to'), date '9999-12-31')
        and soil_readings.measured_at <= coalesce(getvariable('as_of'), timestamptz 'infinity')
),

whole_readings as (
    select
        device_id,
        channel,
        depth_cm,
        measured_at,
        date,
        max(case when not isnan(volumetric_water_content) then volumetric_water_content end)
            as volumetric_water_content,
        max(case when not isnan(soil_temperature_c) then soil_temperature_c end) as soil_temperature_c,
        max(case when not isnan(bulk_ec_ds_m) then bulk_ec_ds_m end) as bulk_ec_ds_m,
        max(case when not isnan(matric_potential_kpa) then matric_potential_kpa end) as matric_potential_kpa,
        max(quarantine) as quarantine,
        max(received_at) as received_at,
    from soil_readings_of_window
    group by device_id, channel, depth_cm, measured_at, date
),

placed_readings as (
    select
        whole_readings.device_id,
        whole_readings.channel,
        coalesce(
            whole_readings.depth_cm,
            list_extract(staged_devices.depths_cm, greatest(whole_readings.channel, 1))
        ) as depth_cm,
        staged_devices.plot_id,
        whole_readings.measured_at,
        whole_readings.date,
        whole_readings.volumetric_water_content,
        whole_readings.soil_temperature_c,
        whole_readings.bulk_ec_ds_m,
        whole_readings.matric_potential_kpa,
        whole_readings.quarantine,
        whole_readings.received_at,
        staged_devices.report_interval_s,
        staged_devices.battery_low_v,
        staged_devices.valid_from as bound_at,
    from whole_readings
    left join staged_devices
        on
            whole_readings.device_id = staged_devices.device_id
            and whole_readings.measured_at >= staged_devices.valid_from
            and whole_readings.measured_at < staged_devices.valid_until
)

select
    placed_readings.*,
    staged_soil_layers.saturation,
    staged_soil_layers.field_capacity,
from placed_readings
left join staged_soil_layers
    on
        placed_readings.plot_id = staged_soil_layers.plot_id
        and coalesce(placed_readings.depth_cm, 0) >= 100 * staged_soil_layers.top_m
        and coalesce(placed_readings.depth_cm, 0) < 100 * staged_soil_layers.bottom_m
