-- What probes, gauges, pipes, other plots and reports tell of each time water came to a plot within the window.
--
-- Grain: plot and event
-- As of: readings and reports up to as_of
-- Reads: rise_hours, rain_hours, layer_thicknesses, plot_depths, readings_daily, staged_plots, watering_reports, limits
-- Feeds: wetting_events
-- Kept as: held table
--
-- Rises of a plot's elements that lie no further apart than wetting_gap_hours are one event; it began at most
-- reach_hours (wetting_hours, or the time between two reports) before it is seen. Gain is the rise at each depth times
-- the thickness of the layer it stands for. Sign, in this order: a crew's report of water from when it is seen to
-- wetting_report_hours after its end (crew); rain of wetting_rain_mm from its earliest begin to its end, where a crew
-- reported water since then only rain of wetting_rain_share of the gain (gauge); a plot with pipes of its own whose
-- rise reached a probe no deeper than pipes_depth_cm where a gauge measured every hour and no rain at all, however many
-- were, unless plots without pipes can tell (pipes); wetting_plots_share of the plots whose probes told of that day or
-- the evaluation_days before, and wetting_plots_least of them, that grew wet within reach_hours of each other
-- (many_plots), for a gauge misses showers, and plots whose own water was reported say nothing of it; where
-- wetting_plots_least of those with a probe no deeper than d04_depth_cm have no pipes, so many of these must have grown
-- wet, for rain falls on all and sprinklers are set to one hour, and what a shower leaves dry further down says
-- nothing; a report of water up to check_to_hours before it is of water that sank meanwhile (crew), unless a depth that
-- rises now rose since the crew can have brought that water: then this is other water; other rises no deeper than
-- pipes_depth_cm in a plot with pipes are theirs (pipes), too. Else null, and unless somebody ordered it:
-- wetting_rain_mm in all of the reports of a gauge that cover some hour from its earliest begin to its end (gauge), for
-- all of that can have fallen just before; otherwise it came from nobody, or nobody can know (unknown) where rain is
-- not measured and fewer plots than wetting_plots_least have probes.
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
        round(
            sum(1000 * depths_again.rise * coalesce(layers.thickness_m, 0) order by depths_again.depth_cm), 6
        ) as gain_mm,
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

timed_events as (
    select
        events.*,
        cast(timezone(coalesce(getvariable('timezone'), 'UTC'), events.starts_at) as date) as date,
        reported.plot_id is not null as is_reported,
        coalesce(reported.is_since_seen, false) as is_reported_since_seen,
        coalesce(reported.is_since_begin, false) as is_reported_since_begin,
        coalesce(staged_plots.irrigation in ('sprinkler', 'drip'), false) as has_pipes,
        not has_pipes and events.shallowest_cm <= limits.d04_depth_cm as is_unpiped,
        has_pipes and events.shallowest_cm <= limits.pipes_depth_cm as is_as_by_pipes,
    from events
    cross join limits
    inner join staged_plots on events.plot_id = staged_plots.plot_id
    left join reported on events.plot_id = reported.plot_id and events.event_number = reported.event_number
),

-- the days of the window on which probes of a plot told of its water, a bit each
told_plots as (
    select
        readings_daily.plot_id,
        bit_or(
            cast(1 as bigint) << date_diff('day', cast(getvariable('window_from') as date), readings_daily.date)
        ) as days,
        bit_or(
            case
                when readings_daily.depth_cm <= limits.d04_depth_cm
                    then
                        cast(1 as bigint)
                        << date_diff('day', cast(getvariable('window_from') as date), readings_daily.date)
                else 0
            end
        ) as shallow_days,
    from readings_daily
    cross join limits
    where readings_daily.volumetric_water_content is not null
    group by readings_daily.plot_id
),

event_dates as (
    select
        dates.date,
        (cast(1 as bigint) << (dates.day_number + 1))
        - (cast(1 as bigint) << greatest(dates.day_number - cast(limits.evaluation_days as bigint), 0)) as near_days,
    from (
        select distinct
            date,
            date_diff('day', cast(getvariable('window_from') as date), date) as day_number,
        from timed_events
    ) as dates
    cross join limits
),

probed as (
    select
        event_dates.date,
        count(case when told_plots.days & event_dates.near_days <> 0 then 1 end) as plots,
        count(
            case
                when
                    told_plots.shallow_days & event_dates.near_days <> 0
                    and not coalesce(staged_plots.irrigation in ('sprinkler', 'drip'), false)
                    then 1
            end
        ) as unpiped,
    from event_dates
    cross join told_plots
    inner join staged_plots on told_plots.plot_id = staged_plots.plot_id
    group by event_dates.date
),

