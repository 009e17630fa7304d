-- zh: 每个设备最后一次上报是什么时候？从没上报的也要列出。
-- en: When did each device report last, those that never did included?
with instants as (
    select
        device_id,
        measured_at,
    from soil_readings
    union all
    select
        device_id,
        measured_at,
    from weather_readings
)

select
    devices_now.device_id,
    devices_now.plot_id,
    max(instants.measured_at) as last_measured_at,
    count(instants.measured_at) as readings,
from devices_now
left join instants on devices_now.device_id = instants.device_id
group by devices_now.device_id, devices_now.plot_id
order by last_measured_at asc nulls first, devices_now.device_id asc
