-- Which flight showed which plot, and whether somebody looked for findings in the pictures.
--
-- Grain: plot and flight
-- As of: captured_at up to as_of; days of the drone window only
-- Reads: plot_coverage
-- Feeds: plot_flights, disease_findings, routed_findings
-- Kept as: table
--
-- A picture without a flight belongs to the flight of its drone and local day. Analysed means: looked at, and all that
-- was found is here; a picture with refused or missing findings proves nothing. How the pictures of a flight overlap is
-- not stored: what they show together is counted as if they lay at random, 1 - (1 - f1)(1 - f2) and so on, which is
-- never less than the largest.
select
    plot_coverage.plot_id,
    coalesce(plot_coverage.flight_id, concat_ws('/', plot_coverage.drone_id, cast(plot_coverage.date as varchar)))
        as flight_id,
    count(distinct plot_coverage.picture_id) as images,
    count(distinct case when plot_coverage.is_analysed then plot_coverage.picture_id end) as analysed_images,
    min(plot_coverage.captured_at) as first_at,
    max(plot_coverage.captured_at) as last_at,
    round(1 - exp(sum(ln(1 - least(greatest(plot_coverage.covered_fraction, 0), 1 - 1e-9)))), 6) as covered_fraction,
    round(1 - exp(sum(case
        when plot_coverage.is_analysed
            then ln(1 - least(greatest(plot_coverage.covered_fraction, 0), 1 - 1e-9))
        else 0
    end)), 6) as analysed_fraction,
from plot_coverage
where
    plot_coverage.date between coalesce(getvariable('drone_window_from'), date '0001-01-01')
    and coalesce(getvariable('window_to'), date '9999-12-31')
    and plot_coverage.captured_at <= coalesce(getvariable('as_of'), timestamptz 'infinity')
group by
    plot_coverage.plot_id,
    coalesce(plot_coverage.flight_id, concat_ws('/', plot_coverage.drone_id, cast(plot_coverage.date as varchar)))
