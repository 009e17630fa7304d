-- How each device of a plot is at the instant of the evaluation.
--
-- Grain: device that stands in a plot at as_of
-- As of: readings up to as_of, of the window
-- Reads: staged_devices, staged_plots, readings, staged_weather_readings, device_cadences, limits
-- Feeds: sensor_findings, drought_findings
-- Kept as: table
--
-- New: stands for less than first_heard_hours and was not heard yet. Never heard: stands for longer, but only since
-- a day of the window. Silent, stale: no reading at all for silent_hours, for max(stale_intervals x interval,
-- stale_hours). Sensor fault: readings come, none is usable for that long, or the device lies in the air; or one of
-- its elements gives nothing usable for that long while others do, and then the plot is still judged by these
-- (can_be_judged). A silent sensor is never ok. Only a weather station is well without water readings: it sends
-- weather, no soil rows, and has no depths. Frozen: the newest reading is in frozen soil, and so are
-- frozen_day_share of an element's readings of the 24 h before it. A depth that a device named once is no element of
-- it: one still sends, or has sent a day's worth.
with soil_of_devices as (
    select
        readings.device_id,
        max(case when not readings.is_quarantined then readings.measured_at end) as last_reading_at,
        max(case when readings.is_evidence or readings.is_potential_usable then readings.measured_at end)
            as last_usable_at,
        min(case when readings.is_evidence or readings.is_potential_usable then readings.measured_at end)
            as first_usable_at,
        max(case when readings.is_d01_frozen and not readings.is_quarantined then readings.measured_at end)
            as last_frozen_at,
        max(case when readings.is_a1_in_air then readings.measured_at end) as last_in_air_at,
        min(case when readings.is_a1_in_air then readings.measured_at end) as first_in_air_at,
        max(case when readings.is_s2_stuck then readings.measured_at end) as last_stuck_at,
        max(case when readings.is_d09_low_plateau then readings.measured_at end) as last_low_plateau_at,
        max(case when readings.is_b1_battery then readings.measured_at end) as last_battery_at,
        max(readings.measured_at) as last_any_at,
        max_by(
            readings.volumetric_water_content,
            case
                when readings.volumetric_water_content is not null
                    then epoch(readings.measured_at) - 1e-4 * coalesce(readings.depth_cm, 0) - 1e-5 * readings.channel
            end
        ) as newest_water_content,
        count(*) as readings,
        count(case when readings.is_quarantined then 1 end) as quarantined_readings,
        count(case when readings.is_evidence then 1 end) as usable_readings,
        count(case when readings.is_potential_usable then 1 end) as usable_potentials,
        count(readings.volumetric_water_content) + count(readings.matric_potential_kpa) as water_readings,
        count(
            case
                when (readings.is_evidence or readings.is_potential_usable) and readings.depth_cm > 0 then 1
            end
        ) as usable_with_depth,
    from readings
    group by readings.device_id
),

newest_readings as (
    select
        device_id,
        max(measured_at) as last_reading_at,
    from readings
    where not is_quarantined
    group by device_id
),

last_days_of_elements as (
    select
        readings.device_id,
        readings.channel,
        readings.depth_cm,
        count(case when readings.is_d01_frozen then 1 end) / count(*) as frozen_share,
    from readings
    inner join newest_readings on readings.device_id = newest_readings.device_id
    where
        not readings.is_quarantined
        and epoch(newest_readings.last_reading_at) - epoch(readings.measured_at) < 86400
    group by readings.device_id, readings.channel, readings.depth_cm
),

frost_of_devices as (
    select
        device_id,
        max(frozen_share) as frozen_share,
    from last_days_of_elements
    group by device_id
),

elements as (
    select
        device_id,
        channel,
        depth_cm,
        count(*) as water_readings,
        max(measured_at) as last_water_at,
        max(case when is_evidence or is_potential_usable or is_d01_frozen then measured_at end) as last_good_at,
    from readings
    where
        not is_quarantined
        and depth_cm is not null
        and (volumetric_water_content is not null or matric_potential_kpa is not null)
    group by device_id, channel, depth_cm
),

