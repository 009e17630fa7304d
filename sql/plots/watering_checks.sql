-- Whether the water that a crew reported arrived at the roots.
--
-- Grain: report of water brought to a plot, of the last hourly_days
-- As of: readings and reports up to as_of
-- Reads: watering_reports, staged_plots, root_zone, crop_et, rain_hours, limits
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
-- own noise.
with reports as (
    select
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
        and epoch(watered_plots.first_reported_at) - epoch(root_zone.starts_at) <= limits.check_before_hours * 3600
),

befores as (
    select
        reports.plot_id,
        reports.issue_id,
        reports.round_number,
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
    group by reports.plot_id, reports.issue_id, reports.round_number, hours.depth_list
),

afters as (
    select
        reports.plot_id,
        reports.issue_id,
        reports.round_number,
        hours.depth_list,
        percentile_cont(0.5) within group (order by hours.water_mm) as water_mm,
        avg(epoch(hours.starts_at) - epoch(reports.reported_at)) / 86400 as days_after,
        max(hours.starts_at) + interval 1 hour as checked_at,
    from reports
    cross join limits
    inner join hours
        on
            reports.plot_id = hours.plot_id
            and epoch(hours.starts_at) - epoch(reports.reported_at)
            between limits.check_from_hours * 3600 and limits.check_to_hours * 3600
    group by reports.plot_id, reports.issue_id, reports.round_number, hours.depth_list
),

uses as (
    select
        reports.plot_id,
        reports.issue_id,
        reports.round_number,
        coalesce(avg(case when crop_et.date >= reports.date then crop_et.etc_mm end), avg(crop_et.etc_mm)) as etc_mm,
    from reports
    cross join limits
    inner join crop_et
        on
            reports.plot_id = crop_et.plot_id
            and crop_et.date >= reports.date - cast(limits.outlook_recent_days as integer)
            and crop_et.date <= reports.date + cast(ceil(limits.check_to_hours / 24) as integer)
    group by reports.plot_id, reports.issue_id, reports.round_number
),

pairs as (
    select
        reports.*,
        afters.checked_at,
        afters.water_mm - befores.water_mm as observed_mm,
        least(reports.brought_mm, befores.depletion_mm) - coalesce(uses.etc_mm, 0) * afters.days_after as expected_mm,
        coalesce(uses.etc_mm, 0) * afters.days_after as used_mm,
        befores.depletion_mm as depletion_before_mm,
        row_number() over (
            partition by reports.plot_id, reports.issue_id, reports.round_number
            order by afters.checked_at desc, afters.depth_list asc
        ) as choice,
    from reports
    inner join befores
        on
            reports.plot_id = befores.plot_id
            and reports.issue_id = befores.issue_id
            and reports.round_number = befores.round_number
    inner join afters
        on
            reports.plot_id = afters.plot_id
            and reports.issue_id = afters.issue_id
            and reports.round_number = afters.round_number
            and befores.depth_list = afters.depth_list
    left join uses
        on
            reports.plot_id = uses.plot_id
            and reports.issue_id = uses.issue_id
            and reports.round_number = uses.round_number
),

rained as (
    select
        pairs.*,
        round(pairs.observed_mm / pairs.expected_mm, 9) as ratio,
        coalesce(rain_at_end.rain_so_far_mm - rain_before.rain_so_far_mm, 0) as rain_mm,
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
    rained.rain_mm,
    rained.checked_at,
    case
        when rained.ratio < limits.check_partial then 'ineffective'
        when rained.rain_mm >= limits.wetting_rain_mm then 'rained'
        when rained.ratio >= limits.check_verified then 'verified'
        else 'partial'
    end as state,
from rained
cross join limits
