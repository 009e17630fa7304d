-- How much soil the probes at a depth of a plot stand for, on a day that is over.
--
-- Grain: plot, depth and local day
-- As of: readings up to as_of; days that are over
-- Reads: root_zone_layers
-- Feeds: wetting_signs
-- Kept as: carried table
select
    plot_id,
    depth_cm,
    date,
    thickness_m,
from root_zone_layers
where span = 'day'
