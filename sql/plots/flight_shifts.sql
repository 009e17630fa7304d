-- How much all that a flight saw differs from what each plot showed the day before.
--
-- Grain: flight, sensor and index
-- As of: captured_at up to as_of, of the drone window
-- Reads: vigour_scores
-- Feeds: vigour_flights
--
-- Half of the plots of a flight do not change at once: the median change of many is the light's or the calibration's.
-- That of a plot or two is their own, so how many were seen before stands beside it.
select
    vigour_scores.flight_id,
    vigour_scores.sensor_kind,
    vigour_scores.index_name,
    count(*) as plots_seen_before,
    round(
        percentile_cont(0.5) within group (
            order by vigour_scores.index_median - vigour_scores.day_before_median
        ), 9
    ) as median_change,
from vigour_scores
where
    vigour_scores.is_comparable
    and vigour_scores.day_before_median is not null
    and vigour_scores.flown_on >= coalesce(getvariable('drone_window_from'), date '0001-01-01')
group by vigour_scores.flight_id, vigour_scores.sensor_kind, vigour_scores.index_name
