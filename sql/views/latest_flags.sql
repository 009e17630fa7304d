-- The verdicts of the newest evaluation.
--
-- Grain: plot, cause and device
-- As of: the newest as_of in flags, up to variable as_of where it is set
-- Reads: flags
-- Feeds: questions of analysts
--
-- An evaluation that a clock ahead of its time wrote does not hide those after it, once as_of is set.
with newest as (
    select max(as_of) as as_of,
    from flags
    where as_of <= coalesce(getvariable('as_of'), timestamptz 'infinity')
)

select
    flags.as_of,
    flags.plot_id,
    flags.cause,
    flags.device_id,
    flags.state,
    flags.needs_work,
    flags.severity,
    flags.since,
    flags.reason_code,
    flags.reason_params_json,
    flags.value,
    flags.line,
    flags.unit,
    flags.depletion_mm,
    flags.total_available_water_mm,
    flags.relative_moisture_pct,
    flags.national_grade,
    flags.net_mm,
    flags.gross_mm,
    flags.litres,
    flags.visits,
    flags.priority,
    flags.confidence,
    flags.data_at,
    flags.rule_id,
    flags.rule_version,
    flags.inputs_json,
from flags
inner join newest on flags.as_of = newest.as_of
