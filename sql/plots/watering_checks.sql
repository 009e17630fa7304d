-- Whether the water that a crew reported arrived at the roots.
--
-- Grain: report of water brought to a plot, of the last hourly_days
-- As of: readings and reports up to as_of
-- Reads: watering_reports, issue_events, staged_plots, root_zone, crop_et, rain_hours, limits
-- Feeds: drought_memories, watering_findings
-- Kept as: table
--
-- Expected = litres x Ea / watered area, at most what was missing in the layers that the probes stand for (the rest
-- runs through), less ETc from the report to the hours looked at: that of the days since the report, or of the
-- outlook_recent_days before it while none of them is over. Observed = the median water of the root zone
-- check_from_hours to check_to_hours after the report, less its driest hour of the check_before_hours before it.
-- Verified from check_verified of the expected, partial from check_partial, else ineffective; rained when
-- wetting_rain_mm of rain fell meanwhile and the rise is large enough: nobody can tell whose water it is. No state:
-- not six hours yet, no hour to look at, or less than check_least_mm was expected, which probes do not tell from their
-- own noise. A report may have waited on a phone without a signal. So less than verified is reported_late where the
-- water rose earlier: at most check_late_hours before the report, since the issue was opened, and after the report
-- before it check_from_hours later. Such a rise is check_partial of what was brought (at most of what was missing
-- then), check_least_mm at least, and no rain of wetting_rain_share of it fell. Nor has less than verified a state once
-- the first of these hours has left the hourly_days: what the probes showed then is not read any more.
with reports as (
    select
        row_number() over (
            order by
                watering_reports.plot_id,
                watering_reports.issue_id,
                watering_reports.cause,
                watering_reports.round_number
        ) as report_number,
        watering_reports.plot_id,
        watering_reports.issue_id,
        watering_reports.round_number,
        watering_reports.cause,
        watering_reports.reported_at,
        watering_reports.date,
        watering_reports.litres,
        staged_plots.efficiency,
        staged_plots.watered_m2,
        watering_reports.litres * staged_plots.efficiency / staged_plots.watered_m2 as brought_mm,
    from watering_reports
    inner join staged_plots on watering_reports.plot_id = staged_plots.plot_id
    where watering_reports.litres > 0 and staged_plots.watered_m2 > 0
),

watered_plots as (
    select
        plot_id,
        min(reported_at) as first_reported_at,
    from reports
    group by plot_id
),

hours as (
    select
        root_zone.plot_id,
        root_zone.starts_at,
        root_zone.depth_list,
        root_zone.water_mm,
        root_zone.depletion_mm,
    from root_zone
    cross join limits
    inner join watered_plots on root_zone.plot_id = watered_plots.plot_id
    where
        root_zone.span = 'hour'
        and not root_zone.is_frozen
        and epoch(watered_plots.first_reported_at) - epoch(root_zone.starts_at) <= limits.check_late_hours * 3600
),

befores as (
    select
        reports.report_number,
        hours.depth_list,
        min(hours.water_mm) as water_mm,
        min_by(hours.depletion_mm, hours.water_mm) as depletion_mm,
    from reports
    cross join limits
    inner join hours
        on
            reports.plot_id = hours.plot_id
            and reports.reported_at > hours.starts_at
            and epoch(reports.reported_at) - epoch(hours.starts_at) <= limits.check_before_hours * 3600
    group by reports.report_number, hours.depth_list
),

reaches as (
    select
        reports.report_number,
        greatest(
            epoch(max(reports.reported_at)) - max(limits.check_late_hours) * 3600,
            max(
                epoch(issue_events.happened_at)
                + case when issue_events.kind = 'done' then limits.check_from_hours * 3600 else 0 end
            )
        ) as from_s,
    from reports
    cross join limits
    left join issue_events
        on
            reports.issue_id = issue_events.issue_id
            and issue_events.kind in ('opened', 'done')
            and issue_events.date >= cast(getvariable('window_from') as date)
            and issue_events.date <= cast(getvariable('window_to') as date)
            and epoch(reports.reported_at) - epoch(issue_events.happened_at)
            >= case when issue_events.kind = 'done' then limits.check_from_hours * 3600 else 0 end
    group by reports.report_number
),

earlier_hours as (
    select
        reports.report_number,
        hours.depth_list,
        hours.starts_at,
        hours.water_mm - min(hours.water_mm) over (
            partition by reports.report_number, hours.depth_list
            order by hours.starts_at
        ) as rise_mm,
    from reports
    cross join limits
    inner join reaches on reports.report_number = reaches.report_number
    inner join hours
        on
            reports.plot_id = hours.plot_id
            and epoch(hours.starts_at) >= reaches.from_s
            and epoch(reports.reported_at) - epoch(hours.starts_at) >= limits.check_before_hours * 3600
),

earlier as (
    select
        earlier_hours.report_number,
        earlier_hours.depth_list,
        max(earlier_hours.rise_mm) as rise_mm,
        min(earlier_hours.starts_at) as from_at,
        max(earlier_hours.starts_at) as to_at,
    from earlier_hours
    group by earlier_hours.report_number, earlier_hours.depth_list
),

