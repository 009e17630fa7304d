-- When water came to a plot within the window, how much of it the root zone took, and where it came from.
--
-- Grain: plot and event
-- As of: readings and reports up to as_of
-- Reads: wetting_signs, issue_events, water_causes, limits
-- Feeds: story_wettings, watering_findings, balance_days, peer_estimates
-- Kept as: table
--
-- wetting_signs has what tells of water, and who is asked first. Any issue that asks for water and stands open, as the
-- events of the last wetting_order_days tell, makes a rise without a sign watering (ordered), between two visits as
-- long as a report of it can still come. Signs of gauges and of many plots are rain; of nobody: unplanned, watering by
-- others or a leak, for nobody ordered it and no rain explains it; all others are watering.
with order_stands as (
    select
        wetting_signs.plot_id,
        wetting_signs.starts_at,
        issue_events.issue_id,
        max_by(
            case
                when issue_events.kind in ('opened', 'assigned', 'started', 'reopened') then 'open'
                when
                    cast(json_extract_string(issue_events.detail_json, '$.visit') as double)
                    < cast(json_extract_string(issue_events.detail_json, '$.visits') as double)
                    then 'between visits'
                else 'over'
            end, concat(cast(epoch(issue_events.happened_at) as bigint), lpad(issue_events.event_id, 40, '0'))
        ) as stand,
    from wetting_signs
    cross join limits
    inner join issue_events
        on wetting_signs.plot_id = issue_events.plot_id and wetting_signs.starts_at >= issue_events.happened_at
    inner join water_causes on issue_events.cause = water_causes.cause
    where
        wetting_signs.sign is null
        and issue_events.date
        >= cast(getvariable('window_to') as date) - cast(limits.wetting_order_days as integer)
        and issue_events.date <= cast(getvariable('window_to') as date)
        and issue_events.happened_at <= cast(getvariable('as_of') as timestamptz)
        and issue_events.kind in ('opened', 'assigned', 'started', 'reopened', 'done', 'closed', 'void', 'looked_back')
    group by wetting_signs.plot_id, wetting_signs.starts_at, issue_events.issue_id
),

orders as (
    select
        plot_id,
        starts_at,
        bool_or(stand = 'open') as is_open,
        bool_or(stand = 'between visits') as is_between_visits,
    from order_stands
    group by plot_id, starts_at
),

sourced as (
    select
        wetting_signs.*,
        case
            when wetting_signs.sign is not null then wetting_signs.sign
            when
                orders.is_open
                or (
                    orders.is_between_visits
                    and epoch(cast(getvariable('as_of') as timestamptz)) - epoch(wetting_signs.ends_at)
                    <= limits.wetting_report_hours * 3600
                )
                then 'ordered'
            else wetting_signs.sign_unless_ordered
        end as source,
    from wetting_signs
    cross join limits
    left join orders on wetting_signs.plot_id = orders.plot_id and wetting_signs.starts_at = orders.starts_at
)

select
    plot_id,
    starts_at,
    ends_at,
    case
        when source in ('gauge', 'many_plots') then 'rain'
        when source = 'nobody' then 'unplanned'
        else 'watering'
    end as kind,
    source,
    rise,
    gain_mm,
    shallowest_cm,
    rain_mm,
    rain_told_mm,
from sourced
