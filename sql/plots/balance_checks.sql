-- What the water balance says of a plot's root zone beside what its probes say: a probe that drifts parts from it.
--
-- Grain: plot with a balance over at least balance_least_days
-- As of: readings and reports up to as_of
-- Reads: balance_days, water_balance, root_zone_daily, limits
-- Feeds: drought_flags
-- Kept as: table
--
-- Both depletions are of the layers that the probes stand for. They agree when they differ by no more than
-- balance_slack_mm and balance_slack_share of the water that was used and rained meanwhile: neither crop coefficients
-- nor a rain gauge somewhere else are truer than that. Else probe_drier (too little water measured: a probe pulled out
-- or in a hole, roots that drink more, soil that lets water run off, reported water that never came) or probe_wetter
-- (water that nobody reported, shade). Judges nothing by itself.
with runs as (
    select
        water_balance.plot_id,
        count(*) as days,
        max(water_balance.date) as last_date,
        sum(water_balance.etc_mm order by water_balance.date) as etc_mm,
        sum(water_balance.actual_et_mm order by water_balance.date) as actual_et_mm,
        sum(water_balance.rain_mm order by water_balance.date) as rain_mm,
        sum(water_balance.watering_mm order by water_balance.date) as watering_mm,
        sum(water_balance.percolation_mm order by water_balance.date) as percolation_mm,
        max_by(water_balance.depletion_mm, water_balance.date) as depletion_mm,
        max_by(water_balance.ks, water_balance.date) as ks,
    from water_balance
    group by water_balance.plot_id
),

compared as (
    select
        runs.plot_id,
        runs.days,
        balance_days.first_date,
        runs.last_date,
        balance_days.start_depletion_mm * root_zone_daily.coverage as start_depletion_mm,
        runs.etc_mm,
        runs.actual_et_mm,
        runs.rain_mm,
        runs.watering_mm,
        runs.percolation_mm,
        runs.ks,
        runs.depletion_mm * root_zone_daily.coverage as balance_depletion_mm,
        root_zone_daily.depletion_mm as probe_depletion_mm,
        root_zone_daily.depletion_mm - runs.depletion_mm * root_zone_daily.coverage as difference_mm,
        limits.balance_slack_mm
        + limits.balance_slack_share * root_zone_daily.coverage * (runs.actual_et_mm + runs.rain_mm) as slack_mm,
    from runs
    cross join limits
    inner join balance_days on runs.plot_id = balance_days.plot_id and balance_days.day_number = 1
    inner join root_zone_daily on runs.plot_id = root_zone_daily.plot_id and runs.last_date = root_zone_daily.date
    where runs.days >= limits.balance_least_days and not root_zone_daily.is_frozen
)

select
    plot_id,
    days,
    first_date,
    last_date,
    start_depletion_mm,
    etc_mm,
    actual_et_mm,
    rain_mm,
    watering_mm,
    percolation_mm,
    ks,
    balance_depletion_mm,
    probe_depletion_mm,
    difference_mm,
    slack_mm,
    case
        when round(abs(difference_mm) - slack_mm, 9) <= 0 then 'agrees'
        when difference_mm > 0 then 'probe_drier'
        else 'probe_wetter'
    end as state,
from compared
