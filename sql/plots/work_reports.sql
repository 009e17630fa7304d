-- The work that crews say they did and the water they brought; where a crew corrected its report, what is right.
--
-- Grain: report of work done on an issue
-- As of: issue_events up to as_of, of the window; without as_of all history
-- Reads: issue_events
-- Feeds: watering_reports
-- Kept as: table
--
-- The instant, its local day and who reported are those of the report itself, also where its amount was corrected
-- later. Litres are null where nobody said how much.
with events as (
    select
        issue_events.event_id,
        issue_events.issue_id,
        issue_events.plot_id,
        issue_events.cause,
        issue_events.kind,
        issue_events.actor,
        issue_events.date,
        issue_events.happened_at,
        cast(json_extract_string(issue_events.detail_json, '$.water_used_litres') as double) as litres,
        count(case when issue_events.kind = 'done' then 1 end) over (
            partition by issue_events.issue_id
            order by issue_events.happened_at, issue_events.event_id
            rows between unbounded preceding and current row
        ) as round_number,
    from issue_events
    where
        issue_events.kind in ('done', 'amended')
        and issue_events.date >= coalesce(cast(getvariable('window_from') as date), date '0001-01-01')
        and issue_events.date <= coalesce(cast(getvariable('window_to') as date), date '9999-12-31')
        and issue_events.happened_at <= coalesce(cast(getvariable('as_of') as timestamptz), timestamptz 'infinity')
)

select
    issue_id,
    plot_id,
    cause,
    round_number,
    min(happened_at) as reported_at,
    min(date) as date,
    min_by(actor, epoch(happened_at)) as actor,
    max_by(litres, case when litres is not null then epoch(happened_at) end) as litres,
from events
where round_number > 0
group by issue_id, plot_id, cause, round_number
having max(case when kind = 'done' then 1 else 0 end) = 1
