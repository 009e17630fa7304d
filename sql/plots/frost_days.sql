-- Local days on which a probe of a plot read frozen soil for a good part of the day.
--
-- Grain: plot and day
-- As of: readings up to as_of
-- Reads: readings_daily, limits
-- Feeds: root_zone, potentials, drought_findings, plot_days, drought_outcomes
--
-- A lone reading below zero, in July say, freezes no day.
select
    readings_daily.plot_id,
    readings_daily.date,
    sum(readings_daily.frozen_readings) as frozen_readings,
from readings_daily
cross join limits
where
    readings_daily.plot_id is not null
    and readings_daily.frozen_readings > 0
    and readings_daily.frozen_readings >= limits.frozen_day_share * readings_daily.readings
group by readings_daily.plot_id, readings_daily.date
