-- What people on site and in the office answered to findings of disease.
--
-- Grain: plot
-- As of: issue_events up to as_of; days of the drone window only
-- Reads: issue_events
-- Feeds: disease_findings
-- Kept as: table
--
-- Confirmed means: a crew reported its inspection and found the disease. Closed means: an issue of disease ended, after
-- its check, and was not opened again; what was seen before that is answered.
with last_times as (
    select
        issue_events.plot_id,
        max(
            case
                when
                    issue_events.kind = 'done'
                    and json_extract_string(issue_events.detail_json, '$.inspection') = 'confirmed'
                    then issue_events.happened_at
            end
        ) as confirmed_at,
        max(case when issue_events.kind in ('closed', 'void') then issue_events.happened_at end) as closed_at,
        max(case when issue_events.kind = 'reopened' then issue_events.happened_at end) as reopened_at,
    from issue_events
    where
        issue_events.cause = 'disease'
        and issue_events.kind in ('done', 'closed', 'void', 'reopened')
        and issue_events.date between coalesce(getvariable('drone_window_from'), date '0001-01-01')
        and coalesce(getvariable('window_to'), date '9999-12-31')
        and issue_events.happened_at <= cast(getvariable('as_of') as timestamptz)
    group by issue_events.plot_id
)

select
    plot_id,
    confirmed_at,
    case when reopened_at is null or closed_at > reopened_at then closed_at end as closed_at,
from last_times
