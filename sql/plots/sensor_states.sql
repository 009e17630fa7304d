-- How each device of a plot is at the instant of the evaluation.
--
-- Grain: device that stands in a plot at as_of
-- As of: readings up to as_of, of the window
-- Reads: staged_devices, staged_plots, device_readings, element_readings, staged_weather_readings, device_cadences,
--     limits
-- Feeds: sensor_findings, drought_findings, peer_estimates
-- Kept as: table
--
-- New: stands for less than first_heard_hours and was not heard yet. Never heard: stands for longer, but only since
-- a day of the window. Silent, stale: no reading at all for silent_hours, for max(stale_intervals x interval,
-- stale_hours). Sensor fault: readings come, none is usable for that long, or the device lies in the air; or one of
-- its elements gives nothing usable for that long while others do, and then the plot is still judged by these
-- (can_be_judged). A silent sensor is never ok. Only a weather station is well without water readings: it sends
-- weather, no soil rows, and has no depths. Frozen: the newest reading is in frozen soil, and so are
-- frozen_day_share of an element's readings of the 24 h before it. A depth that a device named once is no element of
-- it: one still sends, or has sent a day's worth. Missing depths: those that the register names and that sent neither
-- water content nor potential since the device stands here, while others have done so for that long.
with weather_of_devices as (
    select
        device_id,
        max(measured_at) as last_reading_at,
    from staged_weather_readings
    group by device_id
),

standing as (
    select
        staged_devices.device_id,
        staged_devices.model,
        staged_devices.plot_id,
        staged_devices.valid_from,
        staged_devices.depths_cm,
        coalesce(staged_devices.report_interval_s, device_cadences.interval_s, limits.default_interval_s)
            as interval_s,
        coalesce(staged_devices.report_interval_s, device_cadences.step_s, limits.default_interval_s) as step_s,
        cast(getvariable('as_of') as timestamptz) as as_of,
        device_readings.first_usable_at,
        device_readings.last_usable_at,
        device_readings.last_frozen_at = device_readings.last_reading_at
        and device_readings.frozen_share >= limits.frozen_day_share as is_frozen,
        device_readings.last_in_air_at,
        device_readings.first_in_air_at,
        device_readings.last_stuck_at,
        device_readings.last_low_plateau_at,
        device_readings.last_battery_at,
        device_readings.newest_water_content,
        coalesce(device_readings.readings, 0) as readings,
        coalesce(device_readings.quarantined_readings, 0) as quarantined_readings,
        coalesce(device_readings.usable_readings, 0) as usable_readings,
        coalesce(device_readings.usable_potentials, 0) as usable_potentials,
        coalesce(device_readings.water_readings, 0) as water_readings,
        coalesce(device_readings.usable_with_depth, 0) as usable_with_depth,
        device_readings.last_reading_at as last_soil_at,
        case
            when device_readings.last_reading_at is null then weather_of_devices.last_reading_at
            when weather_of_devices.last_reading_at is null then device_readings.last_reading_at
            else greatest(device_readings.last_reading_at, weather_of_devices.last_reading_at)
        end as last_reading_at,
        device_readings.last_any_at,
        weather_of_devices.last_reading_at is not null
        and device_readings.device_id is null
        and staged_devices.depths_cm is null as is_weather_station,
    from staged_devices
    inner join staged_plots on staged_devices.plot_id = staged_plots.plot_id
    cross join limits
    left join device_readings on staged_devices.device_id = device_readings.device_id
    left join weather_of_devices on staged_devices.device_id = weather_of_devices.device_id
    left join device_cadences on staged_devices.device_id = device_cadences.device_id
    where
        staged_devices.valid_from <= getvariable('as_of')
        and staged_devices.valid_until > getvariable('as_of')
),

aged as (
    select
        standing.*,
        (epoch(standing.as_of) - epoch(standing.valid_from)) / 3600 as standing_hours,
        (epoch(standing.as_of) - epoch(standing.last_reading_at)) / 3600 as silent_hours,
        (epoch(standing.as_of) - epoch(standing.last_usable_at)) / 3600 as unusable_hours,
        greatest(limits.stale_intervals * standing.interval_s / 3600, limits.stale_hours) as stale_after_hours,
        limits.silent_hours as silent_after_hours,
        limits.first_heard_hours,
        limits.soil_window_days,
        coalesce(
            standing.last_in_air_at = standing.last_reading_at
            and epoch(standing.last_in_air_at)
            - epoch(coalesce(standing.last_usable_at, standing.first_in_air_at)) >= limits.in_air_hours * 3600,
            false
        ) as is_in_air,
    from standing
    cross join limits
),

