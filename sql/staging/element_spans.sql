-- What a sensing element said in all, before any gate, apart for closed days and for the newest.
--
-- Grain: plot, device, channel, depth, and whether the days are closed
-- As of: readings up to as_of
-- Reads: element_days
-- Feeds: plot_depths, stream_day_gates, unsteady_devices
-- Kept as: carried table
--
-- Closed means: up to closed_until. Paced means: the register says how often the device reports.
select
    element_id,
    stream_id,
    device_id,
    channel,
    depth_cm,
    plot_id,
    date <= coalesce(getvariable('closed_until'), date '0001-01-01') as is_closed,
    min(date) as first_date,
    max(date) as last_date,
    min(first_at) as first_at,
    sum(water_contents) as water_contents,
    sum(potentials) as potentials,
    bool_and(is_paced) as is_paced,
from element_days
group by
    element_id,
    stream_id,
    device_id,
    channel,
    depth_cm,
    plot_id,
    date <= coalesce(getvariable('closed_until'), date '0001-01-01')
