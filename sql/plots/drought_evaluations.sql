-- The evaluations of a plot's dryness that can still matter, and whether each opens or closes an issue.
--
-- Grain: plot, quantity, span (day or hour) and its begin
-- As of: readings up to as_of; days that are over, and hours of the last hourly_days
-- Reads: drought_runs, weather_days, seasons, limits
-- Feeds: drought_memories
--
-- Opens means: open_days daily evaluations in a row were dry, or open_hourly hourly ones that span open_hours, or one
-- was of severity 4. In a season of rule rain_holds only days open below severity 4, and none within rain_days of
-- rain_hold_mm where rain is measured. Closes means: below the closing line for close_hours, by the hours or by a whole
-- day. In a row means: no other evaluation between, and no longer gap than hourly_gap_hours or, for days, the report
-- interval. Frozen soil is neither dry nor moist. An hour counts when it has every depth that the plot had in the
-- hourly_depth_hours before it. Each quantity has a memory of its own; drought_memories chooses between them, water
-- content first.
with dates as (
    select distinct date,
    from drought_runs
),

rains as (
    select
        dates.date,
        seasons.season is not null as does_rain_hold,
        weather_days.recent_rain_mm,
    from dates
    cross join limits
    left join weather_days
        on
            dates.date >= weather_days.date
            and dates.date < coalesce(weather_days.next_date, date '9999-12-31')
            and date_diff('day', weather_days.date, dates.date) < limits.rain_days
    left join seasons
        on
            seasons.rule = 'rain_holds'
            and strftime(dates.date, '%m-%d') between seasons.month_day_from and seasons.month_day_to
)

select
    drought_runs.plot_id,
    drought_runs.quantity,
    drought_runs.span,
    drought_runs.date,
    drought_runs.starts_at,
    drought_runs.ends_at,
    drought_runs.interval_days,
    drought_runs.is_dry,
    drought_runs.dryness,
    drought_runs.is_below_close,
    case when drought_runs.is_dry then drought_runs.dry_since_at end as dry_since_at,
    case when drought_runs.is_dry then drought_runs.dry_evaluations end as dry_evaluations,
    drought_runs.same_evaluations >= limits.open_hourly
    and epoch(drought_runs.starts_at) - epoch(drought_runs.same_since_at) >= limits.open_hours * 3600 as is_settled,
    case when rains.does_rain_hold then rains.recent_rain_mm end as holding_rain_mm,
    case
        when not drought_runs.is_dry then false
        when drought_runs.dryness = 2 then true
        when drought_runs.span = 'day'
            then
                drought_runs.dry_evaluations >= limits.open_days
                and not coalesce(
                    rains.does_rain_hold and rains.recent_rain_mm >= limits.rain_hold_mm, false
                )
        else
            drought_runs.dry_evaluations >= limits.open_hourly
            and epoch(drought_runs.starts_at) - epoch(drought_runs.dry_since_at) >= limits.open_hours * 3600
            and not rains.does_rain_hold
    end as opens,
    case
        when not drought_runs.is_below_close then false
        when drought_runs.span = 'day' then true
        else
            epoch(least(drought_runs.ends_at, cast(getvariable('as_of') as timestamptz)))
            - epoch(drought_runs.moist_since_at)
            >= limits.close_hours * 3600
    end as closes,
from drought_runs
cross join limits
inner join rains on drought_runs.date = rains.date
