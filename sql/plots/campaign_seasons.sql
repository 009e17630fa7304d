-- Each campaign's window in the years around as_of, with what the office recorded of it.
--
-- Grain: campaign and season, the year in which its window begins
-- As of: campaign_events up to as_of
-- Reads: campaigns, campaign_events, limits
-- Feeds: campaign_states, campaign_reports, plot_rests
-- Kept as: table
--
-- A window may run over New Year; both ends belong to it. 29 February of a common year is 1 March where a window begins
-- and 28 February where it ends. The newest event says whether a season runs; started_at is its first start. A season's
-- record is remembered until campaign_over_days after its window, and in any case for campaign_memory_days after its
-- newest event: a long campaign runs to its end, and last year's freeze-up says nothing of this winter.
with years as (
    select shifts.shift + year(cast(getvariable('window_to') as date)) as season,
    from (values (-1), (0), (1)) as shifts (shift)
),

windows as (
    select
        campaigns.campaign_id,
        years.season,
        make_date(cast(years.season as integer), cast(substr(campaigns.month_day_from, 1, 2) as integer), 1)
        + (cast(substr(campaigns.month_day_from, 4, 2) as integer) - 1) as starts_on,
        make_date(
            cast(
                years.season + case when campaigns.month_day_to < campaigns.month_day_from then 1 else 0 end as integer
            ),
            cast(substr(campaigns.month_day_to, 1, 2) as integer),
            1
        ) as end_month,
        cast(substr(campaigns.month_day_to, 4, 2) as integer) as end_day,
    from campaigns
    cross join years
),

seasons as (
    select
        campaign_id,
        season,
        starts_on,
        least(end_month + (end_day - 1), last_day(end_month)) as ends_on,
    from windows
),

events as (
    select
        campaign_events.campaign_id,
        campaign_events.season,
        campaign_events.kind,
        campaign_events.happened_at,
        campaign_events.date,
        campaign_events.actor,
        row_number() over (
            partition by campaign_events.campaign_id, campaign_events.season
            order by campaign_events.happened_at desc, campaign_events.event_id desc
        ) as age_rank,
    from campaign_events
    where
        campaign_events.date <= cast(getvariable('window_to') as date)
        and campaign_events.happened_at <= cast(getvariable('as_of') as timestamptz)
),

records as (
    select
        campaign_id,
        season,
        max(date) as newest_on,
        min(case when kind = 'started' then happened_at end) as started_at,
        max(case when age_rank = 1 and kind = 'closed' then happened_at end) as closed_at,
        max(case when age_rank = 1 then actor end) as last_actor,
    from events
    group by campaign_id, season
),

remembered as (
    select records.*,
    from records
    cross join limits
    inner join seasons on records.campaign_id = seasons.campaign_id and records.season = seasons.season
    where
        cast(getvariable('window_to') as date)
        <= greatest(
            seasons.ends_on + cast(limits.campaign_over_days as integer),
            records.newest_on + cast(limits.campaign_memory_days as integer)
        )
)

select
    seasons.campaign_id,
    cast(seasons.season as smallint) as season,
    seasons.starts_on,
    seasons.ends_on,
    remembered.started_at,
    remembered.closed_at,
    remembered.last_actor,
from seasons
left join remembered on seasons.campaign_id = remembered.campaign_id and seasons.season = remembered.season
