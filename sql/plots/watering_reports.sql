-- The water that crews reported for a plot within the window; where a crew corrected its report, the corrected amount.
--
-- Grain: report of work done on an issue that asks for water
-- As of: issue_events up to as_of; days of the window only
-- Reads: issue_events
-- Feeds: wetting_events, watering_checks, balance_days
-- Kept as: table
--
-- The instant is that of the report itself, also where its amount was corrected later.
with events as (
    select
        issue_events.event_id,
        issue_events.issue_id,
        issue_events.plot_id,
        issue_events.cause,
        issue_events.kind,
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
        and issue_events.date between cast(getvariable('window_from') as date) and cast(
            getvariable('window_to') as date
        )
        and issue_events.happened_at <= cast(getvariable('as_of') as timestamptz)
)

select
    issue_id,
    plot_id,
    cause,
    round_number,
    min(happened_at) as reported_at,
    max_by(litres, case when litres is not null then epoch(happened_at) end) as litres,
from events
where round_number > 0
group by issue_id, plot_id, cause, round_number
having max(case when kind = 'done' then 1 else 0 end) = 1
