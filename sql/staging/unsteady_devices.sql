-- Devices whose closed days may still change with what comes today, or whose newest days need more than two before.
--
-- Grain: device
-- As of: readings up to as_of
-- Reads: element_hours, elements, element_days, element_spans, element_tops, saturated_stretches, spoken_gates,
--     readings_hourly, staged_devices, limits
-- Feeds: later evaluations
-- Kept as: carried table
--
-- An evaluation continues after closed_until only where nothing of this is so; the reasoning is in decision 20.
-- seam_hour is the first hour of the last closed day. Irregular: less than steady_hours on one of the two days before
-- today, and hours beside each other, a gate that spoke, or a rise, so that gates of the hourly grid may reach
-- further. Rising: today is the highest of the window, and a saturated plateau was measured against the old height, or
-- is hidden by the new one. Standing: a saturated plateau stands so near the seam that gates of both sides see it.
-- Hidden: nothing usable yesterday, but today. Cold: silent today, with frost nearby. Unpaced: nobody knows the
-- interval but from all readings, those in quarantine too.
with seam as (
    select
        cast(
            floor(
                epoch(
                    timezone(
                        coalesce(getvariable('timezone'), 'UTC'), cast(getvariable('closed_until') as timestamp)
                    )
                ) / 3600
            ) as integer
        ) as seam_hour,
),

recent_hours as (
    select
        element_hours.element_id,
        element_hours.hour - seam.seam_hour as hour,
    from element_hours
    cross join seam
    where element_hours.hour >= seam.seam_hour
),

counts as (
    select
        element_id,
        count(case when hour < 24 then 1 end) as closed_hours,
        count(case when hour between 24 and 47 then 1 end) as open_hours,
        count(case when hour >= 48 then 1 end) as hours_today,
    from recent_hours
    group by element_id
),

sparse_elements as (
    select counts.*,
    from counts
    cross join limits
    where
        counts.open_hours + counts.hours_today > 0
        and (counts.closed_hours < limits.steady_hours or counts.open_hours < limits.steady_hours)
),

elements_with_neighbours as (
    select distinct sparse_elements.element_id,
    from sparse_elements
    inner join recent_hours on sparse_elements.element_id = recent_hours.element_id
    inner join recent_hours as next_hours
        on recent_hours.element_id = next_hours.element_id and recent_hours.hour + 1 = next_hours.hour
),

tops as (
    select
        element_id,
        max(case when part < 2 then highest_pct end) as highest_before_pct,
        max(case when part >= 2 then highest_pct end) as highest_today_pct,
        max(steepest_pct) as steepest_pct,
    from element_tops
    group by element_id
),

gates as (
    select
        spoken_gates.element_id,
        count(case when spoken_gates.is_d10_high_plateau and spoken_gates.hour < seam.seam_hour + 24 then 1 end)
            as closed_plateaus,
    from spoken_gates
    cross join seam
    group by spoken_gates.element_id
),

unsteady_elements as (
    select
        sparse_elements.element_id,
        'irregular' as reason,
    from sparse_elements
    cross join limits
    inner join tops on sparse_elements.element_id = tops.element_id
    left join elements_with_neighbours on sparse_elements.element_id = elements_with_neighbours.element_id
    left join gates on sparse_elements.element_id = gates.element_id
    where
        elements_with_neighbours.element_id is not null
        or gates.element_id is not null
        or sparse_elements.closed_hours + sparse_elements.open_hours < 3
        or round(tops.steepest_pct - limits.high_plateau_rise + 0.0005, 9) >= 0
    union all
    select
        tops.element_id,
        'rising' as reason,
    from tops
    inner join gates on tops.element_id = gates.element_id
    where
        gates.closed_plateaus > 0
        and coalesce(tops.highest_today_pct > tops.highest_before_pct, tops.highest_today_pct is not null)
    union all
    select
        tops.element_id,
        'rising' as reason,
    from tops
    cross join seam
    inner join saturated_stretches on tops.element_id = saturated_stretches.element_id
    where
        getvariable('continued_from') is null
        and tops.highest_today_pct > tops.highest_before_pct
        and saturated_stretches.first_hour < seam.seam_hour + 24
        and round(saturated_stretches.rise_pct, 3) >= saturated_stretches.rise_min_pct
        and round(saturated_stretches.fall_pct, 3) < 0
        and saturated_stretches.mean_pct > saturated_stretches.share * tops.highest_before_pct
    union all
    select
        saturated_stretches.element_id,
        'standing' as reason,
    from saturated_stretches
    cross join seam
    cross join limits
    where
        saturated_stretches.first_hour < seam.seam_hour + limits.gate_reach_hours
        and saturated_stretches.last_still_hour >= seam.seam_hour + 24 - limits.gate_reach_hours
        and (
            getvariable('continued_from') is not null
            or round(saturated_stretches.rise_pct, 3) >= saturated_stretches.rise_min_pct
        )
    union all
    select
        element_id,
        'hidden' as reason,
    from readings_hourly
    where volumetric_water_content is not null and date > getvariable('closed_until')
    group by element_id
    having min(date) > cast(getvariable('closed_until') as date) + 1
),

newest_days as (
    select
        device_id,
        max(last_date) as date,
    from element_spans
    group by device_id
),

cold_places as (
    select distinct
        element_days.device_id,
        element_days.plot_id,
    from element_days
    cross join limits
    where
        element_days.date >= cast(getvariable('closed_until') as date) - 1
        and element_days.soil_temperature_min_c <= limits.thawing_below_c
),

unsteady as (
    select
        elements.device_id,
        unsteady_elements.reason,
    from unsteady_elements
    inner join elements on unsteady_elements.element_id = elements.element_id
    union all
    select distinct
        element_days.device_id,
        'cold' as reason,
    from element_days
    inner join newest_days on element_days.device_id = newest_days.device_id
    inner join cold_places
        on element_days.device_id = cold_places.device_id or element_days.plot_id = cold_places.plot_id
    where
        newest_days.date between getvariable('closed_until') and cast(getvariable('closed_until') as date) + 1
        and element_days.date >= getvariable('closed_until')
    union all
    select
        device_id,
        'unpaced' as reason,
    from element_spans
    where not is_paced
    union all
    select
        device_id,
        'unpaced' as reason,
    from staged_devices
    where report_interval_s is null
)

select
    device_id,
    min(reason) as reason,
from unsteady
group by device_id
