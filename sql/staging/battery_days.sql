-- The lowest battery voltage that a device reported on a local day.
--
-- Grain: device and day
-- As of: reported_at up to as_of; days of the window only
-- Reads: device_status
-- Feeds: stream_day_gates
select
    device_status.device_id,
    device_status.date,
    min(device_status.battery_v) as battery_v,
from device_status
where
    device_status.date between coalesce(getvariable('window_from'), date '0001-01-01')
    and coalesce(getvariable('window_to'), date '9999-12-31')
    and device_status.reported_at <= coalesce(getvariable('as_of'), timestamptz 'infinity')
    and device_status.battery_v > 0
group by device_status.device_id, device_status.date
