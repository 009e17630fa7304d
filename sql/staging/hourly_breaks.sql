-- Hours in which water content leaps: D06 spike, D07 drop, D08 jump (ISMN), and the falls of S1.
--
-- Grain: element and hour in which one of these gates speaks
-- As of: readings up to as_of
-- Reads: element_hours, elements, limits
-- Feeds: low_plateaus, hourly_gates
-- Kept as: passing table
--
-- Dorigo et al. 2013, equations 4 to 9, as flagit 0.3 computes them. curvature is the second derivative of the same
-- filter, x(t-1) - 2 x(t) + x(t+1); day is the 25 hours around t. Spike: x differs from the hour before by more than
-- spike_share, bends up as much as down, in a calm day of which no hour is missing; two equal hours may form it, and
-- then both are flagged. Drop and jump: a step of more than break_share and break_pct, steeper than break_slopes times
-- the day, after which all is calm again; also a fall of more than drop_to_zero_pct to exactly zero. Fall (S1):
-- relative moisture fell within an hour, from field capacity or below.
with neighbours as (
    select
        element_hours.element_id,
        element_hours.hour,
        element_hours.slope_pct,
        element_hours.water_content_pct as x,
        lag(element_hours.water_content_pct) over series as x_before,
        lag(element_hours.water_content_pct, 2) over series as x_before_2,
        lead(element_hours.water_content_pct) over series as x_after,
        lead(element_hours.water_content_pct, 2) over series as x_after_2,
        lead(element_hours.water_content_pct, 3) over series as x_after_3,
        lag(element_hours.hour) over series = element_hours.hour - 1 as has_before,
        lag(element_hours.hour, 2) over series = element_hours.hour - 2 as has_before_2,
        lead(element_hours.hour) over series = element_hours.hour + 1 as has_after,
        lead(element_hours.hour, 2) over series = element_hours.hour + 2 as has_after_2,
        lead(element_hours.hour, 3) over series = element_hours.hour + 3 as has_after_3,
    from element_hours
    window series as (partition by element_hours.element_id order by element_hours.hour)
),

least_falls as (
    select max(limits.fall_suspect_points) * min(elements.field_capacity) - 1e-6 as fall_pct,
    from elements
    cross join limits
),

leaps as (
    select
        neighbours.*,
        neighbours.x_before - 2 * neighbours.x + neighbours.x_after as curvature,
        case
            when neighbours.has_before_2 then neighbours.x_before_2 - 2 * neighbours.x_before + neighbours.x
            when neighbours.x_before_2 is null then neighbours.x - neighbours.x_before
        end as curvature_before,
        case
            when neighbours.has_after_2 then neighbours.x - 2 * neighbours.x_after + neighbours.x_after_2
            when neighbours.x_after_2 is null then neighbours.x - neighbours.x_after
        end as curvature_after,
        case
            when neighbours.has_after_2 and neighbours.has_after_3
                then neighbours.x_after - 2 * neighbours.x_after_2 + neighbours.x_after_3
            when neighbours.has_after_2 and neighbours.x_after_3 is null then neighbours.x_after - neighbours.x_after_2
        end as curvature_after_2,
    from neighbours
    cross join limits
    cross join least_falls
    where
        neighbours.has_before
        and neighbours.x <> neighbours.x_before
        and (
            abs(neighbours.x - neighbours.x_before) >= (limits.spike_share - 0.001) * abs(neighbours.x_before)
            or abs(neighbours.x - neighbours.x_before) > limits.break_pct
            or neighbours.x_before - neighbours.x >= least_falls.fall_pct
        )
),

spike_candidates as (
    select
        leaps.element_id,
        leaps.hour,
        leaps.x = leaps.x_after as has_two_hours,
    from leaps
    cross join limits
    where
        leaps.has_after
        and (
            sign(leaps.x - leaps.x_before) * sign(leaps.x - leaps.x_after) > 0
            or (
                leaps.x = leaps.x_after
                and leaps.has_after_2
                and sign(leaps.x - leaps.x_before) * sign(leaps.x - leaps.x_after_2) > 0
            )
        )
        and (
            leaps.x_before = 0
            or abs(round(leaps.x / leaps.x_before, 3) - 1) > limits.spike_share + 1e-9
        )
        and leaps.curvature_after <> 0
        and round(abs(leaps.curvature_before / leaps.curvature_after), 3) > limits.spike_bend_min
        and round(abs(leaps.curvature_before / leaps.curvature_after), 3) < limits.spike_bend_max
),

