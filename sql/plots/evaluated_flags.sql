-- Every verdict with its rule's version and its place in the order of work: the rows of flags.
--
-- Grain: plot, cause and device
-- As of: as_of
-- Reads: findings, rules, staged_plots, limits
-- Feeds: flags, drought_outcomes, pictured_plots
-- Kept as: table
--
-- Priority = severity x weight of the maintenance grade, x new_planting_factor when newly planted.
select
    cast(getvariable('as_of') as timestamptz) as as_of,
    findings.plot_id,
    findings.cause,
    findings.device_id,
    findings.state,
    findings.needs_work,
    cast(findings.severity as smallint) as severity,
    findings.since,
    findings.reason_code,
    findings.reason_params_json,
    findings.value,
    findings.line,
    findings.unit,
    findings.depletion_mm,
    findings.total_available_water_mm,
    findings.root_zone_m,
    findings.relative_moisture_pct,
    findings.national_grade,
    findings.net_mm,
    findings.gross_mm,
    findings.litres,
    cast(findings.visits as smallint) as visits,
    findings.days_until_dry,
    findings.days_until_dry_low,
    findings.days_until_dry_high,
    findings.severity
    * coalesce(staged_plots.grade_weight, 1)
    * case when staged_plots.is_newly_planted then limits.new_planting_factor else 1 end as priority,
    findings.confidence,
    findings.data_at,
    findings.rule_id,
    cast(cast(rules.rule_version as bigint) as varchar) as rule_version,
    findings.inputs_json,
from findings
cross join limits
inner join staged_plots on findings.plot_id = staged_plots.plot_id
inner join rules on findings.rule_id = rules.rule_id
