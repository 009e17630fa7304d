-- Local days on which a probe of a plot read frozen soil for a good part of the day, and the days of thaw after them.
--
-- Grain: plot and day
-- As of: readings up to as_of
-- Reads: readings_daily, limits
-- Feeds: root_zone, potentials, drought_findings, plot_days, drought_outcomes
--
-- A lone reading below zero, in July say, freezes no day. For soil_thaw_days after a frozen day ice is left around the
-- probe and it freezes again at night: water content reads too low while the thermometer is above zero. On such days
-- frozen_readings is 0 unless the day froze itself. Frost that only the air tells has its thaw in gate D01
-- (air_thaw_days).
with frozen_days as (
    select
        readings_daily.plot_id,
        readings_daily.date,
        sum(readings_daily.frozen_readings) as frozen_readings,
        bool_or(readings_daily.soil_temperature_c is not null) as is_measured,
    from readings_daily
    cross join limits
    where
        readings_daily.plot_id is not null
        and readings_daily.frozen_readings > 0
        and readings_daily.frozen_readings >= limits.frozen_day_share * readings_daily.readings
    group by readings_daily.plot_id, readings_daily.date
),

thaw as (
    select unnest(range(1, cast(limits.soil_thaw_days as integer) + 1)) as days,
    from limits
),

cold_days as (
    select
        plot_id,
        date,
        frozen_readings,
    from frozen_days
    union all
    select
        frozen_days.plot_id,
        frozen_days.date + cast(thaw.days as integer) as date,
        0 as frozen_readings,
    from frozen_days
    cross join thaw
    where frozen_days.is_measured
)

select
    plot_id,
    date,
    max(frozen_readings) as frozen_readings,
from cold_days
group by plot_id, date
