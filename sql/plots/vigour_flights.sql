-- How a plot's vegetation index stands among plots of the same vegetation, flight by flight.
--
-- Grain: plot, flight, sensor and index
-- As of: captured_at up to as_of, of the drone window
-- Reads: staged_index_stats, staged_plots, found_objects, finding_answers, vegetation_indices, seasons, limits
-- Feeds: vigour_findings, disease_findings, plot_stories
-- Kept as: table
--
-- Robust z = (x - median) / (1.4826 max(MAD, mad_min)) over the peers of one flight, so a shift of the whole flight
-- raises nothing; nor does bare ground (dead_ndvi) in a flight in which at least half of the peers that were seen
-- before fell below it, each since its own last day with a comparable flight: half of a district does not die at once.
-- Such a plot is unconfirmed until a flight of another day shows it bare, too. Peers are the plots of one vegetation
-- with enough valid, calibrated pixels, the plot itself among them. Running means: this flight and the last one of the
-- day before it on which the plot could be judged; two batteries of one morning are one look. What people have answered
-- since the flight before makes no alert a second time. Clear means: all flights of both days are above vigour_clear_z
-- and show nothing bare and no disease in the plot, and no issue was opened again in between.
with sick_days as (
    select distinct
        found_objects.plot_id,
        cast(timezone(coalesce(getvariable('timezone'), 'UTC'), found_objects.captured_at) as date) as flown_on,
    from found_objects
    cross join limits
    where
        found_objects.kind = 'disease'
        and found_objects.confidence >= limits.disease_confidence
        and found_objects.plot_probability >= limits.disease_probability
),

stats as (
    select
        staged_index_stats.plot_id,
        staged_index_stats.flight_id,
        staged_index_stats.sensor_kind,
        staged_index_stats.index_name,
        staged_index_stats.captured_at,
        cast(
            timezone(coalesce(getvariable('timezone'), 'UTC'), staged_index_stats.captured_at) as date
        ) as flown_on,
        staged_index_stats.index_median,
        staged_index_stats.valid_fraction,
        staged_index_stats.n_pixels,
        staged_index_stats.is_calibrated,
        staged_plots.peer_group,
        vegetation_indices.mad_min,
        vegetation_indices.order_of_trust,
        vegetation_indices.dead_below_is_ndvi,
        staged_index_stats.is_calibrated
        and staged_index_stats.n_pixels > 0
        and staged_index_stats.valid_fraction >= limits.vigour_valid_fraction as is_comparable,
        staged_index_stats.valid_fraction >= limits.vigour_valid_fraction
        and staged_index_stats.n_pixels > 0 as has_pixels,
    from staged_index_stats
    cross join limits
    inner join staged_plots on staged_index_stats.plot_id = staged_plots.plot_id
    inner join vegetation_indices on staged_index_stats.index_name = vegetation_indices.index_name
),

peer_medians as (
    select
        flight_id,
        sensor_kind,
        index_name,
        peer_group,
        count(*) as peers,
        percentile_cont(0.5) within group (order by index_median) as peer_median,
    from stats
    where is_comparable
    group by flight_id, sensor_kind, index_name, peer_group
),

ranked_in_days as (
    select
        plot_id,
        sensor_kind,
        index_name,
        flown_on,
        index_median,
        row_number() over (
            partition by plot_id, sensor_kind, index_name, flown_on
            order by captured_at desc, flight_id desc
        ) as recency,
    from stats
    where is_comparable
),

previous_days as (
    select
        plot_id,
        sensor_kind,
        index_name,
        flown_on,
        lag(index_median) over (partition by plot_id, sensor_kind, index_name order by flown_on) as previous_day_median,
    from ranked_in_days
    where recency = 1
),

shifted_flights as (
    select
        stats.flight_id,
        stats.sensor_kind,
        stats.index_name,
        stats.peer_group,
    from stats
    cross join limits
    inner join previous_days
        on
            stats.plot_id = previous_days.plot_id
            and stats.sensor_kind = previous_days.sensor_kind
            and stats.index_name = previous_days.index_name
            and stats.flown_on = previous_days.flown_on
    where stats.is_comparable and previous_days.previous_day_median is not null
    group by stats.flight_id, stats.sensor_kind, stats.index_name, stats.peer_group
    having
        2 * count(
            case
                when
                    stats.index_median < limits.dead_ndvi
                    and previous_days.previous_day_median >= limits.dead_ndvi
                    then 1
            end
        ) >= count(*)
),

peer_spreads as (
    select
        stats.flight_id,
        stats.sensor_kind,
        stats.index_name,
        stats.peer_group,
        percentile_cont(0.5) within group (order by abs(stats.index_median - peer_medians.peer_median)) as peer_mad,
    from stats
    inner join peer_medians
        on
            stats.flight_id = peer_medians.flight_id
            and stats.sensor_kind = peer_medians.sensor_kind
            and stats.index_name = peer_medians.index_name
            and stats.peer_group = peer_medians.peer_group
    where stats.is_comparable
    group by stats.flight_id, stats.sensor_kind, stats.index_name, stats.peer_group
),

