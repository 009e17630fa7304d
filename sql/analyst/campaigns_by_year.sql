-- zh: 每年各项季节性行动何时启动、何时结束，谁操作，报完多少地块，用了多少水？
-- en: When was each year's campaign started and closed, by whom, and how many plots were done with how much water?
with events as (
    select
        campaign_events.*,
        row_number() over (
            partition by campaign_events.campaign_id, campaign_events.season
            order by campaign_events.happened_at desc, campaign_events.event_id desc
        ) as age_rank,
    from campaign_events
),

seasons_of_campaigns as (
    select
        campaign_id,
        season,
        min(case when kind = 'started' then happened_at end) as started_at,
        max(case when age_rank = 1 and kind = 'closed' then happened_at end) as closed_at,
        max(case when age_rank = 1 then actor end) as last_actor,
    from events
    group by campaign_id, season
),

ends as (
    select
        seasons_of_campaigns.*,
        least(
            coalesce(seasons_of_campaigns.closed_at, timestamptz 'infinity'),
            lead(seasons_of_campaigns.started_at, 1, timestamptz 'infinity') over (
                partition by seasons_of_campaigns.campaign_id order by seasons_of_campaigns.started_at
            )
        ) as ended_at,
    from seasons_of_campaigns
),

reports as (
    select
        substr(cause, length('campaign.') + 1) as campaign_id,
        plot_id,
        reported_at,
        litres,
    from work_reports
    where cause like 'campaign.%'
)

select
    ends.campaign_id,
    ends.season,
    case when ends.ended_at = timestamptz 'infinity' then 'running' else 'over' end as state,
    ends.started_at,
    ends.closed_at,
    ends.last_actor,
    count(distinct reports.plot_id) as plots_done,
    round(coalesce(sum(reports.litres), 0) / 1000, 1) as water_t,
from ends
left join reports
    on
        ends.campaign_id = reports.campaign_id
        and ends.started_at <= reports.reported_at
        and ends.ended_at >= reports.reported_at
group by
    ends.campaign_id,
    ends.season,
    ends.started_at,
    ends.closed_at,
    ends.ended_at,
    ends.last_actor
order by ends.season desc, ends.campaign_id asc
