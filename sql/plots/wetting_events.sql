-- When water came to a plot within the window, how much of it the root zone took, and where it came from.
--
-- Grain: plot and event
-- As of: readings and reports up to as_of
-- Reads: rise_hours, rain_hours, layer_thicknesses, plot_depths, readings_daily, staged_plots, watering_reports,
--     issue_events, water_causes, limits
-- Feeds: plot_stories, watering_findings, balance_days, peer_estimates
-- Kept as: table
--
-- Rises of a plot's elements that lie no further apart than wetting_gap_hours are one event; it began at most
-- reach_hours (wetting_hours, or the time between two reports) before it is seen. Gain is the rise at each depth times
-- the thickness of the layer it stands for. In this order: a crew's report of water from when it is seen to
-- wetting_report_hours after its end makes it watering (crew); rain of wetting_rain_mm from its earliest begin to its
-- end makes it rain (gauge), where a crew reported water since then only rain of wetting_rain_share of the gain; a
-- plot with pipes of its own whose rise reached a probe no deeper than pipes_depth_cm was watered by them (pipes)
-- where a gauge measured every hour and no rain at all, however many were, unless plots without pipes can tell; when
-- wetting_plots_share of the plots whose probes told of that day or the evaluation_days before, and
-- wetting_plots_least of them, grew wet within reach_hours of each other it rained (many_plots), for a gauge misses
-- showers, and plots whose own water was reported say nothing of it; where wetting_plots_least of those with a probe
-- no deeper than d04_depth_cm have no pipes, so many of these must have grown wet, for rain falls on all and
-- sprinklers are set to one hour, and what a shower leaves dry further down says nothing; a report of water up to
-- check_to_hours before it is of water that sank meanwhile (crew), unless a depth that rises now rose since the crew
-- can have brought that water: then this is other water; other rises no deeper than pipes_depth_cm in a plot with
-- pipes are theirs (pipes), too; any issue that asks for water and stands open, as the events of the last
-- wetting_order_days tell, makes it watering (ordered), between two visits as long as a report of it can still come;
-- wetting_rain_mm in all of the reports of a gauge that cover some hour from its earliest begin to its end make it rain
-- (gauge), for all of that can have fallen just before. Else nobody ordered it and no rain explains it: unplanned,
-- watering by others or a leak. Where rain is not measured and fewer plots than that have probes nobody can know:
-- watering (unknown).
with layers as (
    select
        plot_id,
        depth_cm,
        max_by(thickness_m, date) as thickness_m,
    from layer_thicknesses
    group by plot_id, depth_cm
),

ordered_rises as (
    select
        rise_hours.*,
        epoch(rise_hours.hour_at) - epoch(
            lag(rise_hours.hour_at) over (partition by rise_hours.plot_id order by rise_hours.hour_at)
        ) > limits.wetting_gap_hours * 3600 as is_later,
    from rise_hours
    cross join limits
),

numbered_rises as (
    select
        ordered_rises.*,
        sum(case when coalesce(ordered_rises.is_later, false) then 1 else 0 end) over (
            partition by ordered_rises.plot_id
            order by ordered_rises.hour_at
            range between unbounded preceding and current row
        ) as event_number,
    from ordered_rises
),

depth_events as (
    select
        numbered_rises.plot_id,
        numbered_rises.event_number,
        coalesce(plot_depths.shared_depth_cm, numbered_rises.depth_cm) as depth_cm,
        min(numbered_rises.hour_at) as starts_at,
        max(numbered_rises.hour_at) + interval 1 hour as ends_at,
        max(numbered_rises.rise) as rise,
        max(numbered_rises.reach_hours) as reach_hours,
    from numbered_rises
    left join plot_depths
        on
            numbered_rises.plot_id = plot_depths.plot_id
            and numbered_rises.depth_cm = plot_depths.depth_cm
            and plot_depths.quantity = 'water_content'
    group by
        numbered_rises.plot_id,
        numbered_rises.event_number,
        coalesce(plot_depths.shared_depth_cm, numbered_rises.depth_cm)
),

depths_again as (
    select
        depth_events.*,
        lag(depth_events.ends_at) over (
            partition by depth_events.plot_id, depth_events.depth_cm order by depth_events.event_number
        ) as risen_before_at,
    from depth_events
),

