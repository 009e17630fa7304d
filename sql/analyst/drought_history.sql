-- zh: 每个地块被判需要浇水有多少次，最近一次是什么时候？
-- en: How often did each plot need water, and when last?
select
    plot_id,
    count(*) as evaluations,
    count(case when needs_work then 1 end) as needing_water,
    max(case when needs_work then as_of end) as last_needing_at,
from flags
where cause = 'drought'
group by plot_id
order by needing_water desc, plot_id asc
