-- How much soil the probes at a depth of a plot stand for, on the newest day that says so.
--
-- Grain: plot and depth
-- As of: readings up to as_of; days that are over
-- Reads: root_zone_layers
-- Feeds: wetting_events
-- Kept as: carried table
select
    plot_id,
    depth_cm,
    max_by(thickness_m, date) as thickness_m,
from root_zone_layers
where span = 'day'
group by plot_id, depth_cm
