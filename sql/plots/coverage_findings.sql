-- Whether a plot was flown lately.
--
-- Grain: plot
-- As of: captured_at up to as_of
-- Reads: plot_flights, limits
-- Feeds: findings
--
-- Not flown means: no picture for not_flown_days. That is a flight to plan, no work of a crew.
with judged as (
    select
        plot_flights.*,
        limits.not_flown_days,
        limits.drone_window_days,
        case
            when not plot_flights.was_ever_flown then 'never_flown'
            when plot_flights.flown_days_ago is null or plot_flights.flown_days_ago >= limits.not_flown_days
                then 'not_flown'
            else 'flown'
        end as state,
    from plot_flights
    cross join limits
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
        'days', cast(floor(coalesce(judged.flown_days_ago, judged.drone_window_days)) as bigint)
    ) as varchar) as reason_params_json,
    round(judged.flown_days_ago, 3) as value,
    judged.not_flown_days as line,
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
