-- A plot's vegetation index in a flight: among plots of its vegetation, against bare ground, and since the day before.
--
-- Grain: plot, flight, sensor and index
-- As of: captured_at up to as_of, of the drone window and of flight_before_days before it
-- Reads: staged_index_stats, staged_plots, found_objects, vegetation_indices, seasons, limits
-- Feeds: flight_shifts, vigour_days, green_days, vigour_flights
-- Kept as: table
--
-- Robust z = (x - median) / (1.4826 max(MAD, mad_min)) over the peers of one flight: the plots of one vegetation with
-- enough valid, calibrated pixels, the plot itself among them. Bare means: below dead_ndvi in the growing season, where
-- the index is one that tells it; green: not below it, in any season. Sick means: a flight of that day found a disease
-- in the plot. The median of the day before is that of the plot's last comparable flight of an earlier day, at most
-- flight_before_days ago; all that a verdict on a flight asks of the past lies as near as that, so that it stays what
-- it was when older flights leave the window.
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
        staged_plots.peer_group,
        vegetation_indices.mad_min,
        vegetation_indices.order_of_trust,
        vegetation_indices.dead_below_is_ndvi,
        staged_index_stats.n_pixels > 0
        and staged_index_stats.valid_fraction >= limits.vigour_valid_fraction as has_pixels,
        staged_index_stats.n_pixels > 0
        and staged_index_stats.valid_fraction >= limits.vigour_valid_fraction
        and staged_index_stats.is_calibrated as is_comparable,
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

days_before as (
    select
        plot_id,
        sensor_kind,
        index_name,
        flown_on,
        lag(index_median) over in_order as day_before_median,
        lag(flown_on) over in_order as day_before,
    from ranked_in_days
    where recency = 1
    window in_order as (partition by plot_id, sensor_kind, index_name order by flown_on)
)

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
    stats.is_comparable
    and stats.dead_below_is_ndvi
    and stats.index_median < limits.dead_ndvi
    and growing.season is not null as is_bare,
    stats.is_comparable
    and stats.dead_below_is_ndvi
    and stats.index_median >= limits.dead_ndvi as is_green,
    sick_days.plot_id is not null as is_sick,
    case
        when date_diff('day', days_before.day_before, stats.flown_on) <= limits.flight_before_days
            then days_before.day_before_median
    end as day_before_median,
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
left join days_before
    on
        stats.plot_id = days_before.plot_id
        and stats.sensor_kind = days_before.sensor_kind
        and stats.index_name = days_before.index_name
        and stats.flown_on = days_before.flown_on
left join sick_days on stats.plot_id = sick_days.plot_id and stats.flown_on = sick_days.flown_on
left join seasons as growing
    on
        growing.rule = 'growing'
        and strftime(timezone(coalesce(getvariable('timezone'), 'UTC'), stats.captured_at), '%m-%d')
        between growing.month_day_from and growing.month_day_to
