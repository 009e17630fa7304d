-- A soil reading with the verdict of every gate.
--
-- Grain: device, channel, depth and instant
-- As of: readings up to as_of
-- Reads: staged_soil_readings, stream_day_gates, hourly_gates, frost_neighbours, limits
-- Feeds: readings_hourly, device_reading_parts, element_reading_parts
-- Kept as: table
--
-- Usable means: water content is there and no blocking gate speaks. The gates are those of docs/glossary.md.
-- What the gates of the hourly grid say of an hour holds for each of its readings; they need hourly
-- neighbours, so that a device that reports less often than hourly never meets them. D04, D08 and the suspects inform
-- only. Evidence means: usable, or kept from it by D10 alone. A plateau at the top may be clipped, but it
-- does say how wet the soil is at least, and a watering must not vanish because the soil took it in well. Where an
-- evaluation continues after closed days, the last of them is judged again only for devices that are silent today: of
-- these the newest reading may be of yesterday, and what was frozen in the 24 h before it counts.
with devices_of_today as (
    select distinct device_id,
    from staged_soil_readings
    where date > cast(getvariable('continued_from') as date) + 1 and quarantine is null
),

gated as (
    select
        staged_soil_readings.element_id,
        staged_soil_readings.hour,
        staged_soil_readings.device_id,
        staged_soil_readings.channel,
        staged_soil_readings.depth_cm,
        staged_soil_readings.plot_id,
        staged_soil_readings.measured_at,
        staged_soil_readings.date,
        staged_soil_readings.volumetric_water_content,
        staged_soil_readings.soil_temperature_c,
        staged_soil_readings.bulk_ec_ds_m,
        staged_soil_readings.matric_potential_kpa,
        staged_soil_readings.quarantine,
        staged_soil_readings.received_at,
        staged_soil_readings.report_interval_s,
        staged_soil_readings.quarantine is not null as is_quarantined,
        coalesce(staged_soil_readings.volumetric_water_content < 0, false) as is_c01_negative,
        coalesce(staged_soil_readings.volumetric_water_content > limits.water_content_max, false) as is_c02_too_high,
        coalesce(staged_soil_readings.volumetric_water_content = 0, false) as is_z0_zero,
        coalesce(
            round(
                staged_soil_readings.volumetric_water_content
                - staged_soil_readings.saturation
                - limits.saturation_slack,
                9
            ) > 0,
            false
        ) as is_c03_above_saturation,
        coalesce(staged_soil_readings.soil_temperature_c < limits.frozen_below_c, false)
        or frost_neighbours.stream_id is not null
        or (
            staged_soil_readings.soil_temperature_c is null
            and coalesce(stream_day_gates.has_frost_nearby, false)
        ) as is_d01_frozen,
        coalesce(hourly_gates.is_d04_watering, false) as is_d04_watering,
        coalesce(hourly_gates.is_d06_spike, false) as is_d06_spike,
        coalesce(hourly_gates.is_d07_drop, false) as is_d07_drop,
        coalesce(hourly_gates.is_d08_jump, false) as is_d08_jump,
        coalesce(hourly_gates.is_d09_low_plateau, false) as is_d09_low_plateau,
        coalesce(hourly_gates.is_d10_high_plateau, false) as is_d10_high_plateau,
        coalesce(hourly_gates.is_s1_suspect, false) as is_s1_suspect,
        coalesce(hourly_gates.is_s1_fall, false) as is_s1_fall,
        coalesce(stream_day_gates.is_stuck_suspect, false) as is_s2_suspect,
        coalesce(stream_day_gates.is_stuck, false) as is_s2_stuck,
        coalesce(hourly_gates.is_s3_outlier, false) as is_s3_outlier,
        coalesce(
            staged_soil_readings.volumetric_water_content <= limits.in_air_water_content
            and (
                staged_soil_readings.bulk_ec_ds_m <= limits.in_air_ec_ds_m
                or (
                    staged_soil_readings.bulk_ec_ds_m is null
                    and stream_day_gates.daily_swing_c >= limits.in_air_swing_c
                )
            ),
            false
        ) as is_a1_in_air,
        coalesce(
            staged_soil_readings.measured_at >= stream_day_gates.first_in_soil_at
            and staged_soil_readings.measured_at
            < stream_day_gates.first_in_soil_at + to_seconds(limits.settling_hours * 3600),
            false
        ) as is_a2_settling,
        coalesce(stream_day_gates.has_low_battery, false) as is_b1_suspect,
        coalesce(
            stream_day_gates.has_low_battery
            and staged_soil_readings.volumetric_water_content <= limits.fall_to_zero_water_content,
            false
        ) as is_b1_battery,
        coalesce(staged_soil_readings.bulk_ec_ds_m > limits.saline_ec_ds_m, false) as is_e1_saline,
    from staged_soil_readings
    cross join limits
    left join stream_day_gates
        on
            staged_soil_readings.stream_id = stream_day_gates.stream_id
            and staged_soil_readings.date = stream_day_gates.date
    left join hourly_gates
        on
            staged_soil_readings.element_id = hourly_gates.element_id
            and staged_soil_readings.hour = hourly_gates.hour
    left join frost_neighbours
        on
            staged_soil_readings.stream_id = frost_neighbours.stream_id
            and staged_soil_readings.measured_at = frost_neighbours.measured_at
    left join devices_of_today on staged_soil_readings.device_id = devices_of_today.device_id
    where
        staged_soil_readings.date > coalesce(getvariable('continued_from'), date '0001-01-01')
        or devices_of_today.device_id is null
),

judged as (
    select
        gated.*,
        gated.volumetric_water_content is not null
        and not (
            gated.is_quarantined
            or gated.is_c01_negative
            or gated.is_c02_too_high
            or gated.is_z0_zero
            or gated.is_c03_above_saturation
            or gated.is_d01_frozen
            or gated.is_d06_spike
            or gated.is_d07_drop
            or gated.is_d09_low_plateau
            or gated.is_s1_fall
            or gated.is_s2_stuck
            or gated.is_a1_in_air
            or gated.is_b1_battery
        ) as is_evidence,
    from gated
)

select
    judged.*,
    judged.is_evidence and not judged.is_d10_high_plateau as is_usable,
    judged.matric_potential_kpa is not null
    and judged.matric_potential_kpa <= 0
    and not judged.is_quarantined
    and not judged.is_d01_frozen as is_potential_usable,
from judged
