-- A vegetation index of a plot in a flight.
--
-- Grain: plot, flight, sensor and index
-- As of: captured_at up to as_of; days of the drone window only
-- Reads: index_stats
-- Feeds: vigour_flights
-- Kept as: table
--
-- Several statistics of one plot in one flight count by their valid pixels. Those of a picture whose place, time or
-- pose cannot be (quarantined) or that is a thumbnail count for nothing. They name their plot, so that a picture
-- without a footprint is good enough.
select
    index_stats.plot_id,
    coalesce(index_stats.flight_id, concat_ws('/', index_stats.drone_id, cast(index_stats.date as varchar)))
        as flight_id,
    coalesce(index_stats.sensor_kind, 'unknown') as sensor_kind,
    index_stats.index_name,
    max(index_stats.captured_at) as captured_at,
    round(
        sum(index_stats.median * greatest(index_stats.n_pixels, 1)) / sum(greatest(index_stats.n_pixels, 1)), 9
    ) as index_median,
    round(
        sum(coalesce(index_stats.valid_fraction, 0) * greatest(index_stats.n_pixels, 1))
        / sum(greatest(index_stats.n_pixels, 1)), 9
    ) as valid_fraction,
    sum(index_stats.n_pixels) as n_pixels,
    min(case when index_stats.calibrated then 1 else 0 end) = 1 as is_calibrated,
from index_stats
where
    index_stats.scope = 'plot'
    and index_stats.plot_id is not null
    and not isnan(index_stats.median)
    and index_stats.status not in ('quarantined', 'not_original')
    and index_stats.date between coalesce(getvariable('drone_window_from'), date '0001-01-01')
    and coalesce(getvariable('window_to'), date '9999-12-31')
    and index_stats.captured_at <= coalesce(getvariable('as_of'), timestamptz 'infinity')
group by
    index_stats.plot_id,
    coalesce(index_stats.flight_id, concat_ws('/', index_stats.drone_id, cast(index_stats.date as varchar))),
    coalesce(index_stats.sensor_kind, 'unknown'),
    index_stats.index_name
