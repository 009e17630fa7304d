-- Stretches of hours in which water content stood nearly still near the top (the first half of ISMN D10).
--
-- Grain: element and first hour of a stretch
-- As of: readings up to as_of
-- Reads: element_hours, element_tops, limits
-- Feeds: high_plateaus, unsteady_devices
-- Kept as: passing table
--
-- Dorigo et al. 2013, equations 10 to 13, as flagit 0.3 computes them; missing hours are bridged. Still means: the
-- variance of this hour and the 11 that follow is at most high_plateau_variance. A stretch is of still hours; it ends
-- with the 11 that follow its last. The rise is looked for within 12 hours of its begin, the fall within the 24 hours
-- after its last still hour. The highest is that of all readings read: of the window in an evaluation, of the whole
-- series where history is asked. What stood near the highest of all but today is a stretch, too: the height of today
-- may be a spike that the rest of its hour takes back. As in flagit, a stretch whose begin is nearer than 24 hours to
-- the end of the series is none yet. A frame of rows takes no column: its 12 hours are high_plateau_hours.
with elements_at_top as (
    select
        element_tops.element_id,
        max(element_tops.highest_pct) as highest_pct,
        coalesce(max(case when element_tops.part < 2 then element_tops.highest_pct end), max(element_tops.highest_pct))
            as highest_before_pct,
        max(limits.high_plateau_share) as share,
        max(limits.high_plateau_rise) as rise_pct,
        cast(max(limits.high_plateau_hours) as integer) as still_hours,
        cast(max(limits.around_hours) as integer) as around_hours,
    from element_tops
    cross join limits
    group by element_tops.element_id
    having round(max(element_tops.steepest_pct) - max(limits.high_plateau_rise) + 0.0005, 9) >= 0
),

-- of any other element no hour can lie in a stretch near the top (see stretches)
elements_near_top as (
    select
        element_hours.element_id,
        max(element_hours.position) as last_position,
    from element_hours
    cross join limits
    inner join elements_at_top on element_hours.element_id = elements_at_top.element_id
    group by element_hours.element_id
    having
        max(element_hours.water_content_pct) + 5 * sqrt(max(limits.high_plateau_variance))
        >= max(elements_at_top.share * elements_at_top.highest_before_pct)
),

variances as (
    select
        element_hours.element_id,
        element_hours.hour,
        element_hours.position,
        element_hours.water_content_pct,
        var_samp(element_hours.water_content_pct) over ahead as variance,
        count(*) over ahead as hours_ahead,
    from element_hours
    inner join elements_near_top on element_hours.element_id = elements_near_top.element_id
    window ahead as (
        partition by element_hours.element_id
        order by element_hours.hour
        rows between current row and 11 following
    )
),

still_hours as (
    select
        variances.element_id,
        variances.hour,
        variances.position,
        variances.water_content_pct,
        variances.position
        - row_number() over (partition by variances.element_id order by variances.position) as stretch,
    from variances
    cross join limits
    where
        variances.hours_ahead = limits.high_plateau_hours
        and round(variances.variance - limits.high_plateau_variance, 12) <= 0
),

stretches as (
    select
        still_hours.element_id,
        min(still_hours.position) as first_position,
        max(still_hours.position) as last_still_position,
        min(still_hours.hour) as first_hour,
        max(still_hours.hour) as last_still_hour,
        max(elements_near_top.last_position) as last_position,
        max(elements_at_top.highest_pct) as highest_pct,
        max(elements_at_top.highest_before_pct) as highest_before_pct,
        max(elements_at_top.share) as share,
        max(elements_at_top.rise_pct) as rise_pct,
        max(elements_at_top.still_hours) as still_hours,
        max(elements_at_top.around_hours) as around_hours,
    from still_hours
    cross join limits
    inner join elements_at_top on still_hours.element_id = elements_at_top.element_id
    inner join elements_near_top on still_hours.element_id = elements_near_top.element_id
    group by still_hours.element_id, still_hours.stretch
    -- hours within a still dozen differ by less than five times the root of its variance
    having
        max(still_hours.water_content_pct) + 5 * sqrt(max(limits.high_plateau_variance))
        >= max(elements_at_top.share) * max(elements_at_top.highest_before_pct)
),

surroundings as (
    select
        stretches.element_id,
        stretches.first_position,
        least(stretches.last_still_position + stretches.still_hours - 1, stretches.last_position) as end_position,
        stretches.first_hour,
        stretches.last_still_hour,
        stretches.highest_pct,
        stretches.highest_before_pct,
        stretches.share,
        max(
            case
                when
                    element_hours.position between stretches.first_position - stretches.around_hours
                    and stretches.first_position + stretches.around_hours
                    then element_hours.slope_pct
            end
        ) as rise_pct,
        max(stretches.rise_pct) as rise_min_pct,
        min(
            case
                when
                    element_hours.position
                    >= least(stretches.last_still_position, stretches.last_position - 2 * stretches.around_hours)
                    then element_hours.slope_pct
            end
        ) as fall_pct,
        avg(
            case
                when
                    element_hours.position between stretches.first_position
                    and stretches.last_still_position + stretches.still_hours - 1
                    then element_hours.water_content_pct
            end
        ) as mean_pct,
    from stretches
    inner join element_hours
        on
            stretches.element_id = element_hours.element_id
            and element_hours.position between stretches.first_position - stretches.around_hours
            and least(stretches.last_still_position, stretches.last_position - 2 * stretches.around_hours)
            + 2 * stretches.around_hours
    where stretches.first_position <= stretches.last_position - 2 * stretches.around_hours
    group by
        stretches.element_id,
        stretches.first_position,
        stretches.last_still_position,
        stretches.still_hours,
        stretches.first_hour,
        stretches.last_still_hour,
        stretches.last_position,
        stretches.highest_pct,
        stretches.highest_before_pct,
        stretches.share
)

select
    element_id,
    first_position,
    end_position,
    first_hour,
    last_still_hour,
    highest_pct,
    share,
    rise_pct,
    rise_min_pct,
    fall_pct,
    mean_pct,
from surroundings
