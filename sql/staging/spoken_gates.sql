-- Hours in which a gate of the hourly grid speaks that decides something: D06 to D10 and S1.
--
-- Grain: plot, device, channel, depth and hour
-- As of: readings up to as_of
-- Reads: hourly_gates, elements
-- Feeds: unsteady_devices
-- Kept as: carried table
select
    hourly_gates.element_id,
    elements.device_id,
    elements.channel,
    elements.depth_cm,
    elements.plot_id,
    hourly_gates.hour,
    hourly_gates.is_d06_spike,
    hourly_gates.is_d07_drop,
    hourly_gates.is_d08_jump,
    hourly_gates.is_d09_low_plateau,
    hourly_gates.is_d10_high_plateau,
    hourly_gates.is_s1_suspect,
    hourly_gates.is_s1_fall,
from hourly_gates
inner join elements on hourly_gates.element_id = elements.element_id
where
    hourly_gates.is_d06_spike
    or hourly_gates.is_d07_drop
    or hourly_gates.is_d08_jump
    or hourly_gates.is_d09_low_plateau
    or hourly_gates.is_d10_high_plateau
    or hourly_gates.is_s1_suspect
