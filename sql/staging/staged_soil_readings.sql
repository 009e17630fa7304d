-- What a probe measured, with the plot and the depth that the register gives it at that instant.
--
-- Grain: device, channel, depth and instant
-- As of: measured_at up to as_of; days of the window only
-- Reads: soil_readings, stream_periods, elements
-- Feeds: device_cadences, frost_neighbours, element_days, shared_hours, element_hours, readings
-- Kept as: passing table
--
-- Rows of one identity that came in parts (water content first, temperature later) are one row here. channel is 0
-- where the message names the depth itself. A reading of a device that no register row covers has no plot. hour counts
-- hours since 1970 in UTC, or in time so far ahead of it (hour_offset_s) that the site's days begin with an hour.
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

places as (
    select
        stream_periods.*,
        elements.element_id,
        elements.stream_id,
        elements.saturation,
        elements.field_capacity,
    from stream_periods
    inner join elements
        on
            stream_periods.device_id = elements.device_id
            and stream_periods.channel = elements.channel
            and stream_periods.depth_cm is not distinct from elements.depth_cm
            and stream_periods.plot_id is not distinct from elements.plot_id
)

select
    places.element_id,
    places.stream_id,
    whole_readings.device_id,
    whole_readings.channel,
    places.depth_cm,
    places.plot_id,
    whole_readings.measured_at,
    cast(
        floor((epoch(whole_readings.measured_at) + coalesce(getvariable('hour_offset_s'), 0)) / 3600) as integer
    ) as hour,
    whole_readings.date,
    whole_readings.volumetric_water_content,
    whole_readings.soil_temperature_c,
    whole_readings.bulk_ec_ds_m,
    whole_readings.matric_potential_kpa,
    whole_readings.quarantine,
    whole_readings.received_at,
    places.report_interval_s,
    places.battery_low_v,
    places.bound_at,
    places.saturation,
    places.field_capacity,
from whole_readings
inner join places
    on
        whole_readings.device_id = places.device_id
        and whole_readings.channel = places.channel
        and whole_readings.depth_cm is not distinct from places.message_depth_cm
        and whole_readings.measured_at >= places.valid_from
        and whole_readings.measured_at < places.valid_until
