-- The devices that the register holds now; devices itself has every row with its validity.
--
-- Grain: device
-- As of: variable as_of, or variable now; without either the rows without an end
-- Reads: devices
-- Feeds: questions of analysts
select
    device_id,
    model,
    plot_id,
    depths_cm,
    report_interval_s,
    lon,
    lat,
    valid_from,
from devices
where
    valid_from <= coalesce(getvariable('as_of'), getvariable('now'), timestamptz 'infinity')
    and (
        valid_to is null
        or valid_to > coalesce(getvariable('as_of'), getvariable('now'), timestamptz 'infinity')
    )
