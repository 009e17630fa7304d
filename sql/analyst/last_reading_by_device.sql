-- zh: 每个探头最后一次上报是什么时候？从没上报的也要列出。
-- en: When did each device report last, those that never did included?
select
    devices_now.device_id,
    devices_now.plot_id,
    max(soil_readings.measured_at) as last_measured_at,
    count(soil_readings.measured_at) as readings,
from devices_now
left join soil_readings on devices_now.device_id = soil_readings.device_id
group by devices_now.device_id, devices_now.plot_id
order by last_measured_at asc nulls first, devices_now.device_id asc
