-- Gates that look at a day or more of a sensing element: S2, frost nearby, swing, battery, settling.
--
-- Grain: stream (device, channel and depth) and day
-- As of: readings up to as_of
-- Reads: stream_days, element_spans, elements, weather_days, battery_days, limits
-- Feeds: readings, plateaus
-- Kept as: table
--
-- Suspected stuck means: for 24 h water content moved less than stuck_share_of_field_capacity of field capacity, and
-- nothing else that the device measures moved: temperature and conductivity of the element, and all that its other
-- elements measure. The 24 h are the day itself where readings span it but for default_interval_s, else (today, or rare
-- readings) this day and the day before where they span 24 h. A device that measures one thing only is never suspected.
-- Stuck means: water content did not move at all for stuck_days. Settling counts from the first reading in soil (not in
-- air by gate A1) of an element whose register row begins inside the window. Frost of a device or plot means: an
-- element of it with a thermometer was at or below thawing_below_c for frozen_day_share of the day, and below
-- frozen_below_c on that day or one beside it; it stands for the elements that have no thermometer.
with days as (
    select
        stream_days.*,
        elements.device_id,
        elements.channel,
        elements.depth_cm,
        elements.plot_id,
    from stream_days
    inner join elements on stream_days.last_element_id = elements.element_id
    where stream_days.date >= coalesce(getvariable('continued_from'), date '0001-01-01')
),

spans as (
    select
        days.stream_id,
        days.device_id,
        days.channel,
        days.depth_cm,
        days.date,
        days.plot_id,
        days.field_capacity,
        days.battery_low_v,
        days.bound_at,
        days.soil_temperature_min_c,
        days.soil_temperature_max_c,
        days.first_at,
        days.water_content_max - days.water_content_min as day_range,
        days.soil_temperature_max_c - days.soil_temperature_min_c as day_temperature_range,
        days.bulk_ec_max_ds_m - days.bulk_ec_min_ds_m as day_ec_range,
        days.last_at,
        coalesce(days_before.first_at, days.first_at) as two_days_from,
        greatest(days.water_content_max, days_before.water_content_max)
        - least(days.water_content_min, days_before.water_content_min) as two_days_range,
        greatest(days.soil_temperature_max_c, days_before.soil_temperature_max_c)
        - least(days.soil_temperature_min_c, days_before.soil_temperature_min_c) as two_days_temperature_range,
        greatest(days.bulk_ec_max_ds_m, days_before.bulk_ec_max_ds_m)
        - least(days.bulk_ec_min_ds_m, days_before.bulk_ec_min_ds_m) as two_days_ec_range,
    from days
    left join days as days_before
        on days.stream_id = days_before.stream_id and days.date = days_before.date + 1
),

streams as (
    select
        stream_id,
        min(first_at) as first_at,
    from element_spans
    where stream_id is not null
    group by stream_id
),

-- only a day that did not move against the day before can end a month that did not
still_days as (
    select
        spans.stream_id,
        spans.date,
        spans.last_at,
        limits.stuck_days,
    from spans
    cross join limits
    inner join streams on spans.stream_id = streams.stream_id
    where
        coalesce(spans.two_days_range, 0) = 0
        and epoch(spans.last_at) - epoch(streams.first_at) >= limits.stuck_days * 86400
),

stuck_days as (
    select
        still_days.stream_id,
        still_days.date,
    from still_days
    inner join stream_days
        on
            still_days.stream_id = stream_days.stream_id
            and stream_days.date between still_days.date - cast(still_days.stuck_days as integer) and still_days.date
    group by still_days.stream_id, still_days.date
    having
        max(stream_days.water_content_max) = min(stream_days.water_content_min)
        and epoch(max(still_days.last_at)) - epoch(min(stream_days.first_at)) >= max(still_days.stuck_days) * 86400
),

first_soils as (
    select
        stream_id,
        bound_at,
        min(first_in_soil_at) as first_in_soil_at,
    from stream_days
    where coalesce(bound_at >= cast(getvariable('window_from') as timestamptz), true)
    group by stream_id, bound_at
),

