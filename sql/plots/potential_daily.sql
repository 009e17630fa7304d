-- The matric potential of a plot on a local day that is over, at the depth that decides.
--
-- Grain: plot and day
-- As of: readings up to as_of
-- Reads: potentials
-- Feeds: drought_evidence
--
-- A day that would be dry, and whose soil was frozen or is thawing, is frozen.
select
    plot_id,
    date,
    interval_s,
    data_at,
    depths,
    depth_cm,
    matric_potential_kpa,
    line_kpa,
    case when is_frozen and state = 'dry' then 'frozen' else state end as state,
    is_shallow_at_line,
    is_below_close,
    is_frozen,
from potentials
where span = 'day'
