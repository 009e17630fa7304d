-- Where each campaign of the year stands today, and why.
--
-- Grain: campaign
-- As of: readings and campaign_events up to as_of
-- Reads: campaigns, campaign_seasons, campaign_conditions, campaign_rule_days, limits
-- Feeds: campaign_lists, campaign_plots, campaign_findings, campaign_progress, plot_rests
-- Kept as: table
--
-- not_started: before its window, or its conditions have not all held on one day of it. ready: they have, first on
-- ready_since; the office is asked to start it. running: started and not closed. over: closed, or its window is past.
-- The season is the one whose window today is in, else one that ended within campaign_over_days, else the next. basis
-- says what ready rests on: measured, part_measured (conditions that nobody measures are left out), not_measured
-- (nobody measures any: the calendar alone) or calendar (it has no conditions).
with seasons_by_closeness as (
    select
        campaign_seasons.*,
        cast(getvariable('window_to') as date) as date,
        row_number() over (
            partition by campaign_seasons.campaign_id
            order by
                case
                    when cast(getvariable('window_to') as date) < campaign_seasons.starts_on then 2
                    when cast(getvariable('window_to') as date) <= campaign_seasons.ends_on then 0
                    when
                        date_diff('day', campaign_seasons.ends_on, cast(getvariable('window_to') as date))
                        <= limits.campaign_over_days
                        then 1
                    else 3
                end,
                abs(date_diff('day', campaign_seasons.starts_on, cast(getvariable('window_to') as date)))
        ) as closeness,
    from campaign_seasons
    cross join limits
),

seasons_now as (
    select seasons_by_closeness.*,
    from seasons_by_closeness
    where seasons_by_closeness.closeness = 1
),

measured as (
    select
        campaign_id,
        count(*) as conditions,
        count(case when is_measured then 1 end) as conditions_measured,
        concat('[', array_to_string(
            array_sort(array_agg(cast(json_object(
                'rule_number', rule_number,
                'quantity', quantity,
                'depth_from_cm', depth_from_cm,
                'depth_to_cm', depth_to_cm,
                'operator', operator,
                'threshold', threshold,
                'days_running', days_running,
                'measured_on', cast(measured_on as varchar),
                'value', round(value, 2),
                'days_held', days_held,
                'is_complete', is_complete,
                'is_measured', is_measured
            ) as varchar))), ','
        ), ']') as conditions_json,
    from campaign_conditions
    group by campaign_id
),

days as (
    select
        campaign_rule_days.campaign_id,
        campaign_rule_days.date,
        count(case when campaign_rule_days.is_complete then 1 end) as conditions_complete,
    from campaign_rule_days
    inner join campaign_conditions on campaign_rule_days.rule_number = campaign_conditions.rule_number
    where campaign_conditions.is_measured
    group by campaign_rule_days.campaign_id, campaign_rule_days.date
),

met as (
    select
        days.campaign_id,
        min(days.date) as met_on,
    from days
    inner join measured on days.campaign_id = measured.campaign_id
    inner join seasons_now on days.campaign_id = seasons_now.campaign_id
    where
        days.conditions_complete = measured.conditions_measured
        and days.date between seasons_now.starts_on and seasons_now.ends_on
    group by days.campaign_id
),

gathered as (
    select
        campaigns.campaign_id,
        campaigns.name_zh,
        campaigns.name_en,
        campaigns.work,
        campaigns.rest,
        campaigns.standard_mm,
        seasons_now.date,
        seasons_now.season,
        seasons_now.starts_on,
        seasons_now.ends_on,
        seasons_now.started_at,
        seasons_now.closed_at,
        seasons_now.last_actor,
        met.met_on,
        coalesce(measured.conditions_json, '[]') as conditions_json,
        case
            when coalesce(measured.conditions, 0) = 0 then 'calendar'
            when measured.conditions_measured = 0 then 'not_measured'
            when measured.conditions_measured < measured.conditions then 'part_measured'
            else 'measured'
        end as basis,
    from campaigns
    inner join seasons_now on campaigns.campaign_id = seasons_now.campaign_id
    left join measured on campaigns.campaign_id = measured.campaign_id
    left join met on campaigns.campaign_id = met.campaign_id
)

select
    gathered.campaign_id,
    gathered.name_zh,
    gathered.name_en,
    gathered.work,
    gathered.rest,
    gathered.standard_mm,
    gathered.date,
    gathered.season,
    gathered.starts_on,
    gathered.ends_on,
    case
        when gathered.closed_at is not null or gathered.date > gathered.ends_on then 'over'
        when gathered.started_at is not null then 'running'
        when gathered.date < gathered.starts_on then 'not_started'
        when gathered.basis in ('calendar', 'not_measured') or gathered.met_on is not null then 'ready'
        else 'not_started'
    end as state,
    gathered.basis,
    case
        when gathered.date < gathered.starts_on then null
        when gathered.basis in ('calendar', 'not_measured') then gathered.starts_on
        else gathered.met_on
    end as ready_since,
    gathered.started_at,
    gathered.closed_at,
    gathered.last_actor,
    gathered.conditions_json,
from gathered
