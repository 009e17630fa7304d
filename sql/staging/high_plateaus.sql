-- Hours on a saturated plateau (ISMN D10): water content rose, stood nearly still at the top, and fell again.
--
-- Grain: element and hour on a saturated plateau
-- As of: readings up to as_of
-- Reads: element_hours, limits
-- Feeds: hourly_gates
-- Kept as: passing table
--
-- Dorigo et al. 2013, equations 10 to 13, as flagit 0.3 computes them; missing hours are bridged. Still means: the
-- variance of this hour and the 11 that follow is at most high_plateau_variance. A stretch of still hours, with the 11
-- that follow its last, is a plateau when the slope reached high_plateau_rise within 12 hours of its begin, was below
-- zero within the 24 hours after its last still hour, and its mean lies above high_plateau_share of the highest value.
-- The highest is that of all readings read: of the window in an evaluation, of the whole series where history is asked.
-- As in flagit, a stretch whose begin is nearer than 24 hours to the end of the series is none yet. A frame of rows
-- takes no column: its 12 hours are high_plateau_hours.
with elements_at_top as (
    select
        element_hours.element_id,
        max(element_hours.position) as last_position,
        max(
            case
                when element_hours.water_content_pct < 100 * limits.water_content_max
                    then element_hours.water_content_pct
            end
        ) as highest_pct,
        max(limits.high_plateau_share) as share,
        max(limits.high_plateau_rise) as rise_pct,
        cast(max(limits.high_plateau_hours) as integer) as still_hours,
        cast(max(limits.around_hours) as integer) as around_hours,
    from element_hours
    cross join limits
    group by element_hours.element_id
    having round(max(element_hours.slope_pct) - max(limits.high_plateau_rise) + 0.0005, 9) >= 0
),

variances as (
    select
        element_hours.element_id,
        element_hours.position,
        element_hours.water_content_pct,
        var_samp(element_hours.water_content_pct) over ahead as variance,
        count(*) over ahead as hours_ahead,
    from element_hours
    cross join limits
    window ahead as (
        partition by element_hours.element_id
        order by element_hours.hour
        rows between current row and 11 following
    )
),

still_hours as (
    select
        variances.element_id,
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
        max(elements_at_top.last_position) as last_position,
        max(elements_at_top.highest_pct) as highest_pct,
        max(elements_at_top.share) as share,
        max(elements_at_top.rise_pct) as rise_pct,
        max(elements_at_top.still_hours) as still_hours,
        max(elements_at_top.around_hours) as around_hours,
    from still_hours
    cross join limits
    inner join elements_at_top on still_hours.element_id = elements_at_top.element_id
    group by still_hours.element_id, still_hours.stretch
    -- hours within a still dozen differ by less than five times the root of its variance
    having
        max(still_hours.water_content_pct)
        + 5 * sqrt(max(limits.high_plateau_variance)) >= max(elements_at_top.share) * max(elements_at_top.highest_pct)
),

surroundings as (
    select
        stretches.element_id,
        stretches.first_position,
        least(stretches.last_still_position + stretches.still_hours - 1, stretches.last_position) as end_position,
        stretches.highest_pct,
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
        stretches.last_position,
        stretches.highest_pct,
        stretches.share
)

select
    element_hours.element_id,
    element_hours.hour,
from surroundings
inner join element_hours
    on
        surroundings.element_id = element_hours.element_id
        and element_hours.position between surroundings.first_position and surroundings.end_position
where
    round(surroundings.rise_pct, 3) >= surroundings.rise_min_pct
    and round(surroundings.fall_pct, 3) < 0
    and surroundings.mean_pct > surroundings.share * surroundings.highest_pct
