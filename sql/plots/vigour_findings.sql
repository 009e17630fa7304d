-- The verdict on vigour of every plot, with its cause by the soil.
--
-- Grain: plot
-- As of: captured_at up to as_of, of the drone window
-- Reads: staged_plots, vigour_verdicts, plot_flights, drought_findings, limits
-- Feeds: findings, coverage_findings
-- Kept as: table
--
-- Of what sensors and indices say, the worst that stands counts: an alert, bare ground that is not believed, a watch;
-- then what the newest day shows to be well or answered. Low vigour and dry soil: drought, water it; low vigour and
-- soil not dry: pest, disease or nutrients, inspect it; soil that may be dry, dry only where it is shallow, or without
-- a fresh reading: cause unknown, look at it. Where a crew is sent to water, that is the work, and this asks for none.
with ranked as (
    select
        vigour_verdicts.*,
        row_number() over (
            partition by vigour_verdicts.plot_id
            order by
                case
                    when vigour_verdicts.verdict = 'alert' then 0
                    when vigour_verdicts.verdict = 'unconfirmed' then 1
                    when vigour_verdicts.verdict = 'watch' then 2
                    when vigour_verdicts.verdict in ('ok', 'answered') then 3
                    when vigour_verdicts.verdict = 'refuted' then 5
                    else 4
                end,
                case when vigour_verdicts.verdict in ('ok', 'answered') then vigour_verdicts.flown_on end desc,
                vigour_verdicts.order_of_trust asc,
                vigour_verdicts.captured_at desc,
                vigour_verdicts.sensor_kind asc
        ) as verdict_rank,
    from vigour_verdicts
),

judged as (
    select
        staged_plots.plot_id,
        ranked.flight_id,
        ranked.sensor_kind,
        ranked.index_name,
        ranked.captured_at,
        ranked.index_median,
        ranked.valid_fraction,
        ranked.peers,
        ranked.peer_median,
        ranked.peer_mad,
        ranked.robust_z,
        ranked.previous_z,
        ranked.peer_group,
        ranked.flight_state,
        ranked.verdict,
        ranked.median_change,
        ranked.last_alert_at,
        plot_flights.last_flown_at,
        plot_flights.flown_days_ago,
        drought_findings.state as soil_state,
        limits.vigour_watch_z,
        limits.vigour_alert_z,
        limits.drone_window_days,
        case
            when ranked.verdict = 'alert' then 'alert'
            when
                ranked.plot_id is not null
                and (
                    plot_flights.flown_days_ago < limits.not_flown_days
                    or epoch(cast(getvariable('as_of') as timestamptz)) - epoch(ranked.captured_at)
                    < limits.not_flown_days * 86400
                )
                then case when ranked.verdict = 'answered' then 'ok' else ranked.verdict end
            when not plot_flights.was_ever_flown and ranked.plot_id is null then 'never_flown'
            when plot_flights.flown_days_ago < limits.not_flown_days then 'no_index'
            else 'not_flown'
        end as state,
        case
            when drought_findings.is_estimated then 'unknown'
            when drought_findings.needs_work then 'drought'
            when drought_findings.state in ('dry', 'likely') then 'maybe_dry'
            when drought_findings.is_shallow_at_line then 'shallow'
            when drought_findings.state in ('ok', 'watch', 'wet', 'just_watered') then 'inspect'
            else 'unknown'
        end as cause_by_soil,
    from staged_plots
    cross join limits
    inner join plot_flights on staged_plots.plot_id = plot_flights.plot_id
    inner join drought_findings on staged_plots.plot_id = drought_findings.plot_id
    left join ranked on staged_plots.plot_id = ranked.plot_id and ranked.verdict_rank = 1
)

select
    judged.plot_id,
    'vigour' as cause,
    judged.state,
    judged.state = 'alert' and judged.cause_by_soil != 'drought' as needs_work,
    case when judged.state = 'alert' then 2 when judged.state = 'watch' then 1 else 0 end as severity,
    case when judged.state = 'alert' then judged.last_alert_at end as since,
    case
        when judged.state = 'alert' and judged.flight_state != 'alert'
            then 'vigour_not_recovered'
        when judged.state = 'ok' and judged.verdict = 'answered' then 'vigour_answered'
        when judged.state = 'alert' then concat('vigour_', judged.cause_by_soil)
        when judged.state = 'not_flown' and judged.flown_days_ago is null then 'vigour_not_flown_window'
        else concat('vigour_', judged.state)
    end as reason_code,
    cast(json_object(
        'index_name', judged.index_name,
        'value', round(judged.index_median, 2),
        'peer_median', round(judged.peer_median, 2),
        'peers', judged.peers,
        'valid_pct', cast(round(100 * judged.valid_fraction) as bigint),
        'cause_by_soil', judged.cause_by_soil,
        'fell_by', round(-judged.median_change, 2),
        'days', cast(floor(coalesce(judged.flown_days_ago, judged.drone_window_days)) as bigint)
    ) as varchar) as reason_params_json,
    round(judged.robust_z, 3) as value,
    case when judged.state = 'alert' then judged.vigour_alert_z else judged.vigour_watch_z end as line,
    '1' as unit,
    case
        when judged.state = 'unconfirmed' then 'low'
        when judged.robust_z is not null then 'high'
    end as confidence,
    coalesce(judged.captured_at, judged.last_flown_at) as data_at,
    cast(json_object(
        'flight_id', judged.flight_id,
        'sensor_kind', judged.sensor_kind,
        'index_name', judged.index_name,
        'index_median', round(judged.index_median, 6),
        'valid_fraction', round(judged.valid_fraction, 6),
        'peer_group', judged.peer_group,
        'peers', judged.peers,
        'peer_median', round(judged.peer_median, 6),
        'peer_mad', round(judged.peer_mad, 6),
        'robust_z', round(judged.robust_z, 4),
        'previous_z', round(judged.previous_z, 4),
        'flight_state', judged.flight_state,
        'soil_state', judged.soil_state,
        'cause_by_soil', judged.cause_by_soil
    ) as varchar) as inputs_json,
from judged
