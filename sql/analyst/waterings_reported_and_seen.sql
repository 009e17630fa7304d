-- zh: 每次浇水：要求多少吨，班组报了多少吨，探头看到多少毫米，是否到位？
-- en: Of each watering: how many tonnes were ordered, reported, and seen by the probes?
with checks as (
    select
        plot_id,
        state,
        json_extract_string(reason_params_json, '$.issue_id') as issue_id,
        cast(json_extract_string(reason_params_json, '$.reported_at') as timestamptz) as reported_at,
        cast(json_extract_string(inputs_json, '$.expected_mm') as double) as expected_mm,
        cast(json_extract_string(inputs_json, '$.observed_mm') as double) as observed_mm,
        row_number() over (
            partition by
                json_extract_string(reason_params_json, '$.issue_id'),
                json_extract_string(reason_params_json, '$.reported_at')
            order by as_of desc
        ) as age_rank,
    from flags
    where cause = 'watering' and json_extract_string(reason_params_json, '$.issue_id') is not null
),

orders as (
    select
        issue_id,
        max(cast(json_extract_string(detail_json, '$.finding.litres') as double)) as litres,
    from issue_events
    where kind = 'opened'
    group by issue_id
)

select
    watering_reports.plot_id,
    watering_reports.date,
    watering_reports.actor,
    round(orders.litres / 1000, 1) as ordered_t,
    round(watering_reports.litres / 1000, 1) as reported_t,
    round(checks.expected_mm, 1) as expected_mm,
    round(checks.observed_mm, 1) as observed_mm,
    coalesce(checks.state, 'unchecked') as state,
from watering_reports
left join orders on watering_reports.issue_id = orders.issue_id
left join checks
    on
        watering_reports.issue_id = checks.issue_id
        and watering_reports.reported_at = checks.reported_at
        and checks.age_rank = 1
order by watering_reports.reported_at desc, watering_reports.plot_id asc
