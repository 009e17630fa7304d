-- Hours on a low plateau (ISMN D09): water content fell off and then stood nearly still.
--
-- Grain: element and hour on a low plateau
-- As of: readings up to as_of
-- Reads: element_hours, hourly_breaks, limits
-- Feeds: hourly_gates
-- Kept as: passing table
--
-- Dorigo et al. 2013, equation 14, as flagit 0.3 computes it. Still means: variance over mean of an hour and the 12
-- that follow is below low_plateau_spread; missing hours are bridged. A plateau begins with a drop (D07) into
-- stillness, ends where the spread grows by that much from one hour to the next, and is flagged for low_plateau_hours
-- at least. It stays flagged until then: a probe that never moves again never counts again. A frame of rows takes no
-- column: its 13 hours are low_plateau_hours.
with dropping_elements as (
    select distinct element_id,
    from hourly_breaks
    where is_d07_drop
),

hours as (
    select
        element_hours.element_id,
        element_hours.hour,
        element_hours.position,
        element_hours.water_content_pct,
        coalesce(hourly_breaks.is_d07_drop, false) as is_drop,
        case
            when count(*) over ahead = limits.low_plateau_hours
                then
                    round(var_samp(element_hours.water_content_pct) over ahead, 4)
                    / nullif(round(avg(element_hours.water_content_pct) over ahead, 4), 0)
        end as spread,
        limits.low_plateau_spread,
        limits.low_plateau_hours,
    from element_hours
    cross join limits
    inner join dropping_elements
        on element_hours.element_id = dropping_elements.element_id
    left join hourly_breaks
        on element_hours.element_id = hourly_breaks.element_id and element_hours.hour = hourly_breaks.hour
    window ahead as (
        partition by element_hours.element_id
        order by element_hours.hour
        rows between current row and 12 following
    )
),

spreads as (
    select
        hours.element_id,
        hours.hour,
        hours.position,
        hours.is_drop,
        hours.low_plateau_spread,
        hours.low_plateau_hours,
        coalesce(hours.spread, case when hours.water_content_pct = 0 then 0 end) as spread,
    from hours
),

turns as (
    select
        spreads.element_id,
        spreads.hour,
        spreads.position,
        spreads.low_plateau_hours,
        case when spreads.is_drop and spreads.spread < spreads.low_plateau_spread then spreads.position end
            as begins_at,
        case
            when
                not (spreads.is_drop and coalesce(spreads.spread < spreads.low_plateau_spread, false))
                and spreads.spread
                - lag(spreads.spread) over (partition by spreads.element_id order by spreads.hour)
                >= spreads.low_plateau_spread
                then spreads.position
        end as ends_at,
    from spreads
),

plateaus as (
    select
        turns.element_id,
        turns.hour,
        turns.position,
        turns.low_plateau_hours,
        case
            when max(turns.begins_at) over so_far > coalesce(max(turns.ends_at) over so_far, 0) then turns.position
        end as stands_at,
    from turns
    window so_far as (partition by turns.element_id order by turns.hour rows unbounded preceding)
),

lasting_plateaus as (
    select
        plateaus.element_id,
        plateaus.hour,
        plateaus.position,
        plateaus.low_plateau_hours,
        max(plateaus.stands_at) over (
            partition by plateaus.element_id order by plateaus.hour rows unbounded preceding
        ) as last_stands_at,
    from plateaus
)

select
    element_id,
    hour,
from lasting_plateaus
where position - last_stands_at < low_plateau_hours and position >= low_plateau_hours