weather_of_devices as (
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
        cast(getvariable('as_of') as timestamptz) as as_of,
        soil_of_devices.first_usable_at,
        soil_of_devices.last_usable_at,
        soil_of_devices.last_frozen_at = soil_of_devices.last_reading_at
        and frost_of_devices.frozen_share >= limits.frozen_day_share as is_frozen,
        soil_of_devices.last_in_air_at,
        soil_of_devices.first_in_air_at,
        soil_of_devices.last_stuck_at,
        soil_of_devices.last_low_plateau_at,
        soil_of_devices.last_battery_at,
        soil_of_devices.newest_water_content,
        coalesce(soil_of_devices.readings, 0) as readings,
        coalesce(soil_of_devices.quarantined_readings, 0) as quarantined_readings,
        coalesce(soil_of_devices.usable_readings, 0) as usable_readings,
        coalesce(soil_of_devices.usable_potentials, 0) as usable_potentials,
        coalesce(soil_of_devices.water_readings, 0) as water_readings,
        coalesce(soil_of_devices.usable_with_depth, 0) as usable_with_depth,
        soil_of_devices.last_reading_at as last_soil_at,
        case
            when soil_of_devices.last_reading_at is null then weather_of_devices.last_reading_at
            when weather_of_devices.last_reading_at is null then soil_of_devices.last_reading_at
            else greatest(soil_of_devices.last_reading_at, weather_of_devices.last_reading_at)
        end as last_reading_at,
        soil_of_devices.last_any_at,
        weather_of_devices.last_reading_at is not null
        and soil_of_devices.device_id is null
        and staged_devices.depths_cm is null as is_weather_station,
    from staged_devices
    inner join staged_plots on staged_devices.plot_id = staged_plots.plot_id
    cross join limits
    left join soil_of_devices on staged_devices.device_id = soil_of_devices.device_id
    left join frost_of_devices on staged_devices.device_id = frost_of_devices.device_id
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
            array_sort(array_agg(printf('%5.1f', elements.depth_cm))), ','
        ) as dead_depth_list,
    from aged
    cross join limits
    inner join elements on aged.device_id = elements.device_id and aged.valid_from <= elements.last_water_at
    where
        (
            elements.last_good_at is null
            or (epoch(aged.as_of) - epoch(elements.last_good_at)) / 3600 >= aged.stale_after_hours
        )
        and (
            (epoch(aged.as_of) - epoch(elements.last_water_at)) / 3600 < aged.stale_after_hours
            or elements.water_readings >= limits.daily_completeness * 86400 / aged.interval_s
        )
    group by aged.device_id
),

judged as (
    select
        aged.*,
        dead_elements.dead_depth_list,
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
                then case when dead_elements.device_id is not null then 'sensor_part_fault' else 'sensor_ok' end
            when aged.last_battery_at = aged.last_soil_at then 'sensor_battery'
            when aged.last_stuck_at = aged.last_soil_at then 'sensor_stuck'
            when aged.last_low_plateau_at = aged.last_soil_at then 'sensor_low_plateau'
            when aged.water_readings = 0 then 'sensor_no_water'
            when aged.newest_water_content is null then 'sensor_unusable'
            else 'sensor_out_of_range'
        end as reason_code,
    from aged
    left join dead_elements on aged.device_id = dead_elements.device_id
)

select
    judged.*,
    judged.reason_code in ('sensor_ok', 'sensor_part_fault') as can_be_judged,
    case
        when judged.reason_code in ('sensor_no_data', 'sensor_silent', 'sensor_stale', 'sensor_ok', 'sensor_frozen')
            then replace(judged.reason_code, 'sensor_', '')
        when judged.reason_code in ('sensor_new', 'sensor_never_heard') then 'no_data'
        else 'sensor_fault'
    end as state,
from judged
