-- Hours on a saturated plateau (ISMN D10): water content rose, stood nearly still at the top, and fell again.
--
-- Grain: element and hour on a saturated plateau
-- As of: readings up to as_of
-- Reads: element_hours, saturated_stretches
-- Feeds: hourly_gates
-- Kept as: passing table
--
-- Dorigo et al. 2013, equations 10 to 13, as flagit 0.3 computes them. A stretch of still hours is a plateau when the
-- slope reached high_plateau_rise at its begin, was below zero at its end, and its mean lies above high_plateau_share
-- of the highest value.
select
    element_hours.element_id,
    element_hours.hour,
from saturated_stretches
inner join element_hours
    on
        saturated_stretches.element_id = element_hours.element_id
        and element_hours.position between saturated_stretches.first_position and saturated_stretches.end_position
where
    round(saturated_stretches.rise_pct, 3) >= saturated_stretches.rise_min_pct
    and round(saturated_stretches.fall_pct, 3) < 0
    and saturated_stretches.mean_pct > saturated_stretches.share * saturated_stretches.highest_pct
