-- The evaluations of a plot's dryness, day by day and hour by hour, that can still matter.
--
-- Grain: plot, quantity, span (day or hour) and its begin
-- As of: readings up to as_of; days that are over, and hours of the last hourly_days
-- Reads: root_zone, potentials, earlier_runs, limits
-- Feeds: drought_evaluations
-- Kept as: carried table
--
-- Each with the run of like ones that it stands in. In a row means: no other evaluation between, and no longer gap than
-- hourly_gap_hours or, for days, the report interval. Frozen soil is neither dry nor moist. An hour counts when it has
-- every depth that the plot had in the hourly_depth_hours before it. Nothing here depends on the weather or on the
-- instant of the evaluation. Of days up to closed_until only these can matter: the first of a plot and quantity, the
-- last of each span, the last that closes an issue, and what was dry after it. earlier_runs has the last of each span
-- where an evaluation continues after them.
with verdicts as (
    select
        plot_id,
        true as is_water_content,
        span = 'day' as is_day,
        date,
        starts_at,
        depths,
        interval_s,
        state = 'dry' and not is_frozen as is_dry,
        state = 'dry' and stress_severity = 4 and not is_frozen as is_severest,
        is_below_close and not is_frozen as is_below_close,
    from root_zone
    union all
    select
        plot_id,
        false as is_water_content,
        span = 'day' as is_day,
        date,
        starts_at,
        depths,
        interval_s,
        state = 'dry' and not is_frozen as is_dry,
        false as is_severest,
        is_below_close and not is_frozen as is_below_close,
    from potentials
),

most_depths as (
    select
        plot_id,
        is_water_content,
        max(depths) as depths,
    from verdicts
    group by plot_id, is_water_content
),

-- only an hour that lacks a depth of the plot is compared with those before it: there are few
lacking_hours as (
    select
        verdicts.plot_id,
        verdicts.is_water_content,
        verdicts.starts_at,
        verdicts.depths,
    from verdicts
    inner join most_depths
        on verdicts.plot_id = most_depths.plot_id and verdicts.is_water_content = most_depths.is_water_content
    where
        not verdicts.is_day
        and verdicts.depths < most_depths.depths
        and verdicts.date > coalesce(getvariable('continued_from'), date '0001-01-01')
),

partial_hours as (
    select distinct
        lacking_hours.plot_id,
        lacking_hours.is_water_content,
        lacking_hours.starts_at,
    from lacking_hours
    cross join limits
    inner join verdicts
        on
            lacking_hours.plot_id = verdicts.plot_id
            and lacking_hours.is_water_content = verdicts.is_water_content
            and lacking_hours.starts_at >= verdicts.starts_at
            and lacking_hours.depths < verdicts.depths
    where epoch(lacking_hours.starts_at) - epoch(verdicts.starts_at) <= limits.hourly_depth_hours * 3600
),

evaluations as (
    select
        verdicts.*,
        case when verdicts.is_severest then 2 when verdicts.is_dry then 1 else 0 end as dryness,
        case
            when verdicts.is_day
                then timezone(coalesce(getvariable('timezone'), 'UTC'), cast(verdicts.date + 1 as timestamp))
            else verdicts.starts_at + interval 1 hour
        end as ends_at,
        greatest(ceil(verdicts.interval_s / 86400 - limits.interval_slack), 1) as interval_days,
    from verdicts
    cross join limits
    left join partial_hours
        on
            verdicts.plot_id = partial_hours.plot_id
            and verdicts.is_water_content = partial_hours.is_water_content
            and verdicts.starts_at = partial_hours.starts_at
    where
        (verdicts.is_day or partial_hours.plot_id is null)
        and verdicts.date > coalesce(getvariable('continued_from'), date '0001-01-01')
),

chained as (
    select
        plot_id,
        is_water_content,
        is_day,
        date,
        starts_at,
        ends_at,
        interval_days,
        is_dry,
        dryness,
        is_below_close,
        false as is_earlier,
        null as earlier_dry_since_at,
        null as earlier_dry_evaluations,
        null as earlier_same_since_at,
        null as earlier_same_evaluations,
        null as earlier_moist_since_at,
    from evaluations
    union all
    select
        plot_id,
        quantity = 'water_content' as is_water_content,
        span = 'day' as is_day,
        date,
        starts_at,
        ends_at,
        interval_days,
        is_dry,
        dryness,
        is_below_close,
        true as is_earlier,
        dry_since_at as earlier_dry_since_at,
        dry_evaluations as earlier_dry_evaluations,
        same_since_at as earlier_same_since_at,
        same_evaluations as earlier_same_evaluations,
        moist_since_at as earlier_moist_since_at,
    from earlier_runs
),

