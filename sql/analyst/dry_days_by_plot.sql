-- zh: 每个地块一共有多少天是旱的？
-- en: How many days was each plot dry?
with days as (
    select
        plot_id,
        date,
        state,
    from root_zone_daily
    union all
    select
        potential_daily.plot_id,
        potential_daily.date,
        potential_daily.state,
    from potential_daily
    left join root_zone_daily
        on potential_daily.plot_id = root_zone_daily.plot_id and potential_daily.date = root_zone_daily.date
    where root_zone_daily.plot_id is null
)

select
    plot_id,
    count(*) as judged_days,
    count(case when state = 'dry' then 1 end) as dry_days,
from days
group by plot_id
order by dry_days desc, plot_id asc
