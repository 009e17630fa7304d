-- The water that crews say they brought; where a crew corrected its report, the corrected amount.
--
-- Grain: report of work done on an issue that asks for water, or of work with which water came
-- As of: issue_events up to as_of, of the window; without as_of all history
-- Reads: work_reports, water_causes
-- Feeds: wetting_signs, watering_checks, balance_days, peer_estimates
-- Kept as: table
--
-- Asks for water means: an issue of one of water_causes. Whatever else was reported (a
-- pruning, a probe put in anew, a bed looked at) brought water only where it says litres. Litres are null where nobody
-- said how much.
select
    work_reports.issue_id,
    work_reports.plot_id,
    work_reports.cause,
    work_reports.round_number,
    work_reports.reported_at,
    work_reports.date,
    work_reports.actor,
    work_reports.litres,
from work_reports
left join water_causes on work_reports.cause = water_causes.cause
where
    water_causes.cause is not null
    or work_reports.litres > 0
