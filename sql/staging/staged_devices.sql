-- Where a device stood, and when.
--
-- Grain: device and period
-- As of: all periods; the end of a period without one is the begin of the next
-- Reads: devices, limits, device_batteries
-- Feeds: stream_periods, sensor_states, learned_field_capacities, et0_inputs, et0_hours, unsteady_devices
-- Kept as: table
with periods as (
    select
        devices.device_id,
        devices.model,
        devices.plot_id,
        devices.depths_cm,
        case when devices.report_interval_s > 0 then devices.report_interval_s end as report_interval_s,
        devices.wind_height_m,
        devices.elevation_m,
        devices.valid_from,
        devices.valid_to,
        lead(devices.valid_from) over (partition by devices.device_id order by devices.valid_from) as next_from,
    from devices
)

select
    periods.device_id,
    periods.model,
    periods.plot_id,
    periods.depths_cm,
    periods.report_interval_s,
    periods.wind_height_m,
    periods.elevation_m,
    coalesce(device_batteries.battery_low_v, limits.battery_low_v) as battery_low_v,
    periods.valid_from,
    least(
        coalesce(periods.valid_to, timestamptz 'infinity'),
        coalesce(periods.next_from, timestamptz 'infinity')
    ) as valid_until,
from periods
cross join limits
left join device_batteries on periods.model = device_batteries.model
