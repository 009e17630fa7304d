-- zh: 各班组现在一共要浇多少吨水（分几次浇的全算上），多少个地块？
-- en: How many tonnes of water does each crew have to bring now, all visits together, to how many plots?
select
    coalesce(plots_now.crew, '') as crew,
    count(*) as plots,
    round(sum(latest_flags.litres) / 1000, 1) as water_t,
from latest_flags
inner join plots_now on latest_flags.plot_id = plots_now.plot_id
where latest_flags.cause = 'drought' and latest_flags.needs_work
group by coalesce(plots_now.crew, '')
order by water_t desc, crew asc
