-- The matric potential of a plot on a local day or in an hour, depth by depth against the line of its age.
--
-- Grain: plot, span (day or hour) and its begin
-- As of: readings up to as_of; days that are over, and hours of the last hourly_days
-- Reads: depth_readings, staged_plots, potential_lines, frost_days, limits
-- Feeds: potential_daily, drought_runs, drought_basis, plot_days, plot_stories
-- Kept as: carried table
--
-- Dry means: a depth of the root zone at or below the line of its age and depth. A depth shallower than shallow_share
-- of the root zone gives watch only, and where there is a deeper one it does not keep an issue open. A plot whose age
-- nobody knows is old, unless it is a new planting, which then is in its first year.
with depths as (
    select
        plot_id,
        span,
        date,
        starts_at,
        depth_cm,
        value as matric_potential_kpa,
        driest_hour_value as driest_hour_potential_kpa,
        last_at as last_potential_at,
        interval_s,
    from depth_readings
    where quantity = 'matric_potential'
),

planted as (
    select
        depths.*,
        staged_plots.is_new_as_of,
        staged_plots.new_until,
        staged_plots.new_root_zone_m,
        staged_plots.grown_root_zone_m,
        staged_plots.is_newly_planted,
        staged_plots.planted_on,
        staged_plots.planted_years as planted_years_as_of,
        extract(year from depths.date) - extract(year from staged_plots.planted_on) as calendar_years,
    from depths
    inner join staged_plots on depths.plot_id = staged_plots.plot_id
),

aged as (
    select
        planted.*,
        min(planted.depth_cm) over (partition by planted.plot_id, planted.span, planted.date, planted.starts_at)
            as shallowest_cm,
        case
            when coalesce(planted.is_new_as_of, planted.date < planted.new_until) then planted.new_root_zone_m
            else planted.grown_root_zone_m
        end as root_zone_m,
        case
            when planted.planted_on is not null
                then greatest(
                    coalesce(
                        planted.planted_years_as_of,
                        planted.calendar_years
                        - case
                            when
                                planted.date
                                < cast(planted.planted_on + interval (12 * planted.calendar_years) month as date)
                                then 1
                            else 0
                        end
                    ), 0
                )
            when planted.is_newly_planted then 0
            else 999
        end as planted_years,
    from planted
),

lined as (
    select
        aged.plot_id,
        aged.span,
        aged.date,
        aged.starts_at,
        aged.depth_cm,
        aged.matric_potential_kpa,
        aged.last_potential_at,
        aged.interval_s,
        potential_lines.line_kpa,
        coalesce(round(aged.depth_cm / 100 - limits.shallow_share * aged.root_zone_m, 9) < 0, false) as is_shallow,
        round(aged.matric_potential_kpa - potential_lines.line_kpa, 9) <= 0 as is_at_line,
        round(aged.matric_potential_kpa - limits.potential_watch_share * potential_lines.line_kpa, 9) <= 0
            as is_at_watch,
        round(aged.driest_hour_potential_kpa - limits.potential_watch_share * potential_lines.line_kpa, 9) > 0
            as is_below_close,
        aged.matric_potential_kpa / potential_lines.line_kpa as share_of_line,
    from aged
    cross join limits
    inner join potential_lines
        on
            aged.planted_years >= potential_lines.planted_years_from
            and aged.planted_years < potential_lines.planted_years_to
            and aged.depth_cm >= potential_lines.depth_from_cm
            and aged.depth_cm < potential_lines.depth_to_cm
    where
        aged.depth_cm = aged.shallowest_cm
        or coalesce(round(aged.depth_cm / 100 - aged.root_zone_m, 9) <= 0, true)
),

ranked as (
    select
        lined.*,
        row_number() over (
            partition by lined.plot_id, lined.span, lined.date, lined.starts_at
            order by
                case
                    when lined.is_at_watch and not lined.is_shallow then 0
                    when lined.is_at_watch then 1
                    when not lined.is_shallow then 2
                    else 3
                end,
                lined.share_of_line desc,
                lined.depth_cm asc
        ) as depth_rank,
        max(lined.last_potential_at) over by_span as data_at,
        max(lined.interval_s) over by_span as slowest_interval_s,
        count(*) over by_span as depths,
        bool_and(lined.is_shallow) over by_span as are_all_shallow,
        bool_and(lined.is_below_close) over by_span as are_all_below_close,
        bool_and(lined.is_below_close or lined.is_shallow) over by_span as are_deep_below_close,
    from lined
    window by_span as (partition by lined.plot_id, lined.span, lined.date, lined.starts_at)
)

select
    ranked.plot_id,
    ranked.span,
    ranked.date,
    ranked.starts_at,
    ranked.slowest_interval_s as interval_s,
    ranked.data_at,
    ranked.depths,
    ranked.depth_cm,
    ranked.matric_potential_kpa,
    ranked.line_kpa,
    case
        when ranked.is_at_line and not ranked.is_shallow then 'dry'
        when ranked.is_at_watch then 'watch'
        else 'ok'
    end as state,
    ranked.is_at_line and ranked.is_shallow as is_shallow_at_line,
    case when ranked.are_all_shallow then ranked.are_all_below_close else ranked.are_deep_below_close end
        as is_below_close,
    frost_days.plot_id is not null as is_frozen,
from ranked
left join frost_days on ranked.plot_id = frost_days.plot_id and ranked.date = frost_days.date
where ranked.depth_rank = 1
