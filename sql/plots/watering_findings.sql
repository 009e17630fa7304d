-- What is to be told of the water that came to a plot, or did not.
--
-- Grain: plot with a report of water that can be checked, or with water that nobody ordered
-- As of: as_of
-- Reads: watering_checks, wetting_events, issue_events, water_causes, limits
-- Feeds: findings
-- Kept as: table
--
-- Sends no crew by itself. The newest check by which the ledger has to decide speaks, whatever other work brought
-- since: nobody has checked that report yet (it is the newest of done, reopened, closed and void of its issue, and of
-- several visits the last), its issue asks for water, and the probes show that it came, came in part, did not, or came
-- before a report that was late. Else
-- the newer of the newest check and the newest unplanned event of the last unplanned_told_days speaks: a pipe may leak
-- days after the crew was there.
with decisions as (
    select
        issue_id,
        max(happened_at) as decided_at,
    from issue_events
    where
        date between cast(getvariable('window_from') as date) and cast(getvariable('window_to') as date)
        and happened_at <= cast(getvariable('as_of') as timestamptz)
        and kind in ('done', 'reopened', 'closed', 'void')
        and not coalesce(
            cast(json_extract_string(detail_json, '$.visit') as double)
            < cast(json_extract_string(detail_json, '$.visits') as double), false
        )
    group by issue_id
),

checks as (
    select
        watering_checks.*,
        watering_checks.state in ('verified', 'partial', 'ineffective', 'reported_late')
        and watering_checks.reported_at = decisions.decided_at
        and water_causes.cause is not null as is_to_decide,
    from watering_checks
    left join decisions on watering_checks.issue_id = decisions.issue_id
    left join water_causes on watering_checks.cause = water_causes.cause
),

ranked_checks as (
    select
        checks.*,
        row_number() over (
            partition by checks.plot_id
            order by coalesce(checks.is_to_decide, false) desc, checks.reported_at desc, checks.issue_id asc
        ) as choice,
    from checks
),

unplanned as (
    select
        wetting_events.*,
        row_number() over (partition by wetting_events.plot_id order by wetting_events.starts_at desc) as age_rank,
    from wetting_events
    cross join limits
    where
        wetting_events.kind = 'unplanned'
        and epoch(cast(getvariable('as_of') as timestamptz)) - epoch(wetting_events.ends_at)
        <= limits.unplanned_told_days * 86400
),

newest_unplanned as (
    select unplanned.*,
    from unplanned
    where unplanned.age_rank = 1
),

newest_checks as (
    select ranked_checks.*,
    from ranked_checks
    left join newest_unplanned on ranked_checks.plot_id = newest_unplanned.plot_id
    where
        ranked_checks.choice = 1
        and (
            coalesce(ranked_checks.is_to_decide, false)
            or newest_unplanned.plot_id is null
            or ranked_checks.reported_at >= newest_unplanned.starts_at
        )
)

select
    coalesce(checks.plot_id, unplanned.plot_id) as plot_id,
    'watering' as cause,
    coalesce(checks.state, 'unplanned') as state,
    concat('watering_', coalesce(checks.state, 'unplanned')) as reason_code,
    coalesce(checks.reported_at, unplanned.starts_at) as since,
    cast(json_object(
        'issue_id', checks.issue_id,
        'reported_at', strftime(timezone('UTC', checks.reported_at), '%Y-%m-%dT%H:%M:%S.%f+00:00'),
        'litres', cast(round(checks.litres) as bigint),
        'expected_mm', round(checks.expected_mm, 1),
        'observed_mm', round(checks.observed_mm, 1),
        'came_before_mm', round(checks.came_before_mm, 1),
        'share_pct', cast(round(100 * checks.ratio) as bigint),
        'when', strftime(timezone(getvariable('timezone'), unplanned.starts_at), '%m-%d %H:%M'),
        'rise_pct', round(100 * unplanned.rise, 1),
        'gain_mm', round(unplanned.gain_mm, 1)
    ) as varchar) as reason_params_json,
    case when checks.plot_id is not null then round(checks.observed_mm, 3) else round(100 * unplanned.rise, 3) end
        as value,
    case
        when checks.plot_id is not null then round(checks.expected_mm, 3) else round(100 * limits.wetting_rise, 3)
    end as line,
    case when checks.plot_id is not null then 'mm' else '%' end as unit,
    coalesce(checks.checked_at, unplanned.ends_at) as data_at,
    cast(json_object(
        'brought_mm', round(checks.brought_mm, 3),
        'efficiency', checks.efficiency,
        'watered_m2', round(checks.watered_m2, 3),
        'depletion_before_mm', round(checks.depletion_before_mm, 3),
        'used_mm', round(checks.used_mm, 3),
        'expected_mm', round(checks.expected_mm, 3),
        'observed_mm', round(checks.observed_mm, 3),
        'came_before_mm', round(checks.came_before_mm, 3),
        'rain_mm', round(coalesce(checks.rain_mm, unplanned.rain_mm), 3),
        'source', unplanned.source,
        'shallowest_cm', unplanned.shallowest_cm
    ) as varchar) as inputs_json,
from newest_checks as checks
full outer join newest_unplanned as unplanned on checks.plot_id = unplanned.plot_id
cross join limits
