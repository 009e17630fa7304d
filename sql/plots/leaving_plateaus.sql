-- A plateau that is about to leave the window: what an evaluation writes down in table soil_plateaus.
--
-- Grain: plot, device, channel, depth and wettest hour
-- As of: as_of
-- Reads: plateaus, limits
-- Feeds: soil_plateaus
--
-- About to leave means: in the last learned_keep_days of the window. Earlier it would lack late readings, later it
-- would be out of sight.
select
    plateaus.plot_id,
    plateaus.device_id,
    plateaus.channel,
    plateaus.depth_cm,
    plateaus.wetted_at,
    plateaus.peak_water_content,
    plateaus.plateau_water_content,
    cast(getvariable('as_of') as timestamptz) as found_at,
from plateaus
cross join limits
where
    plateaus.over_at <= getvariable('as_of')
    and plateaus.date > getvariable('window_from')
    and plateaus.date <= getvariable('window_from') + cast(limits.learned_keep_days as integer)
