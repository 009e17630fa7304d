-- Each condition of a campaign as it stands now, and whether anybody measures it.
--
-- Grain: condition
-- As of: readings up to as_of
-- Reads: campaign_rules, campaign_rule_days, limits
-- Feeds: campaign_states
-- Kept as: table
--
-- Measured means: there is a value of one of the last campaign_silent_days finished days.
with newest_days as (
    select
        campaign_rule_days.*,
        row_number() over (
            partition by campaign_rule_days.rule_number order by campaign_rule_days.date desc
        ) as age_rank,
    from campaign_rule_days
)

select
    campaign_rules.campaign_id,
    campaign_rules.rule_number,
    campaign_rules.quantity,
    campaign_rules.depth_from_cm,
    campaign_rules.depth_to_cm,
    campaign_rules.operator,
    campaign_rules.threshold,
    campaign_rules.days_running,
    newest_days.date as measured_on,
    newest_days.value,
    coalesce(newest_days.days_held, 0) as days_held,
    coalesce(newest_days.is_complete, false) as is_complete,
    coalesce(
        date_diff('day', newest_days.date, cast(getvariable('window_to') as date)) <= limits.campaign_silent_days, false
    ) as is_measured,
from campaign_rules
cross join limits
left join newest_days on campaign_rules.rule_number = newest_days.rule_number and newest_days.age_rank = 1
