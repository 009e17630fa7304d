-- zh: 最近一次判定时哪些地块最干？数据停在更早的排在后面，没法判的排在最后。
-- en: Which plots were the driest at the newest evaluation, then those of older data, those that cannot be judged last?
--
-- Driest means: nearest to, or furthest beyond, the plot's own line (line_pct; 100 is at the line): depletion as a
-- share of p, or, with potential alone, kPa as a share of the line in kPa.
-- days_older: local days between the day of data_at and the last finished day before as_of; 0 also for data of today.
-- A plot that is judged by whole days has data up to the last midnight, one that was just watered up to this hour.
with judged as (
    select
        latest_flags.plot_id,
        plots_now.name,
        latest_flags.as_of,
        latest_flags.data_at,
        cast(timezone(coalesce(getvariable('timezone'), 'UTC'), latest_flags.data_at) as date) as data_date,
        cast(timezone(coalesce(getvariable('timezone'), 'UTC'), latest_flags.as_of) as date) - 1 as last_date,
        latest_flags.relative_moisture_pct,
        latest_flags.depletion_mm / latest_flags.total_available_water_mm as depletion_share,
        case
            when latest_flags.depletion_mm is null and latest_flags.unit = 'kPa'
                then latest_flags.value / latest_flags.line
            else
                latest_flags.depletion_mm
                / latest_flags.total_available_water_mm
                / cast(json_extract_string(latest_flags.inputs_json, '$.p') as double)
        end as line_share,
        latest_flags.state,
    from latest_flags
    inner join plots_now on latest_flags.plot_id = plots_now.plot_id
    where latest_flags.cause = 'drought'
)

select
    plot_id,
    name,
    as_of,
    data_at,
    case when data_date > last_date then 0 else date_diff('day', data_date, last_date) end as days_older,
    round(relative_moisture_pct, 1) as relative_moisture_pct,
    round(100 * depletion_share, 1) as depletion_pct,
    round(100 * line_share, 1) as line_pct,
    state,
from judged
order by line_share is null asc, days_older asc nulls last, line_share desc, plot_id asc
