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
    from raw_messages
    where topic like 'greensward/v1/%/%/soil' or topic like 'greensward/v1/%/%/state'
),

-- What came late stands where the device's clock puts it, so that it fills its gap.
clocks as (
    select
        message_seq,
        max(measured_at) as said_at,
    from soil_readings
    group by message_seq
),

counting as (
    select distinct device_id,
    from native
    where device_seq is not null
),

sent as (
    select
        native.device_id,
        native.date,
        native.outcome,
        native.device_seq,
        native.message_seq,
        coalesce(clocks.said_at, native.received_at) as said_at,
    from native
    inner join counting on native.device_id = counting.device_id
    left join clocks on native.message_seq = clocks.message_seq
),

stored_numbers as (
    select distinct
        device_id,
        device_seq,
    from sent
    where outcome = 'stored' and device_seq is not null
),

-- A message that came twice stands where it came first.
ordered as (
    select
        sent.device_id,
        sent.date,
        sent.device_seq,
        sent.message_seq,
        sent.said_at,
        lag(sent.device_seq) over (
            partition by sent.device_id order by sent.said_at, sent.message_seq
        ) as device_seq_before,
    from sent
    left join stored_numbers
        on sent.device_id = stored_numbers.device_id and sent.device_seq = stored_numbers.device_seq
    where
        sent.device_seq is not null
        and (sent.outcome = 'stored' or stored_numbers.device_seq is null)
),

-- A device that starts again counts from 0; when that one was lost, from far below.
runs as (
    select
        device_id,
        date,
        device_seq,
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
    from runs
    group by device_id, run, device_seq
),

gaps as (
    select
        device_id,
        date,
        device_seq - lag(device_seq) over (partition by device_id, run order by device_seq) - 1 as missing,
    from numbers
),

gaps_of_days as (
    select
        device_id,
        date,
        sum(missing) as missing,
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
        count(case when device_seq is null then 1 end) as without_number,
    from sent
    group by device_id, date
),

-- A message whose number cannot be read came all the same: it was one of the missing.
accounts as (
    select
        came.device_id,
        came.date,
        came.stored,
        came.doubled,
        came.refused,
        came.left_aside,
        greatest(coalesce(gaps_of_days.missing, 0) - came.without_number, 0) as lost,
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
