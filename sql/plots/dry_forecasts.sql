-- In how many days a plot that gets no water will be at its line, with the range, or why nobody can say.
--
-- Grain: plot
-- As of: as_of; days that are over
-- Reads: staged_plots, crop_coefficients, root_zone_daily, weather_outlook, limits
-- Feeds: drought_flags, drought_outcomes
-- Kept as: table
--
-- Days count from as_of, and the mean of a day stands at its noon. With weather: the first day on which
-- Dr + sum(Kc ET0 - P) reaches p TAW, the day's share of it included; median with expected rain, low without rain and
-- with ET0 higher by outlook_et0_spread, high with all of the rain and ET0 lower by as much. Without: the daily means
-- since the last rise (or frozen day, gap, other depths), its first drydown_dropped_days left out: a line through the
-- last three, and exponentials through the last three and five, theta - a = A exp(-t / tau), fitted to the
-- logarithm and begun at the newest mean. Asymptote a: max(wilting point, percentile of the window less
-- drydown_below_driest), the wilting point where that lies at the line or above. The median of the methods is told, low
-- and high are widened to what real drydowns did. Never more than outlook_days, which then means: so many or more.
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
        (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(
            timezone(coalesce(getvariable('timezone'), 'UTC'), cast(breaks.date as timestamp))
        )) / 86400 - 0.5 as elapsed_days,
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
),

demands as (
    select
        newest.plot_id,
        weather_outlook.date,
        weather_outlook.et0_mm,
        newest.depletion_mm,
        newest.depletion_fraction * newest.total_available_water_mm as line_mm,
        date_diff('day', newest.date, weather_outlook.date) as day_number,
        crop_coefficients.crop_coefficient * newest.coverage * weather_outlook.et0_mm
        - newest.coverage * weather_outlook.rain_expected_mm as median_loss_mm,
        (1 + limits.outlook_et0_spread) * crop_coefficients.crop_coefficient * newest.coverage * weather_outlook.et0_mm
        - newest.coverage * weather_outlook.rain_at_least_mm as low_loss_mm,
        (1 - limits.outlook_et0_spread) * crop_coefficients.crop_coefficient * newest.coverage * weather_outlook.et0_mm
        - newest.coverage * weather_outlook.rain_at_most_mm as high_loss_mm,
    from newest
    cross join limits
    inner join staged_plots on newest.plot_id = staged_plots.plot_id
    inner join crop_coefficients on staged_plots.vegetation = crop_coefficients.vegetation
    inner join weather_outlook on newest.date < weather_outlook.date
),

sums as (
    select
        demands.*,
        demands.depletion_mm + sum(demands.median_loss_mm) over so_far as median_sum_mm,
        demands.depletion_mm + sum(demands.low_loss_mm) over so_far as low_sum_mm,
        demands.depletion_mm + sum(demands.high_loss_mm) over so_far as high_sum_mm,
    from demands
    window so_far as (
        partition by demands.plot_id order by demands.date rows between unbounded preceding and current row
    )
),

depletions as (
    select
        sums.*,
        sums.median_sum_mm - least(min(sums.median_sum_mm) over so_far, 0) as median_mm,
        sums.low_sum_mm - least(min(sums.low_sum_mm) over so_far, 0) as low_mm,
        sums.high_sum_mm - least(min(sums.high_sum_mm) over so_far, 0) as high_mm,
    from sums
    window so_far as (
        partition by sums.plot_id order by sums.date rows between unbounded preceding and current row
    )
),

weather_days_until as (
    select
        depletions.plot_id,
        count(*) = count(depletions.et0_mm) as is_known,
        min(
            case
                when
                    depletions.median_mm >= depletions.line_mm
                    and (
                        depletions.day_number = 1
                        or depletions.median_mm - depletions.median_loss_mm < depletions.line_mm
                    )
                    then
                        depletions.day_number
                        - (depletions.median_mm - depletions.line_mm) / greatest(depletions.median_loss_mm, 1e-9)
            end
        ) as median_days,
        min(
            case
                when
                    depletions.low_mm >= depletions.line_mm
                    and (
                        depletions.day_number = 1
                        or depletions.low_mm - depletions.low_loss_mm < depletions.line_mm
                    )
                    then
                        depletions.day_number
                        - (depletions.low_mm - depletions.line_mm) / greatest(depletions.low_loss_mm, 1e-9)
            end
        ) as low_days,
        min(
            case
                when
                    depletions.high_mm >= depletions.line_mm
                    and (
                        depletions.day_number = 1
                        or depletions.high_mm - depletions.high_loss_mm < depletions.line_mm
                    )
                    then
                        depletions.day_number
                        - (depletions.high_mm - depletions.line_mm) / greatest(depletions.high_loss_mm, 1e-9)
            end
        ) as high_days,
    from depletions
    group by depletions.plot_id
),

