-- zh: 各项季节性行动，每个班组还有多少地块没做，还要多少吨水？
-- en: Of each campaign of the year: how many plots are left to each crew, and how many tonnes of water?
select
    json_extract_string(latest_flags.reason_params_json, '$.campaign_zh') as campaign_zh,
    json_extract_string(latest_flags.reason_params_json, '$.campaign_en') as campaign_en,
    coalesce(plots_now.crew, '') as crew,
    count(case when latest_flags.state = 'due' then 1 end) as due,
    count(case when latest_flags.state = 'done' then 1 end) as done,
    round(sum(case when latest_flags.state = 'due' then coalesce(latest_flags.litres, 0) else 0 end) / 1000, 1)
        as water_t,
from latest_flags
left join plots_now on latest_flags.plot_id = plots_now.plot_id
where latest_flags.cause like 'campaign.%'
group by
    json_extract_string(latest_flags.reason_params_json, '$.campaign_zh'),
    json_extract_string(latest_flags.reason_params_json, '$.campaign_en'),
    coalesce(plots_now.crew, '')
order by campaign_en asc, crew asc
