-- The water that crews say they brought.
--
-- Grain: event of an issue
-- As of: all history
-- Reads: issue_events
-- Feeds: questions of analysts
select
    event_id,
    issue_id,
    plot_id,
    happened_at,
    date,
    actor,
    cast(json_extract_string(detail_json, '$.water_used_litres') as double) as water_used_litres,
from issue_events
where kind = 'done' and json_extract_string(detail_json, '$.water_used_litres') is not null