spikes as (
    select
        spike_candidates.element_id,
        spike_candidates.hour,
        spike_candidates.has_two_hours,
    from spike_candidates
    cross join limits
    inner join element_hours
        on
            spike_candidates.element_id = element_hours.element_id
            and element_hours.hour between spike_candidates.hour - limits.around_hours
            and spike_candidates.hour + limits.around_hours
            and spike_candidates.hour <> element_hours.hour
    group by spike_candidates.element_id, spike_candidates.hour, spike_candidates.has_two_hours
    having
        count(*) = 2 * max(limits.around_hours)
        and var_samp(element_hours.water_content_pct) / nullif(avg(element_hours.water_content_pct), 0)
        < max(limits.spike_variance)
),

break_candidates as (
    select
        leaps.element_id,
        leaps.hour,
        leaps.slope_pct,
    from leaps
    cross join limits
    where
        leaps.has_after
        and leaps.x <> 0
        and abs((leaps.x - leaps.x_before) / leaps.x) > limits.break_share
        and abs(leaps.x - leaps.x_before) > limits.break_pct
        and leaps.curvature <> 0
        and abs(abs(leaps.curvature_before / leaps.curvature) - 1) <= limits.break_bend_slack + 1e-9
        and abs(leaps.curvature) > limits.break_bend * abs(leaps.curvature_after_2)
),

breaks as (
    select
        break_candidates.element_id,
        break_candidates.hour,
        break_candidates.slope_pct,
    from break_candidates
    cross join limits
    inner join element_hours
        on
            break_candidates.element_id = element_hours.element_id
            and element_hours.hour between break_candidates.hour - limits.around_hours
            and break_candidates.hour + limits.around_hours
    group by break_candidates.element_id, break_candidates.hour, break_candidates.slope_pct
    having
        count(element_hours.slope_pct) >= max(limits.break_hours)
        and abs(break_candidates.slope_pct)
        > max(limits.break_slopes) * abs(avg(element_hours.slope_pct)) * (1 + 1e-5) + 1e-8
),

falls as (
    select
        leaps.element_id,
        leaps.hour,
        round(leaps.x_before - leaps.x - limits.fall_block_points * elements.field_capacity, 6) >= 0 as is_fall,
    from leaps
    cross join limits
    inner join elements on leaps.element_id = elements.element_id
    where
        round(leaps.x_before - limits.fall_moisture_max * elements.field_capacity, 6) <= 0
        and round(leaps.x_before - leaps.x - limits.fall_suspect_points * elements.field_capacity, 6) >= 0
),

events as (
    select
        element_id,
        hour,
        'D06' as gate,
    from spikes
    union all
    select
        element_id,
        hour + 1 as hour,
        'D06' as gate,
    from spikes
    where has_two_hours
    union all
    select
        element_id,
        hour,
        case when slope_pct < 0 then 'D07' else 'D08' end as gate,
    from breaks
    union all
    select
        leaps.element_id,
        leaps.hour,
        'D07' as gate,
    from leaps
    cross join limits
    where leaps.x = 0 and abs(leaps.x_before) > limits.drop_to_zero_pct
    union all
    select
        element_id,
        hour,
        'S1' as gate,
    from falls
    union all
    select
        element_id,
        hour,
        'S1 fall' as gate,
    from falls
    where is_fall
)

select
    element_id,
    hour,
    bool_or(gate = 'D06') as is_d06_spike,
    bool_or(gate = 'D07') as is_d07_drop,
    bool_or(gate = 'D08') as is_d08_jump,
    bool_or(gate = 'S1') as is_s1_suspect,
    bool_or(gate = 'S1 fall') as is_s1_fall,
from events
group by element_id, hour
