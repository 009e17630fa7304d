-- The matric potential of a plot on a local day, for plots whose probes measure nothing else.
--
-- Grain: plot and day
-- As of: readings up to as_of
-- Reads: readings_daily, staged_plots, potential_lines, frost_days, limits
-- Feeds: drought_days, drought_evidence, drought_findings
-- Kept as: table
--
-- Dry means: the driest depth at or below the line of the plot's age. A plot whose age nobody knows is old, unless it
-- is a new planting, which then is in its first year.
with depths as (
    select
        plot_id,
        date,
        depth_cm,
        percentile_cont(0.5) within group (order by matric_potential_kpa) as matric_potential_kpa,
    from readings_daily
    where is_complete and matric_potential_kpa is not null and plot_id is not null
    group by plot_id, date, depth_cm
),

driest as (
    select
        plot_id,
        date,
        min(matric_potential_kpa) as matric_potential_kpa,
        min_by(depth_cm, matric_potential_kpa + 1e-9 * depth_cm) as depth_cm,
    from depths
    group by plot_id, date
)

select
    driest.plot_id,
    driest.date,
    driest.depth_cm,
    driest.matric_potential_kpa,
    potential_lines.line_kpa,
    case
        when driest.matric_potential_kpa <= potential_lines.line_kpa then 'dry'
        when driest.matric_potential_kpa <= limits.potential_watch_share * potential_lines.line_kpa then 'watch'
        else 'ok'
    end as state,
    driest.matric_potential_kpa > limits.potential_watch_share * potential_lines.line_kpa as is_below_close,
    coalesce(frost_days.frozen_readings, 0) > 0 as is_frozen,
from driest
inner join staged_plots on driest.plot_id = staged_plots.plot_id
cross join limits
inner join potential_lines
    on
        case
            when staged_plots.planted_years is not null then greatest(staged_plots.planted_years, 0)
            when staged_plots.is_newly_planted then 0
            else 999
        end >= potential_lines.planted_years_from
        and case
            when staged_plots.planted_years is not null then greatest(staged_plots.planted_years, 0)
            when staged_plots.is_newly_planted then 0
            else 999
        end < potential_lines.planted_years_to
left join frost_days on driest.plot_id = frost_days.plot_id and driest.date = frost_days.date