events as (
    select
        depths_again.plot_id,
        depths_again.event_number,
        min(depths_again.starts_at) as starts_at,
        max(depths_again.ends_at) as ends_at,
        max(depths_again.rise) as rise,
        max(depths_again.reach_hours) as reach_hours,
        round(sum(1000 * depths_again.rise * coalesce(layers.thickness_m, 0)), 6) as gain_mm,
        min(depths_again.depth_cm) as shallowest_cm,
        max(depths_again.risen_before_at) as risen_before_at,
    from depths_again
    left join layers
        on depths_again.plot_id = layers.plot_id and depths_again.depth_cm = layers.depth_cm
    group by depths_again.plot_id, depths_again.event_number
),

reported as (
    select
        events.plot_id,
        events.event_number,
        bool_or(watering_reports.reported_at >= events.starts_at) as is_since_seen,
        bool_or(
            epoch(events.starts_at) - epoch(watering_reports.reported_at) <= events.reach_hours * 3600
        ) as is_since_begin,
    from events
    cross join limits
    inner join watering_reports
        on
            events.plot_id = watering_reports.plot_id
            and epoch(events.starts_at) - epoch(watering_reports.reported_at) <= limits.check_to_hours * 3600
            and epoch(watering_reports.reported_at) - epoch(events.ends_at) <= limits.wetting_report_hours * 3600
            and (
                events.starts_at <= watering_reports.reported_at
                or events.risen_before_at is null
                or epoch(watering_reports.reported_at) - epoch(events.risen_before_at)
                >= limits.check_before_hours * 3600
            )
    group by events.plot_id, events.event_number
),

crowds as (
    select
        timed_events.*,
        count(distinct case when not timed_events.is_reported then timed_events.plot_id end) over near as plots_wet,
        count(distinct timed_events.plot_id) over near as plots_near,
        count(
            distinct case when not timed_events.is_reported and timed_events.is_unpiped then timed_events.plot_id end
        ) over near as unpiped_wet,
        count(distinct case when timed_events.is_unpiped then timed_events.plot_id end) over near as unpiped_near,
    from (
        select
            events.*,
            reported.plot_id is not null as is_reported,
            coalesce(reported.is_since_seen, false) as is_reported_since_seen,
            coalesce(reported.is_since_begin, false) as is_reported_since_begin,
            events.reach_hours as hours,
            coalesce(staged_plots.irrigation in ('sprinkler', 'drip'), false) as has_pipes,
            not has_pipes and events.shallowest_cm <= limits.d04_depth_cm as is_unpiped,
        from events
        cross join limits
        inner join staged_plots on events.plot_id = staged_plots.plot_id
        left join reported on events.plot_id = reported.plot_id and events.event_number = reported.event_number
    ) as timed_events
    window near as (
        order by timed_events.starts_at
        range between interval (timed_events.hours) hour preceding and interval (timed_events.hours) hour following
    )
),

event_dates as (
    select distinct cast(timezone(coalesce(getvariable('timezone'), 'UTC'), starts_at) as date) as date,
    from events
),

probed as (
    select
        event_dates.date,
        count(distinct staged_plots.plot_id) as plots,
        count(
            distinct case
                when
                    readings_daily.depth_cm <= limits.d04_depth_cm
                    and not coalesce(staged_plots.irrigation in ('sprinkler', 'drip'), false)
                    then staged_plots.plot_id
            end
        ) as unpiped,
    from event_dates
    cross join limits
    left join readings_daily
        on
            readings_daily.date between event_dates.date - cast(limits.evaluation_days as integer)
            and event_dates.date
            and readings_daily.volumetric_water_content is not null
    left join staged_plots on readings_daily.plot_id = staged_plots.plot_id
    group by event_dates.date
),

