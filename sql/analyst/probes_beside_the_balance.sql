-- zh: 哪些地块的探头与水量平衡对不上，可能漂移？
-- en: Where do probes and water balance part, so that a probe may drift?
select
    latest_flags.plot_id,
    plots_now.name,
    json_extract_string(latest_flags.inputs_json, '$.balance.state') as state,
    json_extract_string(latest_flags.inputs_json, '$.balance.from') as since,
    cast(json_extract_string(latest_flags.inputs_json, '$.balance.balance_mm') as double) as balance_mm,
    cast(json_extract_string(latest_flags.inputs_json, '$.balance.probe_mm') as double) as probe_mm,
from latest_flags
left join plots_now on latest_flags.plot_id = plots_now.plot_id
where
    latest_flags.cause = 'drought'
    and json_extract_string(latest_flags.inputs_json, '$.balance.state') in ('probe_drier', 'probe_wetter')
order by latest_flags.plot_id asc
