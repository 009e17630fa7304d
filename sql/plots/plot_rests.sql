-- Whether dryness rests in a plot for the winter, and by which record or date.
--
-- Grain: plot
-- As of: issue_events, campaign_events and readings up to as_of
-- Reads: staged_plots, campaigns, campaign_lists, campaign_seasons, campaign_states, campaign_reports, seasons
-- Feeds: drought_findings
-- Kept as: table
--
-- Where freeze-up water is recorded (reported done for the plot, or the campaign closed by the office with the plot on
-- its list) the rest lasts from there to green-up: until the campaign that ends the rest is started, its conditions
-- have held, or its window is past. Where that campaign was started without such a record, or where the campaign that
-- begins the rest runs and has not come to the plot, dryness is judged. Where nothing is recorded the dates of seasons
-- hold. basis says which it was: recorded or calendar.
with calendar_now as (
    select count(*) > 0 as is_suspended,
    from seasons
    where
        rule = 'suspended'
        and strftime(cast(getvariable('window_to') as date), '%m-%d') between month_day_from and month_day_to
),

freeze_ups as (
    select
        staged_plots.plot_id,
        max(
            case
                when
                    campaign_lists.plot_id is not null
                    and campaign_seasons.closed_at < coalesce(campaign_reports.done_at, timestamptz 'infinity')
                    then campaign_seasons.closed_at
                else campaign_reports.done_at
            end
        ) as recorded_at,
        max(
            case
                when
                    campaign_lists.plot_id is not null
                    and campaign_reports.done_at is null
                    and campaign_seasons.closed_at is null
                    and cast(getvariable('window_to') as date)
                    between campaign_seasons.starts_on and campaign_seasons.ends_on
                    then 1
                else 0
            end
        ) = 1 as is_waiting,
    from campaign_seasons
    inner join campaigns on campaign_seasons.campaign_id = campaigns.campaign_id
    cross join staged_plots
    left join campaign_lists
        on campaigns.campaign_id = campaign_lists.campaign_id and staged_plots.plot_id = campaign_lists.plot_id
    left join campaign_reports
        on
            campaigns.campaign_id = campaign_reports.campaign_id
            and campaign_seasons.season = campaign_reports.season
            and staged_plots.plot_id = campaign_reports.plot_id
    where campaigns.rest = 'begins' and campaign_seasons.started_at is not null
    group by staged_plots.plot_id
),

green_ups as (
    select
        campaign_seasons.campaign_id,
        campaign_seasons.started_at,
        campaign_seasons.started_at is not null
        and cast(getvariable('window_to') as date)
        between campaign_seasons.starts_on and campaign_seasons.ends_on as is_under_way,
        least(
            coalesce(campaign_seasons.started_at, timestamptz 'infinity'),
            timezone(getvariable('timezone'), cast(campaign_seasons.ends_on + 1 as timestamp)),
            coalesce(
                timezone(getvariable('timezone'), cast(campaign_states.ready_since + 1 as timestamp)),
                timestamptz 'infinity'
            )
        ) as ended_at,
    from campaign_seasons
    inner join campaigns on campaign_seasons.campaign_id = campaigns.campaign_id
    left join campaign_states
        on
            campaign_seasons.campaign_id = campaign_states.campaign_id
            and campaign_seasons.season = campaign_states.season
            and campaign_states.basis in ('measured', 'part_measured')
    where campaigns.rest = 'ends'
),

rests as (
    select
        staged_plots.plot_id,
        freeze_ups.recorded_at,
        coalesce(freeze_ups.is_waiting, false) as is_waiting,
        coalesce(max(case when green_ups.is_under_way then 1 else 0 end), 0) = 1 as is_green_up_under_way,
        min(case when green_ups.ended_at > freeze_ups.recorded_at then green_ups.ended_at end) as ended_at,
    from staged_plots
    left join freeze_ups on staged_plots.plot_id = freeze_ups.plot_id
    left join green_ups on true
    group by staged_plots.plot_id, freeze_ups.recorded_at, freeze_ups.is_waiting
),

judged as (
    select
        rests.plot_id,
        rests.recorded_at,
        calendar_now.is_suspended,
        case
            when rests.is_green_up_under_way or rests.is_waiting then false
            when rests.recorded_at is not null
                then coalesce(rests.ended_at > cast(getvariable('as_of') as timestamptz), true)
        end as is_resting_by_record,
    from rests
    cross join calendar_now
)

select
    plot_id,
    coalesce(is_resting_by_record, is_suspended) as is_resting,
    case when is_resting_by_record is null then 'calendar' else 'recorded' end as basis,
    recorded_at,
from judged
