-- zh: 哪些地块来过没人安排的水，或者漏水？
-- en: Which plots got water that nobody ordered, or leak?
select
    flags.plot_id,
    plots_now.name,
    flags.since,
    max(cast(json_extract_string(flags.reason_params_json, '$.rise_pct') as double)) as rise_pct,
    max(cast(json_extract_string(flags.reason_params_json, '$.gain_mm') as double)) as gain_mm,
from flags
left join plots_now on flags.plot_id = plots_now.plot_id
where flags.cause = 'watering' and flags.state = 'unplanned'
group by flags.plot_id, plots_now.name, flags.since
order by flags.since desc, flags.plot_id asc
