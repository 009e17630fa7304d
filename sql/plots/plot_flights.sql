-- When a plot was last flown, and last looked at by the recognition.
--
-- Grain: plot
-- As of: captured_at up to as_of; that a plot was ever flown is asked of the whole history
-- Reads: staged_plots, staged_coverage, plot_coverage, limits
-- Feeds: disease_findings, vigour_findings, coverage_findings
-- Kept as: table
--
-- Looked at means: the analysed pictures of a flight show at least clear_covered_fraction of the plot. A glimpse of one
-- corner says nothing of the rest; glimpsed_at is the newest flight of that kind.
with flown_ever as (
    select distinct plot_id,
    from plot_coverage
    where captured_at <= getvariable('as_of')
),

flights as (
    select
        staged_coverage.plot_id,
        count(*) as flights,
        max(staged_coverage.last_at) as last_flown_at,
        max(case when staged_coverage.analysed_images > 0 then staged_coverage.last_at end) as last_glimpsed_at,
        max_by(staged_coverage.analysed_fraction, staged_coverage.last_at)
        filter (where staged_coverage.analysed_images > 0) as glimpsed_fraction,
        max(
            case
                when staged_coverage.analysed_fraction >= limits.clear_covered_fraction then staged_coverage.last_at
            end
        ) as last_analysed_at,
    from staged_coverage
    cross join limits
    group by staged_coverage.plot_id
)

select
    staged_plots.plot_id,
    coalesce(flights.flights, 0) as flights,
    flights.last_flown_at,
    flights.last_analysed_at,
    flights.glimpsed_fraction,
    flown_ever.plot_id is not null as was_ever_flown,
    (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(flights.last_flown_at)) / 86400 as flown_days_ago,
    (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(flights.last_analysed_at)) / 86400
        as analysed_days_ago,
    (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(flights.last_glimpsed_at)) / 86400
        as glimpsed_days_ago,
from staged_plots
left join flights on staged_plots.plot_id = flights.plot_id
left join flown_ever on staged_plots.plot_id = flown_ever.plot_id
