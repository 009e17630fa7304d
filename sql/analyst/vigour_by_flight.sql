-- zh: 每次飞行各类植被的 NDVI 中位数是多少？
-- en: What was the median NDVI of each kind of vegetation in each flight?
select
    staged_index_stats.flight_id,
    plots_now.vegetation,
    count(distinct staged_index_stats.plot_id) as plots,
    round(percentile_cont(0.5) within group (order by staged_index_stats.index_median), 3) as ndvi,
from staged_index_stats
inner join plots_now on staged_index_stats.plot_id = plots_now.plot_id
where staged_index_stats.index_name = 'NDVI' and staged_index_stats.n_pixels > 0
group by staged_index_stats.flight_id, plots_now.vegetation
order by staged_index_stats.flight_id, plots_now.vegetation