scores as (
    select
        stats.*,
        coalesce(peer_medians.peers, 0) as peers,
        peer_medians.peer_median,
        peer_spreads.peer_mad,
        case
            when stats.is_comparable and peer_medians.peers >= limits.vigour_peers
                then
                    (stats.index_median - peer_medians.peer_median)
                    / (limits.robust_sigma * greatest(peer_spreads.peer_mad, stats.mad_min))
        end as robust_z,
        coalesce(
            stats.is_comparable
            and stats.dead_below_is_ndvi
            and stats.index_median < limits.dead_ndvi
            and growing.season is not null,
            false
        ) as is_bare,
        coalesce(
            shifted_flights.flight_id is null or previous_days.previous_day_median < limits.dead_ndvi, false
        ) as is_believed,
    from stats
    cross join limits
    left join peer_medians
        on
            stats.flight_id = peer_medians.flight_id
            and stats.sensor_kind = peer_medians.sensor_kind
            and stats.index_name = peer_medians.index_name
            and stats.peer_group = peer_medians.peer_group
    left join peer_spreads
        on
            stats.flight_id = peer_spreads.flight_id
            and stats.sensor_kind = peer_spreads.sensor_kind
            and stats.index_name = peer_spreads.index_name
            and stats.peer_group = peer_spreads.peer_group
    left join shifted_flights
        on
            stats.flight_id = shifted_flights.flight_id
            and stats.sensor_kind = shifted_flights.sensor_kind
            and stats.index_name = shifted_flights.index_name
            and stats.peer_group = shifted_flights.peer_group
    left join previous_days
        on
            stats.plot_id = previous_days.plot_id
            and stats.sensor_kind = previous_days.sensor_kind
            and stats.index_name = previous_days.index_name
            and stats.flown_on = previous_days.flown_on
    left join seasons as growing
        on
            growing.rule = 'growing'
            and strftime(timezone(coalesce(getvariable('timezone'), 'UTC'), stats.captured_at), '%m-%d')
            between growing.month_day_from and growing.month_day_to
),

ranked_scores as (
    select
        scores.plot_id,
        scores.sensor_kind,
        scores.index_name,
        scores.flown_on,
        scores.captured_at,
        scores.robust_z,
        min(scores.robust_z) over one_day as lowest_z,
        max(cast(scores.is_bare as integer)) over one_day = 1 as is_bare,
        row_number() over (one_day order by scores.captured_at desc, scores.flight_id desc) as recency,
    from scores
    where scores.robust_z is not null or scores.is_bare
    window one_day as (partition by scores.plot_id, scores.sensor_kind, scores.index_name, scores.flown_on)
),

judged_days as (
    select
        ranked_scores.*,
        sick_days.plot_id is not null as is_sick,
    from ranked_scores
    left join sick_days on ranked_scores.plot_id = sick_days.plot_id and ranked_scores.flown_on = sick_days.flown_on
    where ranked_scores.recency = 1
),

running_days as (
    select
        judged_days.plot_id,
        judged_days.sensor_kind,
        judged_days.index_name,
        judged_days.flown_on,
        lag(judged_days.captured_at) over in_order as previous_at,
        lag(judged_days.robust_z) over in_order as previous_z,
        judged_days.is_sick
        or judged_days.is_bare
        or lag(judged_days.is_sick) over in_order
        or lag(judged_days.is_bare) over in_order as is_unwell,
        least(judged_days.lowest_z, lag(judged_days.lowest_z) over in_order) as lowest_z,
    from judged_days
    window in_order as (
        partition by judged_days.plot_id, judged_days.sensor_kind, judged_days.index_name
        order by judged_days.flown_on
    )
),

neighbours as (
    select
        scores.*,
        running_days.previous_z,
        running_days.lowest_z,
        running_days.is_unwell,
        finding_answers.answered_at is null
        or finding_answers.answered_at < running_days.previous_at
        or finding_answers.answered_at >= scores.captured_at as is_previous_unanswered,
        finding_answers.reopened_at is null
        or finding_answers.reopened_at < running_days.previous_at
        or finding_answers.reopened_at >= scores.captured_at as is_on_one_side,
    from scores
    left join running_days
        on
            scores.plot_id = running_days.plot_id
            and scores.sensor_kind = running_days.sensor_kind
            and scores.index_name = running_days.index_name
            and scores.flown_on = running_days.flown_on
            and scores.is_comparable
    left join finding_answers on scores.plot_id = finding_answers.plot_id and finding_answers.cause = 'vigour'
)

select
    neighbours.plot_id,
    neighbours.flight_id,
    neighbours.sensor_kind,
    neighbours.index_name,
    neighbours.captured_at,
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
    case
        when not neighbours.has_pixels then 'insufficient_pixels'
        when not neighbours.is_comparable then 'not_calibrated'
        when neighbours.is_bare and neighbours.is_believed then 'alert'
        when round(neighbours.robust_z - limits.vigour_alert_z, 9) <= 0 then 'alert'
        when
            round(neighbours.robust_z - limits.vigour_watch_z, 9) <= 0
            and round(neighbours.previous_z - limits.vigour_watch_z, 9) <= 0
            and neighbours.is_previous_unanswered
            then 'alert'
        when neighbours.is_bare then 'unconfirmed'
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
