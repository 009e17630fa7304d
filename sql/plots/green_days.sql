-- Days on which flights show a plot green that one of them may have called bare.
--
-- Grain: plot and local day with a comparable flight whose index tells bare ground
-- As of: captured_at up to as_of, of the drone window
-- Reads: vigour_scores, limits
-- Feeds: vigour_verdicts
--
-- Bare ground is no matter of peers or of the sensor: whichever shows the plot green speaks against it. Well means: all
-- flights of the day, of every sensor, show it green and without a disease, and where there are peers it is above
-- vigour_clear_z among them. well_since is the day before, where that was well, too: two such days end bare ground.
with days as (
    select
        vigour_scores.plot_id,
        vigour_scores.flown_on,
        max(vigour_scores.captured_at) as captured_at,
        max(case when vigour_scores.is_green then vigour_scores.captured_at end) as green_at,
        min(
            case
                when
                    vigour_scores.is_green
                    and not vigour_scores.is_sick
                    and coalesce(round(vigour_scores.robust_z - limits.vigour_clear_z, 9) > 0, true)
                    then 1
                else 0
            end
        ) = 1 as is_well,
    from vigour_scores
    cross join limits
    where
        vigour_scores.is_comparable
        and vigour_scores.dead_below_is_ndvi
        and vigour_scores.flown_on >= coalesce(getvariable('drone_window_from'), date '0001-01-01')
    group by vigour_scores.plot_id, vigour_scores.flown_on
)

select
    plot_id,
    flown_on,
    captured_at,
    green_at,
    is_well,
    case when is_well and lag(is_well) over in_order then lag(captured_at) over in_order end as well_since,
from days
window in_order as (partition by plot_id order by flown_on)
