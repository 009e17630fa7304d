-- The newest day of a plot's root zone, and how fast its water has gone since it last rose.
--
-- Grain: plot
-- As of: days that are over
-- Reads: root_zone_daily, limits
-- Feeds: dry_forecasts
-- Kept as: held table
--
-- The daily means since the last rise (or frozen day, gap, other depths), its first drydown_dropped_days left out: a
-- line through the last drydown_least_days, and exponentials through these and through the last drydown_longer_days,
-- theta - a = A exp(-t / tau), fitted to the logarithm. Slopes are per day: of water content, and of the logarithm of
-- what lies above the asymptote a: max(wilting point, percentile of the window less drydown_below_driest), the wilting
-- point where that lies at the line or above.
with days as (
    select
        root_zone_daily.plot_id,
        root_zone_daily.date,
        root_zone_daily.volumetric_water_content,
        root_zone_daily.refill_point,
        root_zone_daily.wilting_point,
        root_zone_daily.depletion_mm,
        root_zone_daily.total_available_water_mm,
        root_zone_daily.depletion_fraction,
        root_zone_daily.coverage,
        root_zone_daily.is_frozen,
        row_number() over by_time as number,
        count(*) over (by_time rows between current row and unbounded following) as recency,
        root_zone_daily.volumetric_water_content - lag(root_zone_daily.volumetric_water_content) over by_time as step,
        coalesce(root_zone_daily.depth_list <> lag(root_zone_daily.depth_list) over by_time, false) as is_other_depths,
        date_diff('day', lag(root_zone_daily.date) over by_time, root_zone_daily.date) as step_days,
    from root_zone_daily
    window by_time as (partition by root_zone_daily.plot_id order by root_zone_daily.date)
),

breaks as (
    select
        days.*,
        round(coalesce(days.step, 0) - limits.drydown_rise, 9) > 0 as is_rise,
        coalesce(days.is_frozen, false)
        or days.number = 1
        or days.is_other_depths
        or round(coalesce(days.step, 0) - limits.drydown_rise, 9) > 0
        or days.step_days > limits.drydown_gap_days as is_break,
    from days
    cross join limits
),

run_begins as (
    select
        plot_id,
        max(date) as run_from,
    from breaks
    where is_break
    group by plot_id
),

newest as (
    select
        breaks.*,
        run_begins.run_from,
    from breaks
    inner join run_begins on breaks.plot_id = run_begins.plot_id
    where breaks.recency = 1
),

driest as (
    select
        root_zone_daily.plot_id,
        percentile_cont(0.01) within group (order by root_zone_daily.volumetric_water_content) as first_percentile,
    from root_zone_daily
    group by root_zone_daily.plot_id
),

asymptotes as (
    select
        newest.plot_id,
        case
            when driest.first_percentile - limits.drydown_below_driest < newest.refill_point
                then greatest(newest.wilting_point, driest.first_percentile - limits.drydown_below_driest)
            else newest.wilting_point
        end as asymptote,
    from newest
    cross join limits
    inner join driest on newest.plot_id = driest.plot_id
),

drydown_days as (
    select
        breaks.plot_id,
        breaks.date,
        date_diff('day', newest.date, breaks.date) as t,
        breaks.volumetric_water_content as water_content,
        case
            when breaks.volumetric_water_content > asymptotes.asymptote
                then ln(breaks.volumetric_water_content - asymptotes.asymptote)
        end as log_excess,
        breaks.recency,
    from breaks
    cross join limits
    inner join newest on breaks.plot_id = newest.plot_id and breaks.date >= newest.run_from
    inner join asymptotes on breaks.plot_id = asymptotes.plot_id
    where date_diff('day', newest.run_from, breaks.date) >= limits.drydown_dropped_days
),

recent_days as (
    select
        drydown_days.plot_id,
        drydown_days.t,
        case when drydown_days.recency <= limits.drydown_least_days then drydown_days.water_content end
            as short_water_content,
        case when drydown_days.recency <= limits.drydown_least_days then drydown_days.log_excess end
            as short_log_excess,
        case when drydown_days.recency <= limits.drydown_longer_days then drydown_days.log_excess end
            as long_log_excess,
        limits.drydown_least_days,
        limits.drydown_longer_days,
    from drydown_days
    cross join limits
),

fits as (
    select
        plot_id,
        count(*) as kept_days,
        regr_slope(short_water_content, t) as line_slope,
        case when count(short_log_excess) >= max(drydown_least_days) then regr_slope(short_log_excess, t) end
            as short_slope,
        case when count(long_log_excess) >= max(drydown_longer_days) then regr_slope(long_log_excess, t) end
            as long_slope,
    from recent_days
    group by plot_id
)

select
    newest.plot_id,
    newest.date,
    newest.volumetric_water_content,
    newest.refill_point,
    newest.depletion_mm,
    newest.depletion_fraction * newest.total_available_water_mm as line_mm,
    newest.coverage,
    newest.is_frozen,
    newest.is_rise,
    asymptotes.asymptote,
    fits.kept_days,
    round(fits.line_slope, 15) as line_slope,
    round(fits.short_slope, 15) as short_slope,
    round(fits.long_slope, 15) as long_slope,
from newest
inner join asymptotes on newest.plot_id = asymptotes.plot_id
left join fits on newest.plot_id = fits.plot_id
