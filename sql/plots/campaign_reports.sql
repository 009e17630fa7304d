-- What was reported of a plot in a season of a campaign.
--
-- Grain: campaign, season and plot of which anything was recorded
-- As of: issue_events up to as_of
-- Reads: campaigns, campaign_seasons, issue_events
-- Feeds: campaign_plots, plot_rests
-- Kept as: table
--
-- Done means: the newest of done, reopened and void of an issue is done, between the season's start and its end; for a
-- watering also that of an issue of drought, because the crew brings the water once; of several visits the last is it.
-- Excused means: the office called the campaign's issue void. has_issue says that the plot was on the list once.
-- Events are read from the earliest start of a season that is remembered: none before it counts.
with starts as (
    select
        cast(
            timezone(coalesce(getvariable('timezone'), 'UTC'), min(campaign_seasons.started_at)) as date
        ) as first_date,
    from campaign_seasons
),

events as (
    select
        issue_events.plot_id,
        issue_events.issue_id,
        issue_events.event_id,
        issue_events.kind,
        issue_events.cause,
        issue_events.happened_at,
        json_extract_string(issue_events.detail_json, '$.reason') as reason,
    from issue_events
    cross join starts
    where
        issue_events.date >= starts.first_date
        and issue_events.date <= cast(getvariable('window_to') as date)
        and issue_events.happened_at <= cast(getvariable('as_of') as timestamptz)
        and issue_events.kind in ('opened', 'done', 'reopened', 'void')
        and not coalesce(
            cast(json_extract_string(issue_events.detail_json, '$.visit') as double)
            < cast(json_extract_string(issue_events.detail_json, '$.visits') as double), false
        )
),

of_seasons as (
    select
        campaign_seasons.campaign_id,
        campaign_seasons.season,
        events.plot_id,
        events.kind,
        events.reason,
        events.happened_at,
        events.cause = concat('campaign.', campaigns.campaign_id) as is_own,
        row_number() over (
            partition by campaign_seasons.campaign_id, campaign_seasons.season, events.plot_id, events.cause
            order by case when events.kind = 'opened' then 1 else 0 end, events.happened_at desc, events.event_id desc
        ) as age_rank,
    from campaign_seasons
    inner join campaigns on campaign_seasons.campaign_id = campaigns.campaign_id
    inner join events
        on
            campaign_seasons.started_at <= events.happened_at
            and coalesce(campaign_seasons.closed_at, timestamptz 'infinity') >= events.happened_at
            and events.happened_at < timezone(
                coalesce(getvariable('timezone'), 'UTC'), cast(campaign_seasons.ends_on + 1 as timestamp)
            )
    where
        events.cause = concat('campaign.', campaigns.campaign_id)
        or (events.cause = 'drought' and campaigns.work = 'water' and events.kind <> 'opened')
)

select
    campaign_id,
    season,
    plot_id,
    min(case when age_rank = 1 and kind = 'done' then happened_at end) as done_at,
    max(
        case
            when
                is_own
                and age_rank = 1
                and kind = 'void'
                and coalesce(reason, '') not in ('plot_closed', 'campaign_over', 'not_listed')
                then 1
            else 0
        end
    ) = 1 as is_excused,
    max(case when is_own then 1 else 0 end) = 1 as has_issue,
from of_seasons
group by campaign_id, season, plot_id
