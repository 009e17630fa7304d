-- A vegetation index of a plot in a flight.
--
-- Grain: plot, flight, sensor and index
-- As of: captured_at up to as_of; days of the drone window and flight_before_days before it
-- Reads: index_stats, plot_coverage, drone_images, staged_plots, limits
-- Feeds: vigour_scores
-- Kept as: table
--
-- Several statistics of one plot in one flight count by their valid pixels. Those of a picture whose place, time or
-- pose cannot be (quarantined) or that is a thumbnail count for nothing. They name their plot, so that a picture
-- without a footprint is good enough. A statistic of a whole picture counts for the plot in which index_image_share of
-- its ground lies, where the flight has none of that plot itself. One of no pixels counts where there is no other.
with image_plots as (
    select
        plot_coverage.picture_id,
        plot_coverage.plot_id,
    from plot_coverage
    cross join limits
    inner join drone_images on plot_coverage.picture_id = drone_images.picture_id
    inner join staged_plots on plot_coverage.plot_id = staged_plots.plot_id
    where
        plot_coverage.date between coalesce(getvariable('flights_before_from'), date '0001-01-01')
        and coalesce(getvariable('window_to'), date '9999-12-31')
        and drone_images.date between coalesce(getvariable('flights_before_from'), date '0001-01-01')
        and coalesce(getvariable('window_to'), date '9999-12-31')
        and drone_images.footprint_area_m2 > 0
        and round(
            plot_coverage.covered_fraction * staged_plots.area_m2 / drone_images.footprint_area_m2
            - limits.index_image_share, 6
        ) >= 0
),

told as (
    select
        case when index_stats.scope = 'plot' then index_stats.plot_id else image_plots.plot_id end as plot_id,
        coalesce(index_stats.flight_id, concat_ws('/', index_stats.drone_id, cast(index_stats.date as varchar)))
            as flight_id,
        coalesce(index_stats.sensor_kind, 'unknown') as sensor_kind,
        index_stats.index_name,
        index_stats.captured_at,
        index_stats.median,
        greatest(index_stats.n_pixels, 0) as n_pixels,
        coalesce(index_stats.valid_fraction, 0) as valid_fraction,
        coalesce(index_stats.calibrated, false) as is_calibrated,
        case when index_stats.n_pixels > 0 then 2 else 0 end + case when index_stats.scope = 'plot' then 1 else 0 end
            as worth,
    from index_stats
    left join image_plots on index_stats.scope = 'image' and index_stats.picture_id = image_plots.picture_id
    where
        not isnan(index_stats.median)
        and index_stats.status not in ('quarantined', 'not_original')
        and index_stats.date between coalesce(getvariable('flights_before_from'), date '0001-01-01')
        and coalesce(getvariable('window_to'), date '9999-12-31')
        and index_stats.captured_at <= coalesce(getvariable('as_of'), timestamptz 'infinity')
),

nearest as (
    select
        told.*,
        max(told.worth) over (
            partition by told.plot_id, told.flight_id, told.sensor_kind, told.index_name
        ) as best_worth,
    from told
    where told.plot_id is not null
)

select
    plot_id,
    flight_id,
    sensor_kind,
    index_name,
    max(captured_at) as captured_at,
    round(coalesce(sum(median * n_pixels) / nullif(sum(n_pixels), 0), max(median)), 9) as index_median,
    round(coalesce(sum(valid_fraction * n_pixels) / nullif(sum(n_pixels), 0), 0), 9) as valid_fraction,
    sum(n_pixels) as n_pixels,
    min(case when is_calibrated then 1 else 0 end) = 1 as is_calibrated,
from nearest
where worth = best_worth
group by plot_id, flight_id, sensor_kind, index_name
