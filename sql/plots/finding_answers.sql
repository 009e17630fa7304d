-- Up to when people have answered what pictures from the air showed of a plot.
--
-- Grain: plot and cause (disease, vigour)
-- As of: issue_events up to as_of, of the last answer_days
-- Reads: issue_events, limits
-- Feeds: disease_findings, vigour_flights, vigour_verdicts, coverage_findings
-- Kept as: table
--
-- Answered means: an issue of the cause has ended and was not itself opened again, or sent back, since. What was seen
-- up to the visit that was reported before its closing is answered, and nothing that was seen between that visit and
-- the desk; up to the end of an issue that closed without a visit; up to the report of a false alarm for which an issue
-- was called void, and up to the end of one that was void for another reason. Visited means: a crew reported what it
-- found on site, and the issue was not opened again since. Confirmed means: a crew reported its inspection and found
-- the trouble.
with stories as (
    select
        issue_events.plot_id,
        issue_events.cause,
        issue_events.issue_id,
        issue_events.event_id,
        issue_events.kind,
        issue_events.happened_at,
        issue_events.kind in ('closed', 'void', 'reopened') as is_end,
        max(
            case
                when
                    issue_events.kind = 'done'
                    and json_extract_string(issue_events.detail_json, '$.inspection') = 'confirmed'
                    then issue_events.happened_at
            end
        ) over so_far as confirmed_at,
        max(case when issue_events.kind in ('done', 'false_alarm') then issue_events.happened_at end)
            over so_far as visited_at,
        max(case when issue_events.kind = 'false_alarm' then issue_events.happened_at end) over so_far as refuted_at,
        max(case when issue_events.kind = 'reopened' then issue_events.happened_at end) over so_far as reopened_at,
    from issue_events
    cross join limits
    where
        issue_events.cause in ('disease', 'vigour')
        and issue_events.kind in ('done', 'false_alarm', 'closed', 'void', 'reopened')
        and issue_events.date >= cast(getvariable('window_to') as date) - cast(limits.answer_days as integer)
        and issue_events.date <= cast(getvariable('window_to') as date)
        and issue_events.happened_at <= cast(getvariable('as_of') as timestamptz)
    window so_far as (partition by issue_events.issue_id order by issue_events.happened_at)
),

ranked as (
    select
        stories.*,
        case when stories.reopened_at is null or stories.visited_at > stories.reopened_at then stories.visited_at end
            as valid_visit_at,
        stories.is_end
        and row_number() over (
            partition by stories.issue_id, stories.is_end
            order by stories.happened_at desc, stories.event_id desc
        ) = 1 as is_last_end,
        row_number() over (
            partition by stories.issue_id order by stories.happened_at desc, stories.event_id desc
        ) = 1 as is_last_of_issue,
    from stories
)

select
    plot_id,
    cause,
    max(case
        when not is_last_end or kind = 'reopened' then null
        when kind = 'closed' or valid_visit_at = refuted_at then coalesce(valid_visit_at, happened_at)
        else happened_at
    end) as answered_at,
    max(case when is_last_end and kind = 'reopened' then happened_at end) as reopened_at,
    max(case when is_last_of_issue then valid_visit_at end) as visited_at,
    max(confirmed_at) as confirmed_at,
from ranked
group by plot_id, cause
