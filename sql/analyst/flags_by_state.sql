-- zh: 最近一次评估里，每种原因、每种状态各有多少？
-- en: In the newest evaluation, how many verdicts of each cause and state are there?
select
    cause,
    state,
    count(*) as verdicts,
    count(case when needs_work then 1 end) as needing_work,
from latest_flags
group by cause, state
order by cause, state