afters as (
    select
        reports.report_number,
        hours.depth_list,
        percentile_cont(0.5) within group (order by hours.water_mm) as water_mm,
        avg(epoch(hours.starts_at) - epoch(reports.reported_at) order by hours.starts_at) / 86400 as days_after,
        max(hours.starts_at) + interval 1 hour as checked_at,
    from reports
    cross join limits
    inner join hours
        on
            reports.plot_id = hours.plot_id
            and epoch(hours.starts_at) - epoch(reports.reported_at)
            between limits.check_from_hours * 3600 and limits.check_to_hours * 3600
    group by reports.report_number, hours.depth_list
),

uses as (
    select
        reports.report_number,
        coalesce(avg(case when crop_et.date >= reports.date then crop_et.etc_mm end), avg(crop_et.etc_mm)) as etc_mm,
    from reports
    cross join limits
    inner join crop_et
        on
            reports.plot_id = crop_et.plot_id
            and crop_et.date >= reports.date - cast(limits.outlook_recent_days as integer)
            and crop_et.date <= reports.date + cast(ceil(limits.check_to_hours / 24) as integer)
    group by reports.report_number
),

pairs as (
    select
        reports.*,
        cast(timezone(getvariable('timezone'), to_timestamp(reaches.from_s)) as date)
        > cast(getvariable('window_to') as date) - cast(limits.hourly_days as integer) as is_reach_known,
        afters.checked_at,
        afters.water_mm - befores.water_mm as observed_mm,
        least(reports.brought_mm, befores.depletion_mm) - coalesce(uses.etc_mm, 0) * afters.days_after as expected_mm,
        coalesce(uses.etc_mm, 0) * afters.days_after as used_mm,
        befores.depletion_mm as depletion_before_mm,
        earlier.rise_mm as came_before_mm,
        earlier.from_at as came_from_at,
        earlier.to_at as came_to_at,
        row_number() over (
            partition by reports.report_number
            order by afters.checked_at desc, afters.depth_list asc
        ) as choice,
    from reports
    cross join limits
    inner join reaches on reports.report_number = reaches.report_number
    inner join befores on reports.report_number = befores.report_number
    inner join afters
        on
            reports.report_number = afters.report_number
            and befores.depth_list = afters.depth_list
    left join earlier
        on
            reports.report_number = earlier.report_number
            and afters.depth_list = earlier.depth_list
    left join uses on reports.report_number = uses.report_number
),

rained as (
    select
        pairs.*,
        round(pairs.observed_mm / pairs.expected_mm, 9) as ratio,
        coalesce(rain_at_end.rain_so_far_mm - rain_before.rain_so_far_mm, 0) as rain_mm,
        coalesce(
            round(
                pairs.came_before_mm - greatest(
                    limits.check_least_mm,
                    limits.check_partial * least(pairs.brought_mm, pairs.depletion_before_mm + pairs.came_before_mm)
                ), 9
            ) >= 0
            and round(
                limits.wetting_rain_share * pairs.came_before_mm
                - coalesce(rain_until_came.rain_so_far_mm - rain_until_asked.rain_so_far_mm, 0), 9
            ) > 0, false
        ) as may_be_late,
    from pairs
    cross join limits
    left join rain_hours as rain_at_end on rain_at_end.hour_at = pairs.checked_at - interval 1 hour
    left join rain_hours as rain_before
        on
            rain_before.hour_at
            = to_timestamp(
                floor((epoch(pairs.reported_at) + coalesce(getvariable('hour_offset_s'), 0)) / 3600) * 3600
                - coalesce(getvariable('hour_offset_s'), 0)
                - limits.check_before_hours * 3600
            )
    left join rain_hours as rain_until_came on pairs.came_to_at = rain_until_came.hour_at
    left join rain_hours as rain_until_asked
        on rain_until_asked.hour_at = pairs.came_from_at - interval 1 hour
    where pairs.choice = 1 and round(pairs.expected_mm - limits.check_least_mm, 9) >= 0
)

select
    rained.plot_id,
    rained.issue_id,
    rained.cause,
    rained.round_number,
    rained.reported_at,
    rained.litres,
    rained.efficiency,
    rained.watered_m2,
    rained.brought_mm,
    rained.depletion_before_mm,
    rained.used_mm,
    rained.expected_mm,
    rained.observed_mm,
    rained.ratio,
    rained.came_before_mm,
    rained.rain_mm,
    rained.checked_at,
    case
        when rained.ratio >= limits.check_partial and rained.rain_mm >= limits.wetting_rain_mm then 'rained'
        when rained.ratio >= limits.check_verified then 'verified'
        when rained.may_be_late then 'reported_late'
        when rained.ratio >= limits.check_partial then 'partial'
        else 'ineffective'
    end as state,
from rained
cross join limits
where rained.is_reach_known or round(rained.ratio - limits.check_verified, 9) >= 0
