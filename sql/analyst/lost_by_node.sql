-- zh: 每个 Sparkplug 节点每天丢了多少条报文？没丢的也要列出。
-- en: How many messages of each Sparkplug node were lost on each day, days without loss included?
--
-- Days are left out of which the refused messages, or what devices said, were deleted by rule: nobody knows any more.
with kept as (
    select coalesce(max(kept_from_date), date '0001-01-01') as from_date,
    from retention
    where table_name in ('device_status', 'rejected')
),

nodes as (
    select distinct group_id || '.' || node_id as node_id,
    from sparkplug_births
),

-- A node numbers its messages 0 to 255 and 0 again, those of its devices too; its birth begins anew.
numbered as (
    select
        nodes.node_id,
        device_status.message_seq,
        min(device_status.date) as date,
        max(device_status.device_seq) as device_seq,
        max(case when device_status.device_id = nodes.node_id and device_status.state = 'online' then 1 else 0 end)
            as is_birth,
        0 as is_refused,
    from device_status
    inner join nodes
        on
            device_status.device_id = nodes.node_id
            or starts_with(device_status.device_id, nodes.node_id || '.')
    where device_status.device_seq is not null
    group by nodes.node_id, device_status.message_seq
),

-- A message that was refused as a whole came all the same.
refused as (
    select distinct
        nodes.node_id,
        rejected.message_seq,
        rejected.date,
        cast(null as bigint) as device_seq,
        0 as is_birth,
        1 as is_refused,
    from rejected
    inner join nodes
        on rejected.device_id = nodes.node_id or starts_with(rejected.device_id, nodes.node_id || '.')
    where rejected.scope = 'message'
),

heard as (
    select
        node_id,
        message_seq,
        date,
        device_seq,
        is_birth,
        is_refused,
    from numbered
    union all
    select
        node_id,
        message_seq,
        date,
        device_seq,
        is_birth,
        is_refused,
    from refused
),

counted as (
    select
        heard.node_id,
        heard.message_seq,
        heard.date,
        heard.device_seq,
        heard.is_birth,
        heard.is_refused,
        sum(heard.is_refused) over (partition by heard.node_id order by heard.message_seq) as refused_so_far,
    from heard
    cross join kept
    where heard.date >= kept.from_date
),

steps as (
    select
        node_id,
        date,
        is_birth,
        device_seq - lag(device_seq) over (partition by node_id order by message_seq) as step,
        refused_so_far - lag(refused_so_far) over (partition by node_id order by message_seq) as refused_between,
    from counted
    where is_refused = 0
)

select
    node_id,
    date,
    count(*) as messages,
    sum(
        case
            when is_birth = 1 or step is null or step = 0 then 0
            else greatest((step - 1 + 256) % 256 - refused_between, 0)
        end
    ) as lost,
from steps
group by node_id, date
order by date desc, lost desc, node_id asc