dead_elements as (
    select
        aged.device_id,
        array_to_string(
            array_sort(array_agg(printf('%5.1f', element_readings.depth_cm))), ','
        ) as dead_depth_list,
    from aged
    cross join limits
    inner join element_readings
        on aged.device_id = element_readings.device_id and aged.valid_from <= element_readings.last_water_at
    where
        (
            element_readings.last_good_at is null
            or (epoch(aged.as_of) - epoch(element_readings.last_good_at)) / 3600 >= aged.stale_after_hours
        )
        and (
            (epoch(aged.as_of) - epoch(element_readings.last_water_at)) / 3600 < aged.stale_after_hours
            or element_readings.water_readings >= limits.daily_completeness * 86400 / aged.step_s
        )
    group by aged.device_id
),

elements_here as (
    select
        aged.device_id,
        element_readings.depth_cm,
        element_readings.first_water_at,
    from aged
    inner join element_readings
        on aged.device_id = element_readings.device_id and aged.valid_from <= element_readings.last_water_at
),

registered_depths as (
    select
        device_id,
        unnest(depths_cm) as depth_cm,
    from aged
    where depths_cm is not null
),

first_waters as (
    select
        device_id,
        min(first_water_at) as first_water_at,
    from elements_here
    group by device_id
),

missing_depths as (
    select
        registered_depths.device_id,
        array_to_string(
            array_sort(array_agg(printf('%5.1f', registered_depths.depth_cm))), ','
        ) as missing_depth_list,
    from registered_depths
    inner join aged on registered_depths.device_id = aged.device_id
    inner join first_waters on registered_depths.device_id = first_waters.device_id
    left join elements_here
        on
            registered_depths.device_id = elements_here.device_id
            and registered_depths.depth_cm = elements_here.depth_cm
    where
        elements_here.device_id is null
        and (
            epoch(aged.as_of) - greatest(epoch(first_waters.first_water_at), epoch(aged.valid_from))
        ) / 3600 >= aged.stale_after_hours
    group by registered_depths.device_id
),

judged as (
    select
        aged.*,
        dead_elements.dead_depth_list,
        missing_depths.missing_depth_list,
        case
            when aged.last_reading_at is null and aged.quarantined_readings > 0 then 'sensor_quarantined'
            when aged.last_reading_at is null and aged.standing_hours < aged.first_heard_hours then 'sensor_new'
            when aged.last_reading_at is null and aged.standing_hours < aged.soil_window_days * 24
                then 'sensor_never_heard'
            when aged.last_reading_at is null then 'sensor_no_data'
            when aged.silent_hours >= greatest(aged.silent_after_hours, aged.stale_after_hours) then 'sensor_silent'
            when aged.silent_hours >= aged.stale_after_hours then 'sensor_stale'
            when aged.is_weather_station then 'sensor_ok'
            when aged.is_frozen then 'sensor_frozen'
            when aged.is_in_air then 'sensor_in_air'
            when aged.last_usable_at is not null and aged.unusable_hours < aged.stale_after_hours
                then
                    case
                        when dead_elements.device_id is not null then 'sensor_part_fault'
                        when missing_depths.device_id is not null then 'sensor_depth_missing'
                        else 'sensor_ok'
                    end
            when aged.last_battery_at = aged.last_soil_at then 'sensor_battery'
            when aged.last_stuck_at = aged.last_soil_at then 'sensor_stuck'
            when aged.last_low_plateau_at = aged.last_soil_at then 'sensor_low_plateau'
            when aged.water_readings = 0 then 'sensor_no_water'
            when aged.newest_water_content is null then 'sensor_unusable'
            else 'sensor_out_of_range'
        end as reason_code,
    from aged
    left join dead_elements on aged.device_id = dead_elements.device_id
    left join missing_depths on aged.device_id = missing_depths.device_id
)

select
    judged.*,
    judged.reason_code in ('sensor_ok', 'sensor_part_fault', 'sensor_depth_missing') as can_be_judged,
    case
        when judged.reason_code in ('sensor_no_data', 'sensor_silent', 'sensor_stale', 'sensor_ok', 'sensor_frozen')
            then replace(judged.reason_code, 'sensor_', '')
        when judged.reason_code in ('sensor_new', 'sensor_never_heard') then 'no_data'
        else 'sensor_fault'
    end as state,
from judged
