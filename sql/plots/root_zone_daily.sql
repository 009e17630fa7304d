-- The water in a plot's root zone on a local day that is over: depletion, stress and the state they mean.
--
-- Grain: plot and day
-- As of: readings up to as_of
-- Reads: root_zone
-- Feeds: drought_evidence, drydowns, balance_days, balance_checks
--
-- Frozen soil reads dry: a day that would be dry or likely dry, and whose soil was frozen or is thawing, is frozen.
select
    plot_id,
    date,
    interval_s,
    data_at,
    depths,
    depth_list,
    covered_m,
    coverage,
    root_zone_m,
    depletion_fraction,
    usual_depletion_fraction,
    recent_etc_mm,
    field_capacity,
    wilting_point,
    refill_point,
    volumetric_water_content,
    main_layer_water_content,
    water_mm,
    total_available_water_mm,
    depletion_mm,
    depletion_share,
    relative_moisture_pct,
    national_grade,
    ks,
    dry_probability,
    case when is_frozen and state in ('dry', 'likely') then 'frozen' else state end as state,
    stress_severity,
    confidence,
    is_shallow_only,
    is_frozen,
    is_wet,
    is_below_close,
from root_zone
where span = 'day'
