-- zh: 每个探头每天收到了应收数据的百分之几，百分之几可作判定依据（饱和平台 D10 也算）？一条没收到的日子也要列出。
-- en: What share of the expected readings came from each device on each day, and counts for verdicts (D10 too)?
--
-- Days on which nothing came are in the list. Column is_usable of view readings is stricter: it leaves out a plateau at
-- the top (D10), which verdicts take as soil that is at least so wet.
with of_days as (
    select
        device_id,
        date,
        count(distinct case when channel > 0 then channel else 1000 + coalesce(depth_cm, 0) end) as elements,
        sum(readings) as readings,
        sum(greatest(usable_readings, usable_potentials)) as usable,
        max(expected_readings) as expected,
    from readings_daily
    group by device_id, date
),

newest as (
    select max(date) as date,
    from of_days
),

spans as (
    select
        of_days.device_id,
        min(of_days.date) as first_date,
        max(newest.date) as last_date,
    from of_days
    cross join newest
    group by of_days.device_id
),

days as (
    select
        spans.device_id,
        cast(unnest(generate_series(spans.first_date, spans.last_date, interval 1 day)) as date) as date,
    from spans
)

select
    days.device_id,
    days.date,
    round(coalesce(100 * of_days.readings / (of_days.expected * of_days.elements), 0), 1) as received_pct,
    round(coalesce(100 * of_days.usable / (of_days.expected * of_days.elements), 0), 1) as usable_pct,
from days
left join of_days on days.device_id = of_days.device_id and days.date = of_days.date
order by days.device_id, days.date
