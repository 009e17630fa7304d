-- Where each campaign stands, with how many of its plots are done.
--
-- Grain: campaign
-- As of: as_of
-- Reads: campaign_states, campaign_plots
-- Feeds: pages
--
-- plots counts those on the list, excused ones left out; done those of them that were reported done.
with counts as (
    select
        campaign_id,
        count(case when state in ('due', 'done', 'over') and is_listed then 1 end) as plots,
        count(case when state = 'done' and is_listed then 1 end) as done,
    from campaign_plots
    group by campaign_id
)

select
    campaign_states.campaign_id,
    campaign_states.name_zh,
    campaign_states.name_en,
    campaign_states.work,
    campaign_states.date,
    campaign_states.season,
    campaign_states.starts_on,
    campaign_states.ends_on,
    campaign_states.state,
    campaign_states.basis,
    campaign_states.ready_since,
    campaign_states.started_at,
    campaign_states.closed_at,
    campaign_states.last_actor,
    campaign_states.conditions_json,
    coalesce(counts.plots, 0) as plots,
    coalesce(counts.done, 0) as done,
from campaign_states
left join counts on campaign_states.campaign_id = counts.campaign_id
