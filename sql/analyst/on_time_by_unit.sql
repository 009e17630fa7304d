-- zh: 各责任单位每月结案的问题里，有多少是按期完成的？最迟的晚了多少小时？
-- en: Of the issues that were worked on and closed, how many did each responsible unit do on time, month by month?
with closings as (
    select
        issue_id,
        plot_id,
        happened_at,
        date,
    from issue_events
    where kind = 'closed'
),

works as (
    select
        closings.issue_id,
        closings.happened_at,
        max(closings.plot_id) as plot_id,
        max(closings.date) as date,
        max(
            case when issue_events.kind in ('reopened', 'cannot_do') then issue_events.happened_at end
        ) as not_done_at,
        max(case when issue_events.kind in ('done', 'false_alarm') then issue_events.happened_at end) as done_at,
        max_by(
            cast(json_extract_string(issue_events.detail_json, '$.due_at') as timestamptz),
            case
                when json_extract_string(issue_events.detail_json, '$.due_at') is not null
                    then concat(
                        cast(epoch(issue_events.happened_at) as bigint), lpad(issue_events.event_id, 40, '0')
                    )
            end
        ) as due_at,
    from closings
    inner join issue_events
        on closings.issue_id = issue_events.issue_id and closings.happened_at >= issue_events.happened_at
    group by closings.issue_id, closings.happened_at
)

select
    coalesce(plots_now.responsible_unit, '') as responsible_unit,
    cast(date_trunc('month', works.date) as date) as month,
    count(*) as closed,
    count(case when works.done_at <= works.due_at then 1 end) as on_time,
    round(100.0 * count(case when works.done_at <= works.due_at then 1 end) / count(*), 1) as on_time_pct,
    round(greatest(max(epoch(works.done_at) - epoch(works.due_at)), 0) / 3600, 1) as latest_by_h,
from works
left join plots_now on works.plot_id = plots_now.plot_id
where works.done_at is not null and (works.not_done_at is null or works.done_at > works.not_done_at)
group by coalesce(plots_now.responsible_unit, ''), date_trunc('month', works.date)
order by month desc, responsible_unit asc
