-- The lowest battery voltage that a device reported on a local day, or on the newest day before on which it did.
--
-- Grain: device and day
-- As of: reported_at up to as_of; days of the window only
-- Reads: device_status, limits
-- Feeds: stream_day_gates
--
-- Many devices tell of their battery every few days only: what one told holds until it tells again, for
-- battery_told_days at most.
with told_days as (
    select
        device_status.device_id,
        device_status.date,
        min(device_status.battery_v) as battery_v,
    from device_status
    where
        device_status.date between coalesce(getvariable('window_from'), date '0001-01-01')
        and coalesce(getvariable('window_to'), date '9999-12-31')
        and device_status.reported_at <= coalesce(getvariable('as_of'), timestamptz 'infinity')
        and device_status.battery_v > 0
    group by device_status.device_id, device_status.date
),

holding_days as (
    select
        told_days.*,
        cast(limits.battery_told_days as integer) as most_days,
        lead(told_days.date) over (partition by told_days.device_id order by told_days.date) - told_days.date as days,
    from told_days
    cross join limits
)

select
    device_id,
    date,
    battery_v,
from told_days
union all
select
    device_id,
    date + cast(unnest(generate_series(1, least(days - 1, most_days))) as integer) as date,
    battery_v,
from holding_days
where coalesce(days, 2) > 1
