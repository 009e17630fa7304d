-- The daily verdicts of a plot with their memory: since when an issue of dryness stands open.
--
-- Grain: plot and day
-- As of: readings up to as_of
-- Reads: root_zone_daily, potential_daily
-- Feeds: drought_findings
-- Kept as: table
--
-- Open means: two daily evaluations in a row were dry, or one was of severity 4, and no day since was below the
-- closing line. The memory is made from the daily series alone, so that the same instant gives the same answer.
with verdicts as (
    select
        plot_id,
        date,
        'water_content' as quantity,
        state = 'dry' and not is_frozen as is_dry,
        state = 'dry' and not is_frozen and stress_severity = 4 as is_severest,
        is_below_close,
    from root_zone_daily
    union all
    select
        potential_daily.plot_id,
        potential_daily.date,
        'matric_potential' as quantity,
        potential_daily.state = 'dry' and not potential_daily.is_frozen as is_dry,
        false as is_severest,
        potential_daily.is_below_close,
    from potential_daily
    left join root_zone_daily on potential_daily.plot_id = root_zone_daily.plot_id
    where root_zone_daily.plot_id is null
),

rows_of_days as (
    select
        verdicts.plot_id,
        verdicts.date,
        verdicts.quantity,
        verdicts.is_dry,
        verdicts.is_below_close,
        verdicts.is_severest,
        coalesce(
            verdicts.is_dry
            and lag(verdicts.is_dry) over by_day
            and date_diff('day', lag(verdicts.date) over by_day, verdicts.date) = 1,
            false
        ) as is_second,
    from verdicts
    window by_day as (partition by verdicts.plot_id order by verdicts.date)
),

events as (
    select
        rows_of_days.*,
        max(case when rows_of_days.is_second or rows_of_days.is_severest then rows_of_days.date end)
            over so_far
            as last_open_date,
        max(case when rows_of_days.is_below_close then rows_of_days.date end) over so_far as last_close_date,
    from rows_of_days
    window so_far as (
        partition by plot_id order by date rows between unbounded preceding and current row
    )
),

spells as (
    select
        events.*,
        coalesce(
            events.last_open_date is not null
            and (events.last_close_date is null or events.last_open_date > events.last_close_date),
            false
        ) as is_open,
    from events
)

select
    spells.plot_id,
    spells.date,
    spells.quantity,
    spells.is_dry,
    spells.is_open,
    min(case when spells.is_dry then spells.date end) over (
        partition by spells.plot_id, spells.last_close_date
        order by spells.date rows between unbounded preceding and current row
    ) as dry_since_date,
from spells
