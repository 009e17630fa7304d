-- The day or hour that a plot is judged by now, with its water: what drought_memories chose, looked up.
--
-- Grain: plot
-- As of: as_of
-- Reads: drought_memories, root_zone, potentials
-- Feeds: drought_findings, peer_estimates
-- Kept as: table
select
    drought_memories.plot_id,
    drought_memories.date,
    drought_memories.span,
    drought_memories.quantity,
    drought_memories.is_open,
    drought_memories.dry_since_at,
    drought_memories.issue_since_at,
    drought_memories.is_held_since_window,
    drought_memories.holding_rain_mm,
    root_zone.depth_list,
    root_zone.covered_m,
    root_zone.coverage,
    root_zone.field_capacity,
    root_zone.wilting_point,
    root_zone.learned_depths,
    root_zone.depletion_fraction,
    root_zone.refill_point,
    root_zone.volumetric_water_content,
    root_zone.main_layer_water_content,
    root_zone.total_available_water_mm,
    root_zone.depletion_mm,
    root_zone.depletion_share,
    root_zone.relative_moisture_pct,
    root_zone.national_grade,
    root_zone.agricultural_grade,
    root_zone.ks,
    root_zone.dry_probability,
    root_zone.stress_severity,
    root_zone.confidence,
    root_zone.is_shallow_only,
    root_zone.is_wet,
    coalesce(root_zone.is_frozen, potentials.is_frozen) as is_frozen,
    coalesce(root_zone.state, potentials.state) as day_state,
    coalesce(root_zone.data_at, potentials.data_at) as evaluated_data_at,
    potentials.matric_potential_kpa,
    potentials.line_kpa,
    potentials.depth_cm as potential_depth_cm,
    potentials.is_shallow_at_line,
from drought_memories
left join root_zone
    on
        case when drought_memories.quantity = 'water_content' then drought_memories.plot_id end = root_zone.plot_id
        and drought_memories.span = root_zone.span
        and drought_memories.starts_at = root_zone.starts_at
left join potentials
    on
        case when drought_memories.quantity = 'matric_potential' then drought_memories.plot_id end
        = potentials.plot_id
        and drought_memories.span = potentials.span
        and drought_memories.starts_at = potentials.starts_at
