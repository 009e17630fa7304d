-- In how many days a plot that gets no water will be at its line, with the range, or why nobody can say.
--
-- Grain: plot
-- As of: as_of; days that are over
-- Reads: staged_plots, crop_coefficients, drydowns, weather_outlook, limits
-- Feeds: drought_flags, drought_outcomes
-- Kept as: table
--
-- Days count from as_of, and the mean of a day stands at its noon. With weather: the first day on which
-- Dr + sum(Kc ET0 - P) reaches p TAW, the day's share of it included; median with expected rain, low without rain and
-- with ET0 higher by outlook_et0_spread, high with all of the rain and ET0 lower by as much. Without: the fits of
-- drydowns, the exponentials begun at the newest mean; the median of the methods is told, low and high are widened to
-- what real drydowns did. Never more than outlook_days, which then means: so many or more.
with newest as (
    select
        drydowns.*,
        (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(
            timezone(coalesce(getvariable('timezone'), 'UTC'), cast(drydowns.date as timestamp))
        )) / 86400 - 0.5 as elapsed_days,
    from drydowns
),

demands as (
    select
        newest.plot_id,
        weather_outlook.date,
        weather_outlook.et0_mm,
        newest.depletion_mm,
        newest.line_mm,
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
        newest.kept_days,
        least(
            coalesce(
                case
                    when newest.line_slope < 0
                        then (newest.refill_point - newest.volumetric_water_content) / newest.line_slope
                end, limits.outlook_days + newest.elapsed_days
            ), limits.outlook_days + newest.elapsed_days
        ) as line_days,
        least(
            coalesce(
                case
                    when newest.short_slope < 0
                        then
                            ln(
                                (newest.refill_point - newest.asymptote)
                                / (newest.volumetric_water_content - newest.asymptote)
                            ) / newest.short_slope
                end, limits.outlook_days + newest.elapsed_days
            ), limits.outlook_days + newest.elapsed_days
        ) as short_days,
        case
            when newest.long_slope < 0
                then
                    least(
                        ln(
                            (newest.refill_point - newest.asymptote)
                            / (newest.volumetric_water_content - newest.asymptote)
                        ) / newest.long_slope, limits.outlook_days + newest.elapsed_days
                    )
            when newest.kept_days >= limits.drydown_longer_days then limits.outlook_days + newest.elapsed_days
        end as long_days,
        newest.asymptote,
    from newest
    cross join limits
    where
        newest.volumetric_water_content > newest.refill_point
        and newest.kept_days >= limits.drydown_least_days
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