rained as (
    select
        timed_events.*,
        probed.plots,
        probed.unpiped,
        coalesce(rain_at_end.rain_so_far_mm - rain_before.rain_so_far_mm, 0) as rain_mm,
        coalesce(
            rain_at_end.rain_so_far_mm + rain_at_end.rain_astride_after_mm
            - rain_before.rain_so_far_mm + rain_before.rain_astride_before_mm, 0
        ) as rain_told_mm,
        coalesce(rain_at_end.measured_so_far - rain_before.measured_so_far, 0) as rain_hours_measured,
    from timed_events
    inner join probed on timed_events.date = probed.date
    left join rain_hours as rain_at_end on rain_at_end.hour_at = timed_events.ends_at - interval 1 hour
    left join rain_hours as rain_before
        on
            rain_before.hour_at = to_timestamp(epoch(timed_events.starts_at) - (timed_events.reach_hours + 1) * 3600)
),

signed as (
    select
        rained.*,
        case
            when rained.is_reported_since_seen then 'crew'
            when
                round(rained.rain_mm - limits.wetting_rain_mm, 9) >= 0
                and (
                    not rained.is_reported_since_begin
                    or round(rained.rain_mm - limits.wetting_rain_share * rained.gain_mm, 9) >= 0
                )
                then 'gauge'
            when
                rained.is_as_by_pipes
                and not rained.is_reported
                and rained.unpiped < limits.wetting_plots_least
                and rained.rain_mm = 0
                and rained.rain_hours_measured
                >= (epoch(rained.ends_at) - epoch(rained.starts_at)) / 3600 + rained.reach_hours
                then 'pipes'
        end as sign,
    from rained
    cross join limits
),

asked_hours as (
    select distinct
        starts_at,
        reach_hours,
        starts_at - to_hours(cast(reach_hours as bigint)) as near_from,
        starts_at + to_hours(cast(reach_hours as bigint)) as near_to,
        plots,
        unpiped,
    from signed
    where sign is null
),

wet_hours as (
    select
        starts_at,
        count(case when not is_reported then 1 end) as events,
        count(case when is_reported then 1 end) as reported_events,
    from timed_events
    group by starts_at
),

-- plots are told apart only around hours that have events enough, for there are no more plots than events
likely_hours as (
    select asked_hours.*,
    from asked_hours
    cross join limits
    inner join wet_hours on wet_hours.starts_at between asked_hours.near_from and asked_hours.near_to
    group by
        asked_hours.starts_at,
        asked_hours.reach_hours,
        asked_hours.near_from,
        asked_hours.near_to,
        asked_hours.plots,
        asked_hours.unpiped
    having
        sum(wet_hours.events) >= max(limits.wetting_plots_least)
        and sum(wet_hours.events)
        >= max(limits.wetting_plots_share) * (asked_hours.plots - sum(wet_hours.reported_events))
),

near_plots as (
    select
        likely_hours.starts_at,
        likely_hours.reach_hours,
        likely_hours.plots,
        likely_hours.unpiped,
        timed_events.plot_id,
        bool_or(not timed_events.is_reported) as is_wet,
        bool_or(timed_events.is_unpiped) as is_unpiped,
        bool_or(not timed_events.is_reported and timed_events.is_unpiped) as is_unpiped_wet,
    from likely_hours
    inner join timed_events on timed_events.starts_at between likely_hours.near_from and likely_hours.near_to
    group by
        likely_hours.starts_at,
        likely_hours.reach_hours,
        likely_hours.plots,
        likely_hours.unpiped,
        timed_events.plot_id
),

crowds as (
    select
        starts_at,
        reach_hours,
        plots - count(case when not is_wet then 1 end) as plots_asked,
        count(case when is_wet then 1 end) as plots_wet,
        unpiped,
        unpiped - count(case when is_unpiped and not is_unpiped_wet then 1 end) as unpiped_asked,
        count(case when is_unpiped_wet then 1 end) as unpiped_wet,
    from near_plots
    group by starts_at, reach_hours, plots, unpiped
),

showers as (
    select
        crowds.starts_at,
        crowds.reach_hours,
    from crowds
    cross join limits
    where
        crowds.plots_wet >= limits.wetting_plots_least
        and crowds.plots_wet >= limits.wetting_plots_share * crowds.plots_asked
        and (
            crowds.unpiped < limits.wetting_plots_least
            or crowds.unpiped_wet >= limits.wetting_plots_share * crowds.unpiped_asked
        )
)

select
    signed.plot_id,
    signed.starts_at,
    signed.ends_at,
    signed.rise,
    signed.gain_mm,
    signed.shallowest_cm,
    signed.rain_mm,
    signed.rain_told_mm,
    case
        when signed.sign is not null then signed.sign
        when showers.starts_at is not null then 'many_plots'
        when signed.is_reported then 'crew'
        when signed.is_as_by_pipes then 'pipes'
    end as sign,
    case
        when round(signed.rain_told_mm - limits.wetting_rain_mm, 9) >= 0 then 'gauge'
        when signed.rain_hours_measured > 0 or signed.plots >= limits.wetting_plots_least then 'nobody'
        else 'unknown'
    end as sign_unless_ordered,
from signed
cross join limits
left join showers on signed.starts_at = showers.starts_at and signed.reach_hours = showers.reach_hours
