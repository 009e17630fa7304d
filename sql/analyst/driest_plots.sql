-- zh: 最近一天哪些地块最干？数据停在更早的排在后面。
-- en: Which plots were the driest on the newest day, those whose data ended before it coming after?
with newest as (
    select
        plot_id,
        max(date) as date,
    from root_zone_daily
    group by plot_id
),

newest_of_all as (
    select max(date) as date,
    from root_zone_daily
)

select
    root_zone_daily.plot_id,
    plots_now.name,
    root_zone_daily.date,
    date_diff('day', root_zone_daily.date, newest_of_all.date) as days_older,
    round(root_zone_daily.relative_moisture_pct, 1) as relative_moisture_pct,
    round(100 * root_zone_daily.depletion_share, 1) as depletion_pct,
    root_zone_daily.state,
from root_zone_daily
cross join newest_of_all
inner join newest on root_zone_daily.plot_id = newest.plot_id and root_zone_daily.date = newest.date
inner join plots_now on root_zone_daily.plot_id = plots_now.plot_id
order by days_older asc, root_zone_daily.depletion_share desc, root_zone_daily.plot_id asc
