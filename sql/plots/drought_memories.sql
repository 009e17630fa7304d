-- What a plot is judged by now, and whether an issue of dryness stands open.
--
-- Grain: plot
-- As of: as_of
-- Reads: drought_evaluations, watering_checks, water_causes, limits
-- Feeds: drought_basis, drought_evidence
-- Kept as: table
--
-- The newest day that is over speaks for the plot, unless the newest hour is of severity 4, or the hours have been
-- drier or moister than that day for open_hours. Open means: an evaluation opened an issue and none closed it since,
-- nor a verified watering that an issue asked for: only what began after the hours that showed it opens again; water
-- that came with other work was not meant to end it. The memory is made from the
-- evaluations alone, so that the same instant gives the same answer; it reaches as far back as they do, and
-- is_held_since_window says that all of that time was spent between the lines.
with verified as (
    select
        watering_checks.plot_id,
        max(watering_checks.checked_at) as checked_at,
    from watering_checks
    inner join water_causes on watering_checks.cause = water_causes.cause
    where watering_checks.state = 'verified'
    group by watering_checks.plot_id
),

ends as (
    select
        drought_evaluations.plot_id,
        drought_evaluations.quantity,
        max(
            case
                when
                    drought_evaluations.opens
                    and drought_evaluations.starts_at >= coalesce(verified.checked_at, timestamptz '-infinity')
                    then drought_evaluations.ends_at
            end
        ) as opened_at,
        max(case when drought_evaluations.closes then drought_evaluations.ends_at end) as closed_at,
        max(verified.checked_at) as verified_at,
        min(drought_evaluations.date) as first_date,
    from drought_evaluations
    left join verified on drought_evaluations.plot_id = verified.plot_id
    group by drought_evaluations.plot_id, drought_evaluations.quantity
),

openings as (
    select
        drought_evaluations.plot_id,
        drought_evaluations.quantity,
        min(drought_evaluations.dry_since_at) as issue_since_at,
    from drought_evaluations
    inner join ends
        on drought_evaluations.plot_id = ends.plot_id and drought_evaluations.quantity = ends.quantity
    where
        drought_evaluations.opens
        and drought_evaluations.ends_at > coalesce(ends.closed_at, timestamptz '-infinity')
        and drought_evaluations.starts_at >= coalesce(ends.verified_at, timestamptz '-infinity')
    group by drought_evaluations.plot_id, drought_evaluations.quantity
),

ranked as (
    select
        drought_evaluations.*,
        row_number() over (
            partition by drought_evaluations.plot_id, drought_evaluations.quantity, drought_evaluations.span
            order by drought_evaluations.starts_at desc
        ) as recency,
    from drought_evaluations
),

newest as (
    select ranked.*,
    from ranked
    cross join limits
    where
        ranked.recency = 1
        and case
            when ranked.span = 'day'
                then
                    date_diff('day', ranked.date, cast(getvariable('window_to') as date))
                    <= greatest(limits.evaluation_days, ranked.interval_days)
            else
                epoch(cast(getvariable('as_of') as timestamptz)) - epoch(ranked.ends_at)
                <= limits.hourly_gap_hours * 3600
        end
),

chosen_quantities as (
    select
        newest.plot_id,
        newest.quantity,
        row_number() over (
            partition by newest.plot_id
            order by newest.span = 'day' desc, newest.date desc, newest.quantity = 'water_content' desc
        ) as choice,
    from newest
),

pairs as (
    select
        chosen_quantities.plot_id,
        chosen_quantities.quantity,
        days.date as day_date,
        days.starts_at as day_starts_at,
        days.dry_since_at as day_dry_since_at,
        hours.date as hour_date,
        hours.starts_at as hour_starts_at,
        hours.dry_since_at as hour_dry_since_at,
        coalesce(
            hours.dryness = 2
            or (hours.is_settled and hours.dryness != coalesce(days.dryness, 0))
            or (hours.opens and coalesce(days.dryness, 0) = 0),
            false
        ) as does_hour_speak,
        coalesce(days.holding_rain_mm, hours.holding_rain_mm) as holding_rain_mm,
    from chosen_quantities
    left join newest as days
        on
            chosen_quantities.plot_id = days.plot_id
            and chosen_quantities.quantity = days.quantity
            and days.span = 'day'
    left join newest as hours
        on
            chosen_quantities.plot_id = hours.plot_id
            and chosen_quantities.quantity = hours.quantity
            and hours.span = 'hour'
    where chosen_quantities.choice = 1
)

select
    pairs.plot_id,
    pairs.quantity,
    case when pairs.does_hour_speak then 'hour' else 'day' end as span,
    case when pairs.does_hour_speak then pairs.hour_date else pairs.day_date end as date,
    case when pairs.does_hour_speak then pairs.hour_starts_at else pairs.day_starts_at end as starts_at,
    case when pairs.does_hour_speak then pairs.hour_dry_since_at else pairs.day_dry_since_at end as dry_since_at,
    pairs.hour_starts_at,
    pairs.holding_rain_mm,
    coalesce(ends.opened_at > coalesce(ends.closed_at, timestamptz '-infinity'), false) as is_open,
    openings.issue_since_at,
    ends.verified_at,
    ends.opened_at is null
    and ends.closed_at is null
    and ends.verified_at is null
    and date_diff('day', cast(getvariable('window_from') as date), ends.first_date) <= limits.evaluation_days
        as is_held_since_window,
from pairs
cross join limits
inner join ends on pairs.plot_id = ends.plot_id and pairs.quantity = ends.quantity
left join openings on pairs.plot_id = openings.plot_id and pairs.quantity = openings.quantity
where pairs.does_hour_speak or pairs.day_date is not null
