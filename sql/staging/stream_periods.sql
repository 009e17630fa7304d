-- Where each stream of readings came from, and when: a stream is what one element of a device sends under one name.
--
-- Grain: device, channel, depth in the message, and period
-- As of: streams of the days of the window; all periods
-- Reads: soil_readings, staged_devices
-- Feeds: elements, staged_soil_readings
-- Kept as: table
--
-- channel is 0 where the message names the depth itself. Periods leave no gap: one that no register row covers has no
-- plot, and a depth only where the message has one.
with streams as (
    select distinct
        soil_readings.device_id,
        coalesce(soil_readings.channel, 0) as channel,
        soil_readings.depth_cm as message_depth_cm,
    from soil_readings
    where
        soil_readings.date between coalesce(getvariable('window_from'), date '0001-01-01')
        and coalesce(getvariable('window_to'), date '9999-12-31')
),

bounds as (
    select
        staged_devices.device_id,
        staged_devices.valid_from,
        staged_devices.valid_until,
        coalesce(
            lag(staged_devices.valid_until) over by_time,
            timestamptz '-infinity'
        ) as free_from,
        lead(staged_devices.valid_from) over by_time is null as is_last,
    from staged_devices
    window by_time as (partition by staged_devices.device_id order by staged_devices.valid_from)
),

unplaced as (
    select
        device_id,
        free_from as valid_from,
        valid_from as valid_until,
    from bounds
    where free_from < valid_from
    union all
    select
        device_id,
        valid_until as valid_from,
        timestamptz 'infinity' as valid_until,
    from bounds
    where is_last and valid_until < timestamptz 'infinity'
    union all
    select distinct
        streams.device_id,
        timestamptz '-infinity' as valid_from,
        timestamptz 'infinity' as valid_until,
    from streams
    left join staged_devices on streams.device_id = staged_devices.device_id
    where staged_devices.device_id is null
)

select
    streams.device_id,
    streams.channel,
    streams.message_depth_cm,
    staged_devices.valid_from,
    staged_devices.valid_until,
    coalesce(
        streams.message_depth_cm, list_extract(staged_devices.depths_cm, greatest(streams.channel, 1))
    ) as depth_cm,
    staged_devices.plot_id,
    staged_devices.report_interval_s,
    staged_devices.battery_low_v,
    staged_devices.valid_from as bound_at,
from streams
inner join staged_devices on streams.device_id = staged_devices.device_id
where staged_devices.valid_from < staged_devices.valid_until
union all
select
    streams.device_id,
    streams.channel,
    streams.message_depth_cm,
    unplaced.valid_from,
    unplaced.valid_until,
    streams.message_depth_cm as depth_cm,
    null as plot_id,
    null as report_interval_s,
    null as battery_low_v,
    null as bound_at,
from streams
inner join unplaced on streams.device_id = unplaced.device_id