steps as (
    select
        evaluations.*,
        row_number() over by_time as number,
        case
            when evaluations.is_day
                then
                    date_diff('day', lag(evaluations.date) over by_time, evaluations.date)
                    <= evaluations.interval_days
            else
                epoch(evaluations.starts_at) - epoch(lag(evaluations.starts_at) over by_time)
                <= limits.hourly_gap_hours * 3600
        end as is_next,
        lag(evaluations.is_dry) over by_time as was_dry,
        lag(evaluations.dryness) over by_time as last_dryness,
        lag(evaluations.is_below_close) over by_time as was_below_close,
    from chained as evaluations
    cross join limits
    window by_time as (
        partition by evaluations.plot_id, evaluations.is_water_content, evaluations.is_day
        order by evaluations.starts_at
    )
),

begins as (
    select
        steps.*,
        case
            when steps.is_earlier then steps.earlier_dry_since_at
            when steps.is_dry and not coalesce(steps.is_next and steps.was_dry, false) then steps.starts_at
        end as dry_begins_at,
        case
            when steps.is_earlier then steps.number - steps.earlier_dry_evaluations + 1
            when steps.is_dry and not coalesce(steps.is_next and steps.was_dry, false) then steps.number
        end as dry_begins,
        case
            when steps.is_earlier then steps.earlier_same_since_at
            when not coalesce(steps.is_next and steps.last_dryness = steps.dryness, false) then steps.starts_at
        end as same_begins_at,
        case
            when steps.is_earlier then steps.number - steps.earlier_same_evaluations + 1
            when not coalesce(steps.is_next and steps.last_dryness = steps.dryness, false) then steps.number
        end as same_begins,
        case
            when steps.is_earlier then steps.earlier_moist_since_at
            when steps.is_below_close and not coalesce(steps.is_next and steps.was_below_close, false)
                then steps.starts_at
        end as moist_begins_at,
    from steps
),

runs as (
    select
        begins.*,
        max(begins.dry_begins_at) over so_far as dry_since_at,
        begins.number - max(begins.dry_begins) over so_far + 1 as dry_evaluations,
        max(begins.same_begins_at) over so_far as same_since_at,
        begins.number - max(begins.same_begins) over so_far + 1 as same_evaluations,
        max(begins.moist_begins_at) over so_far as moist_since_at,
    from begins
    window so_far as (
        partition by begins.plot_id, begins.is_water_content, begins.is_day
        order by begins.starts_at rows between unbounded preceding and current row
    )
),

closed_ends as (
    select
        runs.plot_id,
        runs.is_water_content,
        min(runs.ends_at) as first_ends_at,
        max(case when runs.is_day then runs.ends_at end) as last_day_ends_at,
        max(case when not runs.is_day then runs.ends_at end) as last_hour_ends_at,
        max(
            case
                when
                    runs.is_below_close
                    and (runs.is_day or epoch(runs.ends_at) - epoch(runs.moist_since_at) >= limits.close_hours * 3600)
                    then runs.ends_at
            end
        ) as closed_at,
    from runs
    cross join limits
    where runs.date <= coalesce(getvariable('closed_until'), date '0001-01-01')
    group by runs.plot_id, runs.is_water_content
)

select
    runs.plot_id,
    case when runs.is_water_content then 'water_content' else 'matric_potential' end as quantity,
    case when runs.is_day then 'day' else 'hour' end as span,
    runs.date,
    runs.starts_at,
    runs.ends_at,
    runs.interval_days,
    runs.is_dry,
    runs.dryness,
    runs.is_below_close,
    runs.dry_since_at,
    runs.dry_evaluations,
    runs.same_since_at,
    runs.same_evaluations,
    runs.moist_since_at,
from runs
left join closed_ends
    on runs.plot_id = closed_ends.plot_id and runs.is_water_content = closed_ends.is_water_content
where
    not runs.is_earlier
    and (
        runs.date > coalesce(getvariable('closed_until'), date '0001-01-01')
        or runs.ends_at = closed_ends.first_ends_at
        or runs.ends_at = closed_ends.closed_at
        or runs.ends_at = case when runs.is_day then closed_ends.last_day_ends_at else closed_ends.last_hour_ends_at end
        or (runs.is_dry and runs.ends_at > coalesce(closed_ends.closed_at, timestamptz '-infinity'))
    )