order_stands as (
    select
        crowds.plot_id,
        crowds.event_number,
        issue_events.issue_id,
        max_by(
            case
                when issue_events.kind in ('opened', 'assigned', 'started', 'reopened') then 'open'
                when
                    cast(json_extract_string(issue_events.detail_json, '$.visit') as double)
                    < cast(json_extract_string(issue_events.detail_json, '$.visits') as double)
                    then 'between visits'
                else 'over'
            end, concat(cast(epoch(issue_events.happened_at) as bigint), issue_events.event_id)
        ) as stand,
    from crowds
    cross join limits
    inner join issue_events
        on crowds.plot_id = issue_events.plot_id and crowds.starts_at >= issue_events.happened_at
    inner join water_causes on issue_events.cause = water_causes.cause
    where
        issue_events.date >= cast(getvariable('window_to') as date) - cast(limits.wetting_order_days as integer)
        and issue_events.date <= cast(getvariable('window_to') as date)
        and issue_events.happened_at <= cast(getvariable('as_of') as timestamptz)
        and issue_events.kind in ('opened', 'assigned', 'started', 'reopened', 'done', 'closed', 'void', 'looked_back')
    group by crowds.plot_id, crowds.event_number, issue_events.issue_id
),

orders as (
    select
        plot_id,
        event_number,
        bool_or(stand = 'open') as is_open,
        bool_or(stand = 'between visits') as is_between_visits,
    from order_stands
    group by plot_id, event_number
),

sourced as (
    select
        crowds.*,
        coalesce(rain_at_end.rain_so_far_mm - rain_before.rain_so_far_mm, 0) as rain_mm,
        coalesce(
            rain_at_end.rain_so_far_mm + rain_at_end.rain_astride_after_mm
            - rain_before.rain_so_far_mm + rain_before.rain_astride_before_mm, 0
        ) as rain_told_mm,
        coalesce(rain_at_end.measured_so_far - rain_before.measured_so_far, 0) as rain_hours_measured,
        coalesce(
            orders.is_open
            or (
                orders.is_between_visits
                and epoch(cast(getvariable('as_of') as timestamptz)) - epoch(crowds.ends_at)
                <= limits.wetting_report_hours * 3600
            ), false
        ) as is_ordered,
        crowds.has_pipes and crowds.shallowest_cm <= limits.pipes_depth_cm as is_as_by_pipes,
        probed.plots,
        probed.unpiped,
        probed.plots - (crowds.plots_near - crowds.plots_wet) as plots_asked,
        probed.unpiped - (crowds.unpiped_near - crowds.unpiped_wet) as unpiped_asked,
    from crowds
    cross join limits
    inner join probed
        on cast(timezone(coalesce(getvariable('timezone'), 'UTC'), crowds.starts_at) as date) = probed.date
    left join rain_hours as rain_at_end on rain_at_end.hour_at = crowds.ends_at - interval 1 hour
    left join rain_hours as rain_before
        on
            rain_before.hour_at = to_timestamp(epoch(crowds.starts_at) - (crowds.reach_hours + 1) * 3600)
    left join orders on crowds.plot_id = orders.plot_id and crowds.event_number = orders.event_number
),

judged as (
    select
        sourced.*,
        case
            when sourced.is_reported_since_seen then 'crew'
            when
                round(sourced.rain_mm - limits.wetting_rain_mm, 9) >= 0
                and (
                    not sourced.is_reported_since_begin
                    or round(sourced.rain_mm - limits.wetting_rain_share * sourced.gain_mm, 9) >= 0
                )
                then 'gauge'
            when
                sourced.is_as_by_pipes
                and not sourced.is_reported
                and sourced.unpiped < limits.wetting_plots_least
                and sourced.rain_mm = 0
                and sourced.rain_hours_measured
                >= (epoch(sourced.ends_at) - epoch(sourced.starts_at)) / 3600 + sourced.reach_hours
                then 'pipes'
            when
                sourced.plots_wet >= limits.wetting_plots_least
                and sourced.plots_wet >= limits.wetting_plots_share * sourced.plots_asked
                and (
                    sourced.unpiped < limits.wetting_plots_least
                    or sourced.unpiped_wet >= limits.wetting_plots_share * sourced.unpiped_asked
                )
                then 'many_plots'
            when sourced.is_reported then 'crew'
            when sourced.is_as_by_pipes then 'pipes'
            when sourced.is_ordered then 'ordered'
            when round(sourced.rain_told_mm - limits.wetting_rain_mm, 9) >= 0 then 'gauge'
            when sourced.rain_hours_measured > 0 or sourced.plots >= limits.wetting_plots_least then 'nobody'
            else 'unknown'
        end as source,
    from sourced
    cross join limits
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
from judged
