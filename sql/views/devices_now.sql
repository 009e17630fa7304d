-- The devices that the register holds today; devices itself has every row with its validity.
--
-- Grain: device
-- As of: rows without an end
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
where valid_to is null
