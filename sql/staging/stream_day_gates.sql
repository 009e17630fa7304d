-- Gates that look at a day or more of a sensing element: S2, air frost, swing, battery, settling.
--
-- Grain: device, channel, depth and day
-- As of: readings up to as_of
-- Reads: stream_days, weather_days, battery_days, limits
-- Feeds: readings
-- Kept as: table
--
-- Suspected stuck means: water content and every other channel of the element moved less than the limit over this day
-- and the day before. Stuck means: water content did not move at all for stuck_days. Settling counts from the first
-- reading in soil of an element whose register row begins inside the window.
with spans as (
    select
        stream_days.device_id,
        stream_days.channel,
        stream_days.depth_cm,
        stream_days.date,
        stream_days.field_capacity,
        stream_days.battery_low_v,
        stream_days.bound_at,
        stream_days.soil_temperature_min_c,
        stream_days.soil_temperature_max_c,
        min(stream_days.first_at) over two_days as two_days_from,
        max(stream_days.last_at) over two_days as two_days_to,
        max(stream_days.water_content_max) over two_days - min(stream_days.water_content_min) over two_days
            as two_days_range,
        max(stream_days.soil_temperature_max_c) over two_days - min(stream_days.soil_temperature_min_c) over two_days
            as two_days_temperature_range,
        max(stream_days.bulk_ec_max_ds_m) over two_days - min(stream_days.bulk_ec_min_ds_m) over two_days
            as two_days_ec_range,
        min(stream_days.first_at) over month as month_from,
        max(stream_days.water_content_max) over month - min(stream_days.water_content_min) over month as month_range,
        stream_days.last_at,
        min(stream_days.first_in_soil_at) over (
            partition by stream_days.device_id, stream_days.channel, stream_days.depth_cm, stream_days.bound_at
        ) as first_in_soil_at,
    from stream_days
    window
        two_days as (
            partition by stream_days.device_id, stream_days.channel, stream_days.depth_cm
            order by stream_days.date
            range between interval 1 day preceding and current row
        ),
        month as (
            partition by stream_days.device_id, stream_days.channel, stream_days.depth_cm
            order by stream_days.date
            range between interval 30 days preceding and current row
        )
),

device_days as (
    select
        device_id,
        date,
        min(soil_temperature_min_c) as soil_temperature_min_c,
    from stream_days
    group by device_id, date
)

select
    spans.device_id,
    spans.channel,
    spans.depth_cm,
    spans.date,
    coalesce(
        epoch(spans.two_days_to) - epoch(spans.two_days_from) >= 86400
        and spans.two_days_range < limits.stuck_share_of_field_capacity * coalesce(spans.field_capacity, 0.3)
        and coalesce(spans.two_days_temperature_range, spans.two_days_ec_range) is not null
        and coalesce(spans.two_days_temperature_range, 0) < limits.stuck_share_of_field_capacity
        and coalesce(spans.two_days_ec_range, 0) < limits.stuck_share_of_field_capacity,
        false
    ) as is_stuck_suspect,
    coalesce(
        epoch(spans.last_at) - epoch(spans.month_from) >= limits.stuck_days * 86400 and spans.month_range = 0,
        false
    ) as is_stuck,
    spans.soil_temperature_max_c - spans.soil_temperature_min_c as daily_swing_c,
    device_days.soil_temperature_min_c as device_temperature_min_c,
    coalesce(weather_days.has_air_frost, false) as has_air_frost,
    coalesce(battery_days.battery_v < coalesce(spans.battery_low_v, limits.battery_low_v), false) as has_low_battery,
    case
        when
            coalesce(spans.bound_at >= cast(getvariable('window_from') as timestamptz), true)
            then spans.first_in_soil_at
    end as first_in_soil_at,
from spans
cross join limits
left join device_days on spans.device_id = device_days.device_id and spans.date = device_days.date
left join weather_days on spans.date = weather_days.date
left join battery_days on spans.device_id = battery_days.device_id and spans.date = battery_days.date
