-- zh: 各班组报的浇水，有多少到位、部分到位、没有到位？
-- en: Of the waterings that each crew reported, how many arrived, in part, or not at all?
with checks as (
    select
        json_extract_string(reason_params_json, '$.issue_id') as issue_id,
        json_extract_string(reason_params_json, '$.reported_at') as reported_at,
        max(plot_id) as plot_id,
        max_by(state, as_of) as state,
    from flags
    where cause = 'watering' and json_extract_string(reason_params_json, '$.issue_id') is not null
    group by
        json_extract_string(reason_params_json, '$.issue_id'),
        json_extract_string(reason_params_json, '$.reported_at')
)

select
    coalesce(plots_now.crew, '') as crew,
    count(*) as checked,
    count(case when checks.state = 'verified' then 1 end) as verified,
    count(case when checks.state = 'partial' then 1 end) as in_part,
    count(case when checks.state = 'ineffective' then 1 end) as ineffective,
    count(case when checks.state = 'rained' then 1 end) as rained,
    count(case when checks.state = 'reported_late' then 1 end) as reported_late,
from checks
left join plots_now on checks.plot_id = plots_now.plot_id
group by coalesce(plots_now.crew, '')
order by ineffective desc, crew asc
