-- The plots of each campaign that runs or has just ended, and which of them still wait.
--
-- Grain: campaign and plot that is on its list, or was once
-- As of: register row that holds at as_of; issue_events up to as_of
-- Reads: campaign_states, campaign_lists, campaign_reports, staged_plots
-- Feeds: campaign_findings, campaign_progress
-- Kept as: table
--
-- Due means: the campaign runs, the plot is on its list, and nobody has reported it done or excused it.
with candidates as (
    select
        campaign_states.campaign_id,
        campaign_states.season,
        campaign_states.state as campaign_state,
        campaign_states.started_at,
        staged_plots.plot_id,
        campaign_lists.plot_id is not null as is_listed,
        campaign_reports.done_at,
        coalesce(campaign_reports.is_excused, false) as is_excused,
        coalesce(campaign_reports.has_issue, false) as has_issue,
    from campaign_states
    cross join staged_plots
    left join campaign_lists
        on
            campaign_states.campaign_id = campaign_lists.campaign_id
            and staged_plots.plot_id = campaign_lists.plot_id
    left join campaign_reports
        on
            campaign_states.campaign_id = campaign_reports.campaign_id
            and campaign_states.season = campaign_reports.season
            and staged_plots.plot_id = campaign_reports.plot_id
    where campaign_states.started_at is not null
)

select
    candidates.campaign_id,
    candidates.season,
    candidates.plot_id,
    candidates.is_listed,
    candidates.started_at,
    candidates.done_at,
    candidates.has_issue,
    case
        when candidates.done_at is not null then 'done'
        when candidates.campaign_state = 'over' then 'over'
        when not candidates.is_listed then 'not_listed'
        when candidates.is_excused then 'excused'
        else 'due'
    end as state,
    candidates.done_at is null
    and candidates.campaign_state = 'running'
    and candidates.is_listed
    and not candidates.is_excused as is_due,
from candidates
where candidates.is_listed or candidates.has_issue
