-- What two flights running say of a plot's vigour: those of a day, and the day before on which it could be judged.
--
-- Grain: plot, sensor, index and local day, of days with a flight among peers or that shows bare ground
-- As of: captured_at up to as_of, of the drone window and of flight_before_days before it
-- Reads: vigour_scores, limits
-- Feeds: vigour_flights
--
-- Two batteries of one morning are one look: the last of a day speaks for it, and the lowest z of it keeps an alert. A
-- day before that lies more than flight_before_days back is none.
with ranked_in_days as (
    select
        plot_id,
        sensor_kind,
        index_name,
        flown_on,
        captured_at,
        robust_z,
        min(robust_z) over one_day as lowest_z,
        max(cast(is_bare or is_sick as integer)) over one_day = 1 as is_unwell,
        row_number() over (one_day order by captured_at desc, flight_id desc) as recency,
    from vigour_scores
    where robust_z is not null or is_bare
    window one_day as (partition by plot_id, sensor_kind, index_name, flown_on)
),

pairs as (
    select
        plot_id,
        sensor_kind,
        index_name,
        flown_on,
        lowest_z,
        is_unwell,
        lag(flown_on) over in_order as previous_day,
        lag(captured_at) over in_order as previous_at,
        lag(robust_z) over in_order as previous_z,
        lag(lowest_z) over in_order as previous_lowest_z,
        lag(is_unwell) over in_order as was_unwell,
    from ranked_in_days
    where recency = 1
    window in_order as (partition by plot_id, sensor_kind, index_name order by flown_on)
)

select
    pairs.plot_id,
    pairs.sensor_kind,
    pairs.index_name,
    pairs.flown_on,
    pairs.previous_at,
    pairs.previous_z,
    least(pairs.lowest_z, pairs.previous_lowest_z) as lowest_z,
    pairs.is_unwell or pairs.was_unwell as is_unwell,
from pairs
cross join limits
where date_diff('day', pairs.previous_day, pairs.flown_on) <= limits.flight_before_days
