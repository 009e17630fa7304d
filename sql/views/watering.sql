-- The water that crews say they brought; where a crew corrected its report, the corrected amount.
--
-- Grain: report of work done on an issue
-- As of: all history
-- Reads: issue_events
-- Feeds: questions of analysts
with reports as (
    select
        event_id,
        issue_id,
        plot_id,
        happened_at,
        date,
        actor,
        cast(json_extract_string(detail_json, '$.water_used_litres') as double) as water_used_litres,
        count(case when kind = 'done' then 1 end) over (
            partition by issue_id order by happened_at, event_id rows between unbounded preceding and current row
        ) as report_number,
    from issue_events
    where kind in ('done', 'amended')
),

newest_first as (
    select
        reports.*,
        row_number() over (
            partition by reports.issue_id, reports.report_number
            order by reports.happened_at desc, reports.event_id desc
        ) as age_rank,
    from reports
    where reports.water_used_litres is not null
)

select
    event_id,
    issue_id,
    plot_id,
    happened_at,
    date,
    actor,
    water_used_litres,
from newest_first
where age_rank = 1
