-- zh: 被拒收的报文都错在哪里，来自哪些设备？
-- en: What was wrong with refused messages, and which devices sent them?
select
    code,
    coalesce(device_id, '') as device_id,
    count(*) as refusals,
    max(received_at) as last_received_at,
from rejected
group by code, coalesce(device_id, '')
order by refusals desc, code asc, device_id asc
