-- zh: 每个设备最后一次上报是什么时候？从没上报的也要列出。
-- en: When did each device report last, those that never did included?
--
-- Nearly every device has reported since yesterday, so that the files of these days answer for it. All history is
-- looked through for the others alone, and not at all where there are none.
with recent as (
    select
        device_id,
        max(measured_at) as measured_at,
    from (
        select
            date,
            device_id,
            measured_at,
        from soil_readings
        union all
        select
            date,
            device_id,
            measured_at,
        from weather_readings
    ) as readings
    where
        date >= cast(
            timezone(
                coalesce(getvariable('timezone'), 'UTC'), coalesce(getvariable('now'), timestamptz '2000-01-01')
            ) as date
        ) - 1
    group by device_id
),

quiet as (
    select devices_now.device_id,
    from devices_now
    left join recent on devices_now.device_id = recent.device_id
    where recent.device_id is null
),

instants as (
    select
        device_id,
        measured_at,
    from recent
    union all
    select
        readings.device_id,
        readings.measured_at,
    from (
        select
            device_id,
            measured_at,
        from soil_readings
        union all
        select
            device_id,
            measured_at,
        from weather_readings
    ) as readings
    inner join quiet on readings.device_id = quiet.device_id
)

select
    devices_now.device_id,
    devices_now.plot_id,
    max(instants.measured_at) as last_measured_at,
from devices_now
left join instants on devices_now.device_id = instants.device_id
group by devices_now.device_id, devices_now.plot_id
order by last_measured_at asc nulls first, devices_now.device_id asc
