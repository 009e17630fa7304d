-- The hours of the last two closed days, for what looks back from the days after them.
--
-- Grain: plot, device, channel, depth and hour
-- As of: readings up to as_of
-- Reads: readings_hourly
-- Feeds: later evaluations
-- Kept as: carried table
--
-- Made where they are judged whole: an evaluation that continues after them leaves those of before as they are.
select
    plot_id,
    device_id,
    channel,
    depth_cm,
    date,
    hour_at,
    volumetric_water_content,
from readings_hourly
where
    date > cast(getvariable('closed_until') as date) - 2
    and date <= getvariable('closed_until')
    and volumetric_water_content is not null
    and getvariable('continued_from') is null
