-- A sensing element as it stood in one plot, numbered so that what goes by the hour can count on short keys.
--
-- Grain: device, channel, depth and plot
-- As of: streams of the days of the window; all periods
-- Reads: stream_periods, staged_soil_layers
-- Feeds: staged_soil_readings, element_days, element_tops, hourly_breaks, unexplained_rises, outlying_hours,
--     stream_day_gates, spoken_gates, readings_hourly, unsteady_devices, rise_hours, depth_readings
-- Kept as: table
--
-- A probe that was moved is another element: the step between two soils is no jump. stream_id is the same for elements
-- that differ only in their plot. The numbers mean nothing outside of one evaluation. Saturation and field capacity are
-- those of the soil layer at the element's depth; without a depth, of the uppermost.
with numbered as (
    select
        stream_periods.device_id,
        stream_periods.channel,
        stream_periods.depth_cm,
        stream_periods.plot_id,
        cast(
            row_number() over (
                order by
                    stream_periods.device_id, stream_periods.channel, stream_periods.depth_cm, stream_periods.plot_id
            ) as integer
        ) as element_id,
    from stream_periods
    group by
        stream_periods.device_id,
        stream_periods.channel,
        stream_periods.depth_cm,
        stream_periods.plot_id
)

select
    numbered.device_id,
    numbered.channel,
    numbered.depth_cm,
    numbered.plot_id,
    numbered.element_id,
    min(numbered.element_id) over (
        partition by numbered.device_id, numbered.channel, numbered.depth_cm
    ) as stream_id,
    staged_soil_layers.saturation,
    staged_soil_layers.field_capacity,
from numbered
left join staged_soil_layers
    on
        numbered.plot_id = staged_soil_layers.plot_id
        and coalesce(numbered.depth_cm, 0) >= 100 * staged_soil_layers.top_m
        and coalesce(numbered.depth_cm, 0) < 100 * staged_soil_layers.bottom_m
