-- Whether a plot was flown lately.
--
-- Grain: plot
-- As of: captured_at up to as_of
-- Reads: plot_flights, disease_findings, vigour_findings, finding_answers, limits
-- Feeds: findings
--
-- Not flown means: no picture for not_flown_days. That is a flight to plan, no work of a crew. Reflight means: a
-- disease was suspected or probable, or vigour low, believed or not, reflight_days ago, nobody has flown the plot for
-- so long, no crew has said since what it found there, for whichever of both it came, and no issue of the same kind has
-- ended: the next flight is to tell. A crew that could not get there has said nothing.
with visits as (
    select
        plot_id,
        max(visited_at) as visited_at,
    from finding_answers
    group by plot_id
),

doubts as (
    select
        plot_id,
        cause,
        data_at as seen_at,
    from disease_findings
    where state in ('suspected', 'probable', 'confirmed')
    union all
    select
        plot_id,
        cause,
        data_at as seen_at,
    from vigour_findings
    where state in ('alert', 'unconfirmed')
),

open_doubts as (
    select
        doubts.plot_id,
        min(doubts.seen_at) as seen_at,
    from doubts
    left join visits on doubts.plot_id = visits.plot_id
    left join finding_answers on doubts.plot_id = finding_answers.plot_id and doubts.cause = finding_answers.cause
    where
        (visits.visited_at is null or visits.visited_at < doubts.seen_at)
        and (finding_answers.answered_at is null or finding_answers.answered_at < doubts.seen_at)
    group by doubts.plot_id
),

judged as (
    select
        plot_flights.*,
        limits.not_flown_days,
        limits.drone_window_days,
        limits.reflight_days,
        floor((epoch(cast(getvariable('as_of') as timestamptz)) - epoch(open_doubts.seen_at)) / 86400) as doubted_days,
        case
            when
                epoch(cast(getvariable('as_of') as timestamptz)) - epoch(open_doubts.seen_at)
                >= limits.reflight_days * 86400
                and coalesce(plot_flights.flown_days_ago, limits.drone_window_days) >= limits.reflight_days
                then 'reflight'
            when not plot_flights.was_ever_flown then 'never_flown'
            when plot_flights.flown_days_ago is null or plot_flights.flown_days_ago >= limits.not_flown_days
                then 'not_flown'
            else 'flown'
        end as state,
    from plot_flights
    cross join limits
    left join open_doubts on plot_flights.plot_id = open_doubts.plot_id
)

select
    judged.plot_id,
    'coverage' as cause,
    judged.state,
    case
        when judged.state = 'not_flown' and judged.flown_days_ago is null then 'coverage_not_flown_window'
        else concat('coverage_', judged.state)
    end as reason_code,
    cast(json_object(
        'days', cast(case
            when judged.state = 'reflight' then judged.doubted_days
            else floor(coalesce(judged.flown_days_ago, judged.drone_window_days))
        end as bigint)
    ) as varchar) as reason_params_json,
    round(judged.flown_days_ago, 3) as value,
    case when judged.state = 'reflight' then judged.reflight_days else judged.not_flown_days end as line,
    'd' as unit,
    judged.last_flown_at as data_at,
    cast(json_object(
        'flights', judged.flights,
        'last_flown_epoch_s', epoch(judged.last_flown_at),
        'last_analysed_epoch_s', epoch(judged.last_analysed_at),
        'was_ever_flown', judged.was_ever_flown,
        'not_flown_days', judged.not_flown_days,
        'window_days', judged.drone_window_days
    ) as varchar) as inputs_json,
from judged
