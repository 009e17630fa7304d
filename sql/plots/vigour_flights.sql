-- What a flight says of a plot's vigour.
--
-- Grain: plot, flight, sensor and index
-- As of: captured_at up to as_of, of the drone window
-- Reads: vigour_scores, vigour_days, flight_shifts, finding_answers, limits
-- Feeds: vigour_verdicts, disease_findings, plot_stories
-- Kept as: table
--
-- Poor means: an alert among peers, in this flight alone or running with the last one of the day before. What people
-- have answered since the flight before makes no alert a second time. Bare ground is an alert of its own, but a shift
-- of a whole flight raises nothing: where shift_plots plots or more fell by mad_min or more in the median since the day
-- before, what would not be bare without that fall is unconfirmed until a flight of another day shows it bare, too.
-- Clear means: all flights of both days running are above vigour_clear_z and show nothing bare and no disease in the
-- plot, and no issue was opened again in between.
with shifts as (
    select flight_shifts.*,
    from flight_shifts
    cross join limits
    where flight_shifts.plots_seen_before >= limits.shift_plots
),

neighbours as (
    select
        vigour_scores.*,
        case when vigour_scores.is_comparable then vigour_days.previous_z end as previous_z,
        vigour_days.lowest_z,
        vigour_days.is_unwell,
        shifts.median_change,
        round(vigour_scores.robust_z - limits.vigour_alert_z, 9) <= 0
        or (
            round(vigour_scores.robust_z - limits.vigour_watch_z, 9) <= 0
            and round(vigour_days.previous_z - limits.vigour_watch_z, 9) <= 0
            and (
                finding_answers.answered_at is null
                or finding_answers.answered_at < vigour_days.previous_at
                or finding_answers.answered_at >= vigour_scores.captured_at
            )
        ) as is_poor,
        round(shifts.median_change + vigour_scores.mad_min, 9) <= 0
        and round(vigour_scores.index_median - shifts.median_change - limits.dead_ndvi, 9) >= 0
        and coalesce(vigour_scores.day_before_median >= limits.dead_ndvi, true) as is_of_the_shift,
        finding_answers.reopened_at is null
        or finding_answers.reopened_at < vigour_days.previous_at
        or finding_answers.reopened_at >= vigour_scores.captured_at as is_on_one_side,
    from vigour_scores
    cross join limits
    left join vigour_days
        on
            vigour_scores.plot_id = vigour_days.plot_id
            and vigour_scores.sensor_kind = vigour_days.sensor_kind
            and vigour_scores.index_name = vigour_days.index_name
            and vigour_scores.flown_on = vigour_days.flown_on
    left join shifts
        on
            vigour_scores.flight_id = shifts.flight_id
            and vigour_scores.sensor_kind = shifts.sensor_kind
            and vigour_scores.index_name = shifts.index_name
    left join finding_answers
        on vigour_scores.plot_id = finding_answers.plot_id and finding_answers.cause = 'vigour'
    where vigour_scores.flown_on >= coalesce(getvariable('drone_window_from'), date '0001-01-01')
)

select
    neighbours.plot_id,
    neighbours.flight_id,
    neighbours.sensor_kind,
    neighbours.index_name,
    neighbours.captured_at,
    neighbours.flown_on,
    neighbours.order_of_trust,
    neighbours.peer_group,
    neighbours.index_median,
    neighbours.valid_fraction,
    neighbours.n_pixels,
    neighbours.is_comparable,
    neighbours.peers,
    neighbours.peer_median,
    neighbours.peer_mad,
    neighbours.robust_z,
    neighbours.previous_z,
    neighbours.median_change,
    coalesce(neighbours.is_poor, false) as is_poor,
    case
        when not neighbours.has_pixels then 'insufficient_pixels'
        when not neighbours.is_comparable then 'not_calibrated'
        when neighbours.is_poor then 'alert'
        when neighbours.is_bare and neighbours.is_of_the_shift then 'unconfirmed'
        when neighbours.is_bare then 'alert'
        when neighbours.robust_z is null then 'no_peer_group'
        when round(neighbours.robust_z - limits.vigour_watch_z, 9) <= 0 then 'watch'
        else 'ok'
    end as state,
    coalesce(
        neighbours.previous_z is not null
        and round(neighbours.lowest_z - limits.vigour_clear_z, 9) > 0
        and not neighbours.is_unwell
        and neighbours.is_on_one_side,
        false
    ) as is_clear,
from neighbours
cross join limits
