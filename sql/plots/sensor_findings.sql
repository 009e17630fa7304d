-- The verdict on each device of a plot.
--
-- Grain: plot and device
-- As of: readings up to as_of
-- Reads: sensor_states, limits
-- Feeds: findings
--
-- Needs work means: somebody must go to the device; a stale one gets time to come back, a new one to be heard first.
select
    sensor_states.plot_id,
    'sensor' as cause,
    sensor_states.device_id,
    sensor_states.state,
    sensor_states.state in ('silent', 'no_data', 'sensor_fault') and sensor_states.reason_code <> 'sensor_new'
        as needs_work,
    case
        when sensor_states.reason_code = 'sensor_new' then 0
        when sensor_states.reason_code in ('sensor_part_fault', 'sensor_depth_missing') then 1
        when sensor_states.state in ('silent', 'no_data', 'sensor_fault') then 2
        when sensor_states.state = 'stale' then 1
        else 0
    end as severity,
    case
        when sensor_states.state in ('silent', 'stale') then sensor_states.last_reading_at
        when sensor_states.state = 'sensor_fault' then sensor_states.last_usable_at
    end as since,
    sensor_states.reason_code,
    cast(json_object(
        'hours', cast(round(coalesce(sensor_states.silent_hours, sensor_states.standing_hours)) as bigint),
        'days', cast(floor(sensor_states.standing_hours / 24) as bigint),
        'window_days', cast(limits.soil_window_days as bigint),
        'value_pct', round(100 * sensor_states.newest_water_content, 1),
        'stuck_days', cast(limits.stuck_days as bigint),
        'device_id', sensor_states.device_id,
        'depths_cm', replace(replace(replace(
            case
                when sensor_states.reason_code = 'sensor_depth_missing' then sensor_states.missing_depth_list
                else sensor_states.dead_depth_list
            end, '.0', ''
        ), ' ', ''), ',', '/')
    ) as varchar) as reason_params_json,
    round(sensor_states.silent_hours, 3) as value,
    case
        when sensor_states.state = 'silent' then sensor_states.silent_after_hours
        else sensor_states.stale_after_hours
    end as line,
    'h' as unit,
    case when sensor_states.state = 'no_data' then null else 'high' end as confidence,
    coalesce(sensor_states.last_reading_at, sensor_states.last_any_at) as data_at,
    'sensor.heartbeat' as rule_id,
    cast(json_object(
        'model', sensor_states.model,
        'depths_cm', sensor_states.depths_cm,
        'interval_s', sensor_states.interval_s,
        'readings', sensor_states.readings,
        'usable_readings', sensor_states.usable_readings + sensor_states.usable_potentials,
        'quarantined_readings', sensor_states.quarantined_readings,
        'last_reading_epoch_s', epoch(sensor_states.last_reading_at),
        'last_usable_epoch_s', epoch(sensor_states.last_usable_at),
        'silent_hours', round(sensor_states.silent_hours, 3),
        'stale_after_hours', sensor_states.stale_after_hours,
        'silent_after_hours', sensor_states.silent_after_hours,
        'newest_water_content', sensor_states.newest_water_content
    ) as varchar) as inputs_json,
from sensor_states
cross join limits
