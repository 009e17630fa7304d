-- zh: 每个地块上次飞是哪天？从没飞过的也要列出。
-- en: On which day was each plot flown last, those never flown included?
select
    plots_now.plot_id,
    plots_now.name,
    max(coverage.date) as last_flown_on,
    count(coverage.flight_id) as flights,
from plots_now
left join coverage on plots_now.plot_id = coverage.plot_id
group by plots_now.plot_id, plots_now.name
order by last_flown_on asc nulls first, plots_now.plot_id asc
