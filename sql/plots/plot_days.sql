-- A day of a plot as its picture shows it: the water in its root zone against its lines, or why nothing can be said.
--
-- Grain: plot and local day that is over
-- As of: readings up to as_of, of the window
-- Reads: readings_daily, root_zone, potentials, frost_days, limits
-- Feeds: story_days
--
-- Condition: frozen (frost_days), else judged (the root zone or the potential was judged), else sparse (too few
-- readings came), else gated (enough came, too few were usable). A day without any reading has no row and is missing.
-- A frozen day keeps its value, for those who want to see what the probe read. Lines are those of the day.
with received as (
    select
        readings_daily.plot_id,
        readings_daily.date,
        sum(readings_daily.readings) as readings,
        sum(greatest(readings_daily.usable_readings, readings_daily.usable_potentials)) as usable_readings,
        max(readings_daily.readings / readings_daily.expected_readings) as received_share,
    from readings_daily
    where
        readings_daily.plot_id is not null
        and readings_daily.date < cast(getvariable('window_to') as date)
        and readings_daily.date > coalesce(getvariable('continued_from'), date '0001-01-01')
    group by readings_daily.plot_id, readings_daily.date
)

select
    received.plot_id,
    received.date,
    case
        when frost_days.plot_id is not null then 'frozen'
        when root_zone.plot_id is not null or potentials.plot_id is not null then 'judged'
        when received.received_share < limits.daily_completeness then 'sparse'
        else 'gated'
    end as condition,
    received.readings,
    received.usable_readings,
    root_zone.volumetric_water_content,
    root_zone.field_capacity,
    root_zone.field_capacity
    - limits.watch_share * root_zone.depletion_fraction * (root_zone.field_capacity - root_zone.wilting_point)
        as watch_point,
    root_zone.refill_point,
    root_zone.wilting_point,
    root_zone.root_zone_m,
    root_zone.depletion_share,
    root_zone.depletion_fraction,
    potentials.matric_potential_kpa,
    potentials.line_kpa,
    limits.potential_watch_share * potentials.line_kpa as watch_kpa,
    coalesce(root_zone.state, potentials.state) as state,
from received
cross join limits
left join root_zone
    on received.plot_id = root_zone.plot_id and received.date = root_zone.date and root_zone.span = 'day'
left join potentials
    on received.plot_id = potentials.plot_id and received.date = potentials.date and potentials.span = 'day'
left join frost_days on received.plot_id = frost_days.plot_id and received.date = frost_days.date
