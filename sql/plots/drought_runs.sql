-- Every evaluation of a plot's dryness, day by day and hour by hour, and the run of like ones that it stands in.
--
-- Grain: plot, quantity, span (day or hour) and its begin
-- As of: readings up to as_of; days that are over, and hours of the last hourly_days
-- Reads: root_zone, potentials, earlier_runs, limits
-- Feeds: drought_evaluations
-- Kept as: carried table
--
-- In a row means: no other evaluation between, and no longer gap than hourly_gap_hours or, for days, the report
-- interval. Frozen soil is neither dry nor moist. An hour counts when it has every depth that the plot had in the
-- hourly_depth_hours before it. Nothing here depends on the weather or on the instant of the evaluation. earlier_runs
-- has, where an evaluation continues after closed days, the last of these of a plot, quantity and span.
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

counted as (
    select
        verdicts.*,
        case when verdicts.is_severest then 2 when verdicts.is_dry then 1 else 0 end as dryness,
        verdicts.depths >= max(verdicts.depths) over (
            partition by verdicts.plot_id, verdicts.is_water_content
            order by verdicts.starts_at
            range between interval (limits.hourly_depth_hours) hour preceding and current row
        ) as is_whole,
    from verdicts
    cross join limits
),

evaluations as (
    select
        counted.*,
        case
            when counted.is_day
                then timezone(coalesce(getvariable('timezone'), 'UTC'), cast(counted.date + 1 as timestamp))
            else counted.starts_at + interval 1 hour
        end as ends_at,
        greatest(ceil(counted.interval_s / 86400 - limits.interval_slack), 1) as interval_days,
    from counted
    cross join limits
    where
        (counted.is_day or counted.is_whole)
        and counted.date > coalesce(getvariable('continued_from'), date '0001-01-01')
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
)

select
    plot_id,
    case when is_water_content then 'water_content' else 'matric_potential' end as quantity,
    case when is_day then 'day' else 'hour' end as span,
    date,
    starts_at,
    ends_at,
    interval_days,
    is_dry,
    dryness,
    is_below_close,
    dry_since_at,
    dry_evaluations,
    same_since_at,
    same_evaluations,
    moist_since_at,
from runs
where not is_earlier
