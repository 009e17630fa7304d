-- The depth that a depth of a plot's probes is taken for: depths that lie close together are one.
--
-- Grain: plot, quantity (water_content or matric_potential) and depth that probes of the plot name on two days or more
-- As of: readings up to as_of
-- Reads: element_spans, limits
-- Feeds: outlying_hours, depth_readings, root_zone_layers, wetting_signs
-- Kept as: carried table
--
-- Close means: no further than same_depth_cm from the next one. Probes put in by hand at 10 and at 12 cm see the same
-- soil; as two depths the deeper would stand for all the roots below it, and one bad probe would rule the plot. The
-- depth of several is the median of them. A depth that is named on one day only is a slip or has just begun: it moves
-- no other.
with named_depths as (
    select
        plot_id,
        depth_cm,
        min(first_date) as first_date,
        max(last_date) as last_date,
        sum(water_contents) as water_contents,
        sum(potentials) as potentials,
    from element_spans
    where plot_id is not null and depth_cm >= 0
    group by plot_id, depth_cm
),

depths as (
    select
        plot_id,
        'water_content' as quantity,
        depth_cm,
    from named_depths
    where water_contents > 0 and first_date < last_date
    union all
    select
        plot_id,
        'matric_potential' as quantity,
        depth_cm,
    from named_depths
    where potentials > 0 and first_date < last_date
),

steps as (
    select
        depths.plot_id,
        depths.quantity,
        depths.depth_cm,
        case
            when
                round(
                    depths.depth_cm - lag(depths.depth_cm) over (
                        partition by depths.plot_id, depths.quantity order by depths.depth_cm
                    ) - limits.same_depth_cm, 9
                ) <= 0
                then 0
            else 1
        end as begins,
    from depths
    cross join limits
),

numbered as (
    select
        plot_id,
        quantity,
        depth_cm,
        sum(begins) over (
            partition by plot_id, quantity order by depth_cm rows between unbounded preceding and current row
        ) as depth_number,
    from steps
),

medians as (
    select
        plot_id,
        quantity,
        depth_number,
        percentile_cont(0.5) within group (order by depth_cm) as shared_depth_cm,
    from numbered
    group by plot_id, quantity, depth_number
)

select
    numbered.plot_id,
    numbered.quantity,
    numbered.depth_cm,
    medians.shared_depth_cm,
from numbered
inner join medians
    on
        numbered.plot_id = medians.plot_id
        and numbered.quantity = medians.quantity
        and numbered.depth_number = medians.depth_number
