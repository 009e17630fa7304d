-- zh: 各类植被每天的土壤相对湿度中位数是多少？
-- en: What was the median relative soil moisture of each kind of vegetation on each day?
select
    plots_now.vegetation,
    root_zone_daily.date,
    count(*) as plots,
    round(percentile_cont(0.5) within group (order by root_zone_daily.relative_moisture_pct), 1)
        as relative_moisture_pct,
from root_zone_daily
inner join plots_now on root_zone_daily.plot_id = plots_now.plot_id
group by plots_now.vegetation, root_zone_daily.date
order by plots_now.vegetation, root_zone_daily.date
