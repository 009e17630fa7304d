-- zh: 每个探头每天收到了应收数据的百分之几？
-- en: What share of the expected readings came from each device on each day?
select
    device_id,
    date,
    round(100 * sum(usable_readings) / sum(expected_readings), 1) as usable_pct,
from readings_daily
group by device_id, date
order by device_id, date