drydown_days_until as (
    select
        newest.plot_id,
        fits.kept_days,
        least(
            coalesce(
                case
                    when fits.line_slope < 0
                        then (newest.refill_point - newest.volumetric_water_content) / fits.line_slope
                end, limits.outlook_days + newest.elapsed_days
            ), limits.outlook_days + newest.elapsed_days
        ) as line_days,
        least(
            coalesce(
                case
                    when fits.short_slope < 0
                        then
                            ln(
                                (newest.refill_point - asymptotes.asymptote)
                                / (newest.volumetric_water_content - asymptotes.asymptote)
                            ) / fits.short_slope
                end, limits.outlook_days + newest.elapsed_days
            ), limits.outlook_days + newest.elapsed_days
        ) as short_days,
        case
            when fits.long_slope < 0
                then
                    least(
                        ln(
                            (newest.refill_point - asymptotes.asymptote)
                            / (newest.volumetric_water_content - asymptotes.asymptote)
                        ) / fits.long_slope, limits.outlook_days + newest.elapsed_days
                    )
            when fits.kept_days >= limits.drydown_longer_days then limits.outlook_days + newest.elapsed_days
        end as long_days,
        asymptotes.asymptote,
    from newest
    cross join limits
    inner join asymptotes on newest.plot_id = asymptotes.plot_id
    inner join fits on newest.plot_id = fits.plot_id and limits.drydown_least_days <= fits.kept_days
    where newest.volumetric_water_content > newest.refill_point
),

standings as (
    select
        staged_plots.plot_id,
        newest.date,
        newest.elapsed_days,
        drydown_days_until.kept_days,
        drydown_days_until.line_days,
        drydown_days_until.short_days,
        drydown_days_until.long_days,
        drydown_days_until.asymptote,
        weather_days_until.median_days,
        weather_days_until.low_days,
        weather_days_until.high_days,
        limits.outlook_days,
        limits.drydown_low_share,
        limits.drydown_high_share,
        case
            when newest.plot_id is null then 'no_water_content'
            when date_diff('day', newest.date, cast(getvariable('window_to') as date)) > limits.evaluation_days
                then 'old'
            when newest.is_frozen then 'frozen'
            when newest.volumetric_water_content <= newest.refill_point then null
            when weather_days_until.is_known then null
            when newest.is_rise then 'rising'
            when drydown_days_until.plot_id is null then 'too_short'
        end as reason_code,
        case
            when newest.volumetric_water_content <= newest.refill_point then 'at_line'
            when weather_days_until.is_known then 'weather'
            else 'drydown'
        end as method,
    from staged_plots
    cross join limits
    left join newest on staged_plots.plot_id = newest.plot_id
    left join weather_days_until on staged_plots.plot_id = weather_days_until.plot_id
    left join drydown_days_until on staged_plots.plot_id = drydown_days_until.plot_id
),

spans as (
    select
        standings.*,
        case standings.method
            when 'at_line' then 0
            when 'weather' then coalesce(standings.median_days, standings.outlook_days + standings.elapsed_days)
            when 'drydown'
                then
                    case
                        when standings.long_days is null then (standings.line_days + standings.short_days) / 2
                        -- the middle one as it is: a sum less both ends may fall short of outlook_days by its last bit
                        else
                            greatest(
                                least(standings.line_days, standings.short_days),
                                least(greatest(standings.line_days, standings.short_days), standings.long_days)
                            )
                    end
        end as days,
        case standings.method
            when 'at_line' then 0
            when 'weather' then coalesce(standings.low_days, standings.outlook_days + standings.elapsed_days)
            when 'drydown'
                then
                    standings.drydown_low_share
                    * least(
                        standings.line_days, standings.short_days, coalesce(standings.long_days, standings.line_days)
                    )
        end as earliest_days,
        case standings.method
            when 'at_line' then 0
            when 'weather' then coalesce(standings.high_days, standings.outlook_days + standings.elapsed_days)
            when 'drydown'
                then
                    standings.drydown_high_share
                    * greatest(
                        standings.line_days, standings.short_days, coalesce(standings.long_days, standings.line_days)
                    )
        end as latest_days,
    from standings
)

select
    plot_id,
    date,
    case
        when reason_code is not null then null
        else round(least(greatest(days - elapsed_days, 0), outlook_days), 9)
    end as days_median,
    case
        when reason_code is not null then null
        else round(least(greatest(earliest_days - elapsed_days, 0), outlook_days), 9)
    end as days_low,
    case
        when reason_code is not null then null
        else round(least(greatest(latest_days - elapsed_days, 0), outlook_days), 9)
    end as days_high,
    case when reason_code is null then method end as method,
    reason_code,
    case when reason_code is null and method = 'drydown' then round(line_days, 4) end as line_days,
    case when reason_code is null and method = 'drydown' then round(short_days, 4) end as exponential_days,
    case when reason_code is null and method = 'drydown' then round(long_days, 4) end as long_exponential_days,
    case when reason_code is null and method = 'drydown' then asymptote end as asymptote,
    case when reason_code is null and method = 'drydown' then kept_days end as drydown_days,
from spans
