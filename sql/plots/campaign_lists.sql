-- Which plots are on the list of which campaign.
--
-- Grain: campaign and plot on its list
-- As of: register row that holds at as_of
-- Reads: campaigns, campaign_states, staged_plots
-- Feeds: campaign_plots, plot_rests
-- Kept as: table
--
-- A plot that is registered while the campaign runs is on it at once. Planted within so many years is counted to the
-- begin of the window, and new_planting counts as such whatever its date.
select
    campaigns.campaign_id,
    staged_plots.plot_id,
from campaigns
inner join campaign_states on campaigns.campaign_id = campaign_states.campaign_id
cross join staged_plots
where
    (
        campaigns.grades is null
        or instr(
            concat(' ', campaigns.grades, ' '), concat(' ', cast(staged_plots.maintenance_grade as varchar), ' ')
        ) > 0
    )
    and (
        campaigns.vegetations is null
        or instr(concat(' ', campaigns.vegetations, ' '), concat(' ', staged_plots.vegetation, ' ')) > 0
    )
    and (
        campaigns.planted_after is null
        or staged_plots.planted_on >= campaigns.planted_after
    )
    and (
        campaigns.planted_within_years is null
        or staged_plots.vegetation = 'new_planting'
        or staged_plots.planted_on
        >= campaign_states.starts_on - interval (cast(round(12 * campaigns.planted_within_years) as integer)) month
    )
