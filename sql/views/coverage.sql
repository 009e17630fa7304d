-- Which flight showed which plot, and how much of it.
--
-- Grain: plot and flight
-- As of: all history
-- Reads: plot_coverage
-- Feeds: questions of analysts
select
    plot_id,
    coalesce(flight_id, concat_ws('/', drone_id, cast(date as varchar))) as flight_id,
    min(date) as date,
    count(distinct picture_id) as images,
    count(distinct case when is_analysed then picture_id end) as analysed_images,
    max(covered_fraction) as covered_fraction,
    max(captured_at) as last_captured_at,
from plot_coverage
group by plot_id, coalesce(flight_id, concat_ws('/', drone_id, cast(date as varchar)))
