-- Of which causes the issues ask for water.
--
-- Grain: cause
-- As of: issue_events up to as_of, of the last wetting_order_days; without as_of all history
-- Reads: issue_events, campaigns, limits
-- Feeds: watering_reports, wetting_events, watering_findings, drought_memories
-- Kept as: table
--
-- Dryness does, and the campaigns whose work is water. What work a campaign was that has been taken out of the table
-- since, the newest issue that was opened for it says: its reports stay what they were.
with told as (
    select
        issue_events.cause,
        max_by(
            json_extract_string(issue_events.detail_json, '$.finding.reason_params.work'),
            epoch(issue_events.happened_at)
        ) as work,
    from issue_events
    cross join limits
    left join campaigns on issue_events.cause = concat('campaign.', campaigns.campaign_id)
    where
        issue_events.kind = 'opened'
        and issue_events.cause like 'campaign.%'
        and campaigns.campaign_id is null
        and issue_events.date >= coalesce(
            cast(getvariable('window_to') as date) - cast(limits.wetting_order_days as integer), date '0001-01-01'
        )
        and issue_events.date <= coalesce(cast(getvariable('window_to') as date), date '9999-12-31')
        and issue_events.happened_at <= coalesce(cast(getvariable('as_of') as timestamptz), timestamptz 'infinity')
    group by issue_events.cause
)

select 'drought' as cause,
union all
select concat('campaign.', campaigns.campaign_id) as cause,
from campaigns
where campaigns.work = 'water'
union all
select told.cause,
from told
where told.work = 'water'
