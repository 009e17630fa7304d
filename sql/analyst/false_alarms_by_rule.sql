-- zh: 每条规则立的案，班组到场答复的有多少？其中多少说是误报，多少经绿化所核实作废？
-- en: Of the issues that each rule opened and a crew answered, how many were called false alarms, how many voided?
with rules as (
    select
        issue_id,
        max(cause) as cause,
        max(json_extract_string(detail_json, '$.finding.rule_id')) as rule_id,
        max(json_extract_string(detail_json, '$.finding.rule_version')) as rule_version,
    from issue_events
    where kind = 'opened'
    group by issue_id
),

answers as (
    select
        issue_id,
        count(case when kind in ('done', 'cannot_do', 'false_alarm') then 1 end) > 0 as is_answered,
        count(case when kind = 'false_alarm' then 1 end) > 0 as is_doubted,
        count(case when kind = 'void' and actor <> 'greensward' then 1 end) > 0 as is_voided,
    from issue_events
    group by issue_id
)

select
    rules.rule_id,
    rules.rule_version,
    rules.cause,
    count(*) as opened,
    count(case when answers.is_answered then 1 end) as answered,
    count(case when answers.is_doubted then 1 end) as called_false,
    count(case when answers.is_answered and answers.is_voided then 1 end) as voided,
    round(
        100.0 * count(case when answers.is_doubted then 1 end)
        / nullif(count(case when answers.is_answered then 1 end), 0), 1
    ) as called_false_pct,
from rules
inner join answers on rules.issue_id = answers.issue_id
group by rules.rule_id, rules.rule_version, rules.cause
order by called_false desc, opened desc, rules.rule_id asc, rules.rule_version asc, rules.cause asc
