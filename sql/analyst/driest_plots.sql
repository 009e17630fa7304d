-- zh: 最近一次判定时哪些地块最干？数据停在更早的排在后面。
-- en: Which plots were the driest at the newest evaluation, those whose data ended before it coming after?
--
-- Days are of 24 hours before the newest data of all plots: a plot that is judged by whole days has data up to the last
-- midnight, one that was just watered up to this hour.
with judged as (
    select
        latest_flags.plot_id,
        plots_now.name,
        latest_flags.data_at,
        latest_flags.relative_moisture_pct,
        latest_flags.depletion_mm / latest_flags.total_available_water_mm as depletion_share,
        latest_flags.state,
    from latest_flags
    inner join plots_now on latest_flags.plot_id = plots_now.plot_id
    where latest_flags.cause = 'drought' and latest_flags.data_at is not null
)

select
    plot_id,
    name,
    data_at,
    cast(floor((epoch(max(data_at) over ()) - epoch(data_at)) / 86400) as integer) as days_older,
    round(relative_moisture_pct, 1) as relative_moisture_pct,
    round(100 * depletion_share, 1) as depletion_pct,
    state,
from judged
order by days_older asc, depletion_share desc, plot_id asc
