-- zh: 每次飞行各类植被的 NDVI 中位数是多少？
-- en: What was the median NDVI of each kind of vegetation in each flight?
select
    index_stats.flight_id,
    plots_now.vegetation,
    count(*) as plots,
    round(percentile_cont(0.5) within group (order by index_stats.median), 3) as ndvi,
from index_stats
inner join plots_now on index_stats.plot_id = plots_now.plot_id
where index_stats.index_name = 'NDVI' and index_stats.scope = 'plot'
group by index_stats.flight_id, plots_now.vegetation
order by index_stats.flight_id, plots_now.vegetation