device_days as (
    select
        spans.device_id,
        spans.date,
        bool_and(
            coalesce(
                spans.two_days_range < limits.stuck_share_of_field_capacity * coalesce(spans.field_capacity, 0.3), true
            )
            and coalesce(spans.two_days_temperature_range < limits.stuck_share_of_field_capacity, true)
            and coalesce(spans.two_days_ec_range < limits.stuck_share_of_field_capacity, true)
        ) as were_two_days_still,
        bool_and(
            coalesce(
                round(
                    spans.day_range - limits.stuck_share_of_field_capacity * coalesce(spans.field_capacity, 0.3), 9
                ) < 0,
                true
            )
            and coalesce(spans.day_temperature_range < limits.stuck_share_of_field_capacity, true)
            and coalesce(spans.day_ec_range < limits.stuck_share_of_field_capacity, true)
        ) as was_day_still,
        count(spans.two_days_range) + count(spans.two_days_temperature_range) + count(spans.two_days_ec_range)
            as quantities,
    from spans
    cross join limits
    group by spans.device_id, spans.date
),

cold_days as (
    select
        days.plot_id,
        days.device_id,
        days.date,
        days.cold_readings >= limits.frozen_day_share * days.temperature_readings
        and min(days.soil_temperature_min_c) over days_beside < limits.frozen_below_c as has_frost,
    from days
    cross join limits
    where days.temperature_readings > 0
    window days_beside as (
        partition by days.stream_id
        order by days.date
        range between interval 1 day preceding and interval 1 day following
    )
),

air_frost_dates as (
    select dates.date,
    from (
        select distinct date,
        from spans
    ) as dates
    inner join weather_days
        on dates.date >= weather_days.date and dates.date < coalesce(weather_days.next_date, date '9999-12-31')
    where weather_days.has_air_frost
),

device_frosts as (
    select
        device_id,
        date,
        bool_or(has_frost) as has_frost,
    from cold_days
    group by device_id, date
),

plot_frosts as (
    select distinct
        plot_id,
        date,
    from cold_days
    where has_frost and plot_id is not null
)

select
    spans.stream_id,
    spans.device_id,
    spans.channel,
    spans.depth_cm,
    spans.date,
    coalesce(
        device_days.quantities > 1
        and (
            (
                epoch(spans.last_at) - epoch(spans.first_at) >= 86400 - limits.default_interval_s
                and spans.day_range is not null
                and device_days.was_day_still
            )
            or (
                epoch(spans.last_at) - epoch(spans.two_days_from) >= 86400
                and spans.two_days_range is not null
                and device_days.were_two_days_still
            )
        ),
        false
    ) as is_stuck_suspect,
    stuck_days.stream_id is not null as is_stuck,
    spans.soil_temperature_max_c - spans.soil_temperature_min_c as daily_swing_c,
    coalesce(
        device_frosts.has_frost,
        plot_frosts.plot_id is not null or air_frost_dates.date is not null
    ) as has_frost_nearby,
    coalesce(battery_days.battery_v < coalesce(spans.battery_low_v, limits.battery_low_v), false) as has_low_battery,
    first_soils.first_in_soil_at,
from spans
cross join limits
inner join device_days on spans.device_id = device_days.device_id and spans.date = device_days.date
left join device_frosts on spans.device_id = device_frosts.device_id and spans.date = device_frosts.date
left join plot_frosts on spans.plot_id = plot_frosts.plot_id and spans.date = plot_frosts.date
left join air_frost_dates on spans.date = air_frost_dates.date
left join battery_days on spans.device_id = battery_days.device_id and spans.date = battery_days.date
left join stuck_days on spans.stream_id = stuck_days.stream_id and spans.date = stuck_days.date
left join first_soils
    on spans.stream_id = first_soils.stream_id and spans.bound_at is not distinct from first_soils.bound_at
