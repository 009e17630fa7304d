-- zh: 每个探头的数据要晚多久才到？
-- en: How late does the data of each device arrive?
select
    device_id,
    count(*) as readings,
    round(percentile_cont(0.5) within group (order by epoch(received_at) - epoch(measured_at)) / 60, 1)
        as median_delay_min,
    round(max(epoch(received_at) - epoch(measured_at)) / 60, 1) as worst_delay_min,
from soil_readings
group by device_id
order by worst_delay_min desc, device_id asc
