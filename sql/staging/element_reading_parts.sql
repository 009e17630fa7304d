-- When a sensing element gave water, and a value that somebody can use, apart for closed days and for the newest.
--
-- Grain: device, channel, depth and whether the days are closed
-- As of: readings up to as_of, of the window
-- Reads: readings
-- Feeds: element_readings
-- Kept as: carried table
--
-- Closed means: up to closed_until.
select
    device_id,
    channel,
    depth_cm,
    date <= coalesce(getvariable('closed_until'), date '0001-01-01') as is_closed,
    count(*) as water_readings,
    min(measured_at) as first_water_at,
    max(measured_at) as last_water_at,
    max(case when is_evidence or is_potential_usable or is_d01_frozen then measured_at end) as last_good_at,
from readings
where
    not is_quarantined
    and depth_cm is not null
    and (volumetric_water_content is not null or matric_potential_kpa is not null)
group by device_id, channel, depth_cm, date <= coalesce(getvariable('closed_until'), date '0001-01-01')
