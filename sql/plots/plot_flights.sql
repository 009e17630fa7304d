-- When a plot was last flown, and last looked at by the recognition.
--
-- Grain: plot
-- As of: captured_at up to as_of; that a plot was ever flown is asked of the whole history
-- Reads: staged_plots, staged_coverage, plot_coverage
-- Feeds: disease_findings, vigour_findings, coverage_findings
-- Kept as: table
with flown_ever as (
    select distinct plot_id,
    from plot_coverage
    where captured_at <= getvariable('as_of')
),

flights as (
    select
        plot_id,
        count(*) as flights,
        max(last_at) as last_flown_at,
        max(case when analysed_images > 0 then last_at end) as last_analysed_at,
    from staged_coverage
    group by plot_id
)

select
    staged_plots.plot_id,
    coalesce(flights.flights, 0) as flights,
    flights.last_flown_at,
    flights.last_analysed_at,
    flown_ever.plot_id is not null as was_ever_flown,
    (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(flights.last_flown_at)) / 86400 as flown_days_ago,
    (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(flights.last_analysed_at)) / 86400
        as analysed_days_ago,
from staged_plots
left join flights on staged_plots.plot_id = flights.plot_id
left join flown_ever on staged_plots.plot_id = flown_ever.plot_id
