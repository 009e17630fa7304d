-- The verdict on the dryness of a plot beside the last day that is over: what a back-test keeps of an evaluation.
--
-- Grain: plot
-- As of: as_of
-- Reads: evaluated_flags, drought_findings, dry_forecasts, root_zone, frost_days
-- Feeds: backtests
--
-- Is frozen means: the soil was frozen on the day that the verdict rests on, or on yesterday where it rests on none; no
-- such day may be flagged.
select
    evaluated_flags.plot_id,
    evaluated_flags.state,
    evaluated_flags.needs_work,
    evaluated_flags.severity,
    evaluated_flags.reason_code,
    evaluated_flags.value,
    evaluated_flags.line,
    evaluated_flags.unit,
    evaluated_flags.litres,
    drought_findings.date as judged_date,
    drought_findings.span as judged_span,
    frost_days.plot_id is not null as is_frozen,
    root_zone.volumetric_water_content as yesterday_water_content,
    root_zone.depletion_share as yesterday_depletion_share,
    root_zone.depletion_fraction as yesterday_depletion_fraction,
    dry_forecasts.days_median,
    dry_forecasts.days_low,
    dry_forecasts.days_high,
from evaluated_flags
inner join drought_findings on evaluated_flags.plot_id = drought_findings.plot_id
left join dry_forecasts on evaluated_flags.plot_id = dry_forecasts.plot_id
left join frost_days
    on
        drought_findings.plot_id = frost_days.plot_id
        and coalesce(drought_findings.date, cast(getvariable('window_to') as date) - 1) = frost_days.date
left join root_zone
    on
        evaluated_flags.plot_id = root_zone.plot_id
        and root_zone.span = 'day'
        and root_zone.date = cast(getvariable('window_to') as date) - 1
where evaluated_flags.cause = 'drought'
