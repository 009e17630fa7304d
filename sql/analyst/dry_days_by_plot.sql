-- zh: 每个地块一共有多少天是旱的？
-- en: How many days was each plot dry?
select
    plot_id,
    count(*) as judged_days,
    count(case when state = 'dry' then 1 end) as dry_days,
from root_zone_daily
group by plot_id
order by dry_days desc, plot_id asc
