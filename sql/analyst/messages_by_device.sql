-- zh: 按设备自己的报文计数，每个设备每天发了多少条，其中入库、重复、拒收、不入表各多少，丢了多少？
-- en: How many messages did each device send on each day by its own count: stored, doubled, refused, left aside, lost?
with native as (
    select
        message_seq,
        received_at,
        date,
        outcome,
        split_part(topic, '/', 4) as device_id,
        try_cast(regexp_extract(cast(payload as varchar), '\\x22seq\\x22 *: *([0-9]+)', 1) as bigint) as device_seq,
        try_cast(
            regexp_extract(
                cast(payload as varchar),
                '\\x22(measured_at|reported_at)\\x22 *: *\\x22([0-9T:.-]+(Z|[+-][0-9][0-9]:[0-9][0-9]))\\x22',
                2
            ) as timestamptz
        ) as written_at,
    from raw_messages
    where regexp_full_match(topic, 'greensward/v1/[^/]+/[^/]+/(soil|state)')
),

rows_of_messages as (
    select
        message_seq,
        measured_at as said_at,
    from soil_readings
    union all
    select
        message_seq,
        measured_at as said_at,
    from weather_readings
    union all
    select
        message_seq,
        reported_at as said_at,
    from device_status
),

clocks as (
    select
        message_seq,
        max(said_at) as said_at,
    from rows_of_messages
    group by message_seq
),

counting as (
    select distinct device_id,
    from native
    where device_seq is not null
),

-- What came late, or came again, stands where the device's clock puts it: it fills its gap, and is no new start. Of a
-- message without a row only a time that can be true counts.
sent as (
    select
        native.device_id,
        native.date,
        native.outcome,
        native.device_seq,
        native.message_seq,
        native.received_at,
        coalesce(
            clocks.said_at,
            case
                when
                    native.written_at between native.received_at - interval 31 days
                    and native.received_at + interval 10 minutes
                    then native.written_at
            end,
            native.received_at
        ) as said_at,
    from native
    inner join counting on native.device_id = counting.device_id
    left join clocks on native.message_seq = clocks.message_seq
),

-- How long its messages take, by its own clock.
delays as (
    select
        device_id,
        median(epoch(received_at) - epoch(said_at)) as delay_s,
    from sent
    where device_seq is not null
    group by device_id
),

-- A message that was refused and whose number cannot be read came all the same: it is one of those that are missing
-- around the time when it was sent. One that was taken without a number, such as a bare last will, was never counted.
placed as (
    select
        sent.device_id,
        sent.date,
        sent.device_seq,
        sent.message_seq,
        case when sent.device_seq is null and sent.outcome = 'rejected' then 1 else 0 end as is_unread,
        case
            when sent.device_seq is not null then sent.said_at
            else sent.received_at - delays.delay_s * interval 1 second
        end as said_at,
    from sent
    inner join delays on sent.device_id = delays.device_id
),

counted as (
    select
        device_id,
        date,
        device_seq,
        message_seq,
        said_at,
        sum(is_unread) over (partition by device_id order by said_at, message_seq) as unread_so_far,
    from placed
),

ordered as (
    select
        counted.*,
        lag(counted.device_seq) over (
            partition by counted.device_id order by counted.said_at, counted.message_seq
        ) as device_seq_before,
    from counted
    where counted.device_seq is not null
),

-- A device that starts again counts from 0; when that one was lost, from far below.
runs as (
    select
        device_id,
        date,
        device_seq,
        unread_so_far,
        sum(case when device_seq < device_seq_before / 2 then 1 else 0 end)
            over (partition by device_id order by said_at, message_seq) as run,
    from ordered
),

numbers as (
    select
        device_id,
        run,
        device_seq,
        min(date) as date,
        min(unread_so_far) as unread_so_far,
    from runs
    group by device_id, run, device_seq
),

gaps as (
    select
        device_id,
        date,
        device_seq - lag(device_seq) over in_order - 1 as missing,
        unread_so_far - lag(unread_so_far) over in_order as unread,
    from numbers
    window in_order as (partition by device_id, run order by device_seq)
),

gaps_of_days as (
    select
        device_id,
        date,
        sum(greatest(missing - unread, 0)) as missing,
    from gaps
    group by device_id, date
),

came as (
    select
        device_id,
        date,
        count(case when outcome = 'stored' then 1 end) as stored,
        count(case when outcome = 'duplicate' then 1 end) as doubled,
        count(case when outcome = 'rejected' then 1 end) as refused,
        count(case when outcome = 'ignored' then 1 end) as left_aside,
    from sent
    group by device_id, date
),

accounts as (
    select
        came.device_id,
        came.date,
        came.stored,
        came.doubled,
        came.refused,
        came.left_aside,
        coalesce(gaps_of_days.missing, 0) as lost,
    from came
    left join gaps_of_days on came.device_id = gaps_of_days.device_id and came.date = gaps_of_days.date
)

select
    device_id,
    date,
    stored + doubled + refused + left_aside + lost as published,
    stored,
    doubled,
    refused,
    left_aside,
    lost,
from accounts
order by date desc, lost desc, device_id asc
