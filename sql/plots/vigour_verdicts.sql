-- What stands of a plot's vigour by each sensor and index, as of its newest flight.
--
-- Grain: plot, sensor and index
-- As of: captured_at up to as_of, of the drone window
-- Reads: vigour_flights, green_days, finding_answers
-- Feeds: vigour_findings
--
-- Alert means: it stands. Poor among peers stands until flights of two days running are clear, or until people have
-- answered it (finding_answers); bare ground also ends with two days running on which the flights of any sensor show
-- the plot green and well (green_days), so that a plot without peers comes back, too. What is opened again stands until
-- two such days since then. Answered means: nothing newer than what people answered. Refuted means: the newest flight
-- shows bare ground, and later ones of another sensor have ended that, or one of them where it was not believed. Else
-- it is the state of the newest flight.
with answers as (
    select
        plot_id,
        answered_at,
        reopened_at,
    from finding_answers
    where cause = 'vigour'
),

green_memories as (
    select
        green_days.plot_id,
        max(green_days.green_at) as last_green_at,
        max(
            case
                when green_days.well_since > coalesce(answers.reopened_at, timestamptz '-infinity')
                    then green_days.captured_at
            end
        ) as last_well_at,
    from green_days
    left join answers on green_days.plot_id = answers.plot_id
    group by green_days.plot_id
),

memories as (
    select
        vigour_flights.*,
        max(case when vigour_flights.is_poor then vigour_flights.captured_at end) over so_far as last_poor_at,
        max(
            case
                when vigour_flights.state = 'alert' and not vigour_flights.is_poor then vigour_flights.captured_at
            end
        ) over so_far as last_bare_at,
        max(case when vigour_flights.is_clear then vigour_flights.captured_at end) over so_far as last_clear_at,
        row_number() over (
            partition by vigour_flights.plot_id, vigour_flights.sensor_kind, vigour_flights.index_name
            order by vigour_flights.captured_at desc
        ) as recency,
    from vigour_flights
    window so_far as (
        partition by vigour_flights.plot_id, vigour_flights.sensor_kind, vigour_flights.index_name
        order by vigour_flights.captured_at rows between unbounded preceding and current row
    )
),

newest as (
    select
        memories.*,
        answers.answered_at,
        greatest(
            answers.answered_at,
            case
                when answers.reopened_at is null or answers.reopened_at <= memories.last_clear_at
                    then memories.last_clear_at
            end
        ) as over_at,
        green_memories.last_well_at,
        green_memories.last_green_at,
    from memories
    left join answers on memories.plot_id = answers.plot_id
    left join green_memories on memories.plot_id = green_memories.plot_id
    where memories.recency = 1
),

alerts as (
    select
        newest.*,
        greatest(
            case
                when newest.last_poor_at > coalesce(newest.over_at, timestamptz '-infinity') then newest.last_poor_at
            end,
            case
                when
                    newest.last_bare_at
                    > coalesce(greatest(newest.over_at, newest.last_well_at), timestamptz '-infinity')
                    then newest.last_bare_at
            end
        ) as last_alert_at,
    from newest
)

select
    plot_id,
    flight_id,
    sensor_kind,
    index_name,
    captured_at,
    flown_on,
    order_of_trust,
    peer_group,
    index_median,
    valid_fraction,
    peers,
    peer_median,
    peer_mad,
    robust_z,
    previous_z,
    median_change,
    state as flight_state,
    last_alert_at,
    case
        when last_alert_at is not null then 'alert'
        when state in ('alert', 'watch', 'unconfirmed') and captured_at <= answered_at then 'answered'
        when state = 'alert' or (state = 'unconfirmed' and last_green_at > captured_at) then 'refuted'
        else state
    end as verdict,
from alerts
