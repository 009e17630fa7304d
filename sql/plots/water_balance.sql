-- The water in a plot's root zone day by day, reckoned from weather and water brought instead of measured by a probe.
--
-- Grain: plot and local day of a run without gaps
-- As of: readings and reports up to as_of; days of balance_days
-- Reads: balance_days, limits
-- Feeds: balance_checks
-- Kept as: table
--
-- FAO-56 chapters 7 and 8. A day begins with the depletion that the day before left; its stress coefficient Ks is that
-- of the beginning (equation 84), its p that of its ETc (p_at_etc_mm and the limits beside it), and rain and watering
-- count at once (equations 85 to 88). Where evaporable_mm (TEW) is null, crop_coefficient is the single one (equation
-- 58). Where it is known, crop_coefficient is the basal one, and the wet soil between the plants evaporates beside it
-- (equations 69 to 79): evaporated_mm is De, evaporation_coefficient Ke. What exceeds the depletion runs through.
with recursive days as (
    select
        balance_days.plot_id,
        balance_days.day_number - 1 as day_number,
        cast(null as double) as evaporation_coefficient,
        cast(null as double) as etc_mm,
        cast(null as double) as depletion_fraction,
        cast(null as double) as ks,
        cast(null as double) as actual_et_mm,
        cast(balance_days.start_depletion_mm as double) as depletion_mm,
        cast(balance_days.start_evaporated_mm as double) as evaporated_mm,
        cast(null as double) as percolation_mm,
    from balance_days
    where balance_days.day_number = 1
    union all
    select
        balance_days.plot_id,
        balance_days.day_number,
        coalesce(
            least(
                greatest(
                    least(
                        (balance_days.evaporable_mm - days.evaporated_mm)
                        / (balance_days.evaporable_mm - balance_days.readily_evaporable_mm),
                        1
                    ),
                    0
                ) * (balance_days.crop_coefficient_max - balance_days.crop_coefficient),
                balance_days.exposed_wetted_fraction * balance_days.crop_coefficient_max
            ), 0
        ) as next_evaporation_coefficient,
        (balance_days.crop_coefficient + next_evaporation_coefficient) * balance_days.et0_mm as next_etc_mm,
        least(
            greatest(
                balance_days.depletion_fraction + limits.p_per_etc_mm * (limits.p_at_etc_mm - next_etc_mm), limits.p_min
            ), limits.p_max
        ) as next_depletion_fraction,
        least(
            greatest(
                (balance_days.total_available_water_mm - days.depletion_mm)
                / ((1 - next_depletion_fraction) * balance_days.total_available_water_mm),
                0
            ), 1
        ) as next_ks,
        (next_ks * balance_days.crop_coefficient + next_evaporation_coefficient) * balance_days.et0_mm
            as next_actual_et_mm,
        least(
            greatest(days.depletion_mm - balance_days.rain_mm - balance_days.watering_mm + next_actual_et_mm, 0),
            balance_days.total_available_water_mm
        ) as next_depletion_mm,
        least(
            greatest(
                days.evaporated_mm
                - balance_days.rain_mm
                - balance_days.watering_mm / balance_days.wetted_fraction,
                0
            )
            + next_evaporation_coefficient * balance_days.et0_mm / balance_days.exposed_wetted_fraction,
            balance_days.evaporable_mm
        ) as next_evaporated_mm,
        greatest(balance_days.rain_mm + balance_days.watering_mm - next_actual_et_mm - days.depletion_mm, 0)
            as next_percolation_mm,
    from days
    cross join limits
    inner join balance_days
        on days.plot_id = balance_days.plot_id and days.day_number + 1 = balance_days.day_number
)

select
    days.plot_id,
    balance_days.date,
    days.day_number,
    balance_days.et0_mm,
    balance_days.rain_mm,
    balance_days.watering_mm,
    days.evaporation_coefficient,
    days.etc_mm,
    days.depletion_fraction,
    days.depletion_fraction * balance_days.total_available_water_mm as readily_available_water_mm,
    balance_days.total_available_water_mm,
    days.ks,
    days.actual_et_mm,
    days.depletion_mm,
    case when balance_days.evaporable_mm is not null then days.evaporated_mm end as evaporated_mm,
    days.percolation_mm,
from days
inner join balance_days on days.plot_id = balance_days.plot_id and days.day_number = balance_days.day_number
