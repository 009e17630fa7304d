-- What each campaign asks of each of its plots, in the words of a flag.
--
-- Grain: campaign and plot
-- As of: as_of
-- Reads: campaign_plots, campaign_states, drought_findings, watering_needs, staged_plots, limits
-- Feeds: findings
-- Kept as: table
--
-- Every plot that is due needs work; how dry it is gives the severity, and so its place on the list: 1 where it is not
-- dry or nobody knows. Water is that of dryness where the root zone is known, else the campaign's standard_mm on the
-- watered area. Soil that is wet or frozen gets none. Plots of a campaign that is over are said once more when they
-- were on a list, so that what is open of them can be closed.
-- A plot that is done has data_at where a wetting within just_watered_hours of the report shows that the water came.
with asked as (
    select
        campaign_plots.plot_id,
        campaign_plots.campaign_id,
        campaign_plots.state,
        campaign_plots.is_due,
        campaign_plots.started_at,
        campaign_plots.done_at,
        campaign_states.name_zh,
        campaign_states.name_en,
        campaign_states.work,
        campaign_states.season,
        campaign_states.ends_on,
        campaign_states.closed_at,
        campaign_states.standard_mm,
        drought_findings.state as dryness,
        drought_findings.severity as dryness_severity,
        drought_findings.data_at,
        drought_findings.wetted_at,
        drought_findings.quantity,
        drought_findings.depth_list,
        drought_findings.volumetric_water_content,
        drought_findings.refill_point,
        drought_findings.depletion_share,
        drought_findings.depletion_mm,
        drought_findings.total_available_water_mm,
        drought_findings.relative_moisture_pct,
        drought_findings.national_grade,
        drought_findings.confidence,
        watering_needs.net_mm,
        watering_needs.gross_mm,
        watering_needs.litres,
        watering_needs.visits,
        staged_plots.root_zone_m,
        staged_plots.watered_m2,
        staged_plots.visit_max_mm,
        limits.just_watered_hours,
        case
            when campaign_states.work <> 'water' then 'work'
            when drought_findings.state = 'frozen' then 'frozen'
            when drought_findings.is_estimated
                then case when campaign_states.standard_mm > 0 then 'standard' else 'unknown' end
            when drought_findings.state in ('ok', 'watch', 'likely', 'dry') and watering_needs.is_put_off then 'rain'
            when drought_findings.state in ('wet', 'just_watered') or watering_needs.litres <= 0 then 'wet'
            when drought_findings.state in ('dry', 'likely') and watering_needs.litres > 0 then 'dry'
            when drought_findings.state in ('ok', 'watch') and watering_needs.litres > 0 then 'moist'
            when campaign_states.standard_mm > 0 then 'standard'
            else 'unknown'
        end as amount,
    from campaign_plots
    cross join limits
    inner join campaign_states on campaign_plots.campaign_id = campaign_states.campaign_id
    inner join staged_plots on campaign_plots.plot_id = staged_plots.plot_id
    inner join drought_findings on campaign_plots.plot_id = drought_findings.plot_id
    left join watering_needs on campaign_plots.plot_id = watering_needs.plot_id
    where campaign_states.state = 'running' or campaign_plots.has_issue
)

select
    asked.plot_id,
    concat('campaign.', asked.campaign_id) as cause,
    asked.state,
    asked.is_due as needs_work,
    case
        when not asked.is_due then 0
        when asked.work = 'water' and asked.dryness in ('dry', 'likely') then greatest(asked.dryness_severity, 1)
        else 1
    end as severity,
    asked.started_at as since,
    case
        when asked.state = 'due' then concat('campaign_due_', asked.amount)
        else concat('campaign_', asked.state)
    end as reason_code,
    cast(json_object(
        'campaign_id', asked.campaign_id,
        'campaign_zh', asked.name_zh,
        'campaign_en', asked.name_en,
        'work', asked.work,
        'ends_on', cast(asked.ends_on as varchar),
        'done_on', cast(cast(timezone(getvariable('timezone'), asked.done_at) as date) as varchar),
        'is_closed', asked.closed_at is not null,
        'standard_mm', asked.standard_mm,
        'depths_cm', replace(replace(replace(asked.depth_list, '.0', ''), ' ', ''), ',', '/'),
        'value_pct', round(100 * asked.volumetric_water_content, 1),
        'line_pct', round(100 * asked.refill_point, 1),
        'depletion_pct', cast(round(100 * asked.depletion_share) as bigint)
    ) as varchar) as reason_params_json,
    case when asked.amount in ('dry', 'moist') then round(100 * asked.volumetric_water_content, 2) end as value,
    case when asked.amount in ('dry', 'moist') then round(100 * asked.refill_point, 2) end as line,
    case when asked.amount in ('dry', 'moist') then '%' end as unit,
    case when asked.amount in ('dry', 'moist') then round(asked.depletion_mm, 4) end as depletion_mm,
    case when asked.amount in ('dry', 'moist') then round(asked.total_available_water_mm, 4) end
        as total_available_water_mm,
    asked.root_zone_m,
    case when asked.amount in ('dry', 'moist') then round(asked.relative_moisture_pct, 4) end as relative_moisture_pct,
    case when asked.amount in ('dry', 'moist') then asked.national_grade end as national_grade,
    case when asked.is_due and asked.amount in ('dry', 'moist') then round(asked.net_mm, 4) end as net_mm,
    case
        when not asked.is_due then null
        when asked.amount in ('dry', 'moist') then round(asked.gross_mm, 4)
        when asked.amount = 'standard' then asked.standard_mm
    end as gross_mm,
    case
        when not asked.is_due then null
        when asked.amount in ('dry', 'moist') then round(asked.litres, 1)
        when asked.amount = 'standard' then round(asked.standard_mm * asked.watered_m2, 1)
    end as litres,
    case
        when not asked.is_due then null
        when asked.amount in ('dry', 'moist') then asked.visits
        when asked.amount = 'standard'
            then greatest(1, coalesce(ceil(round(asked.standard_mm / asked.visit_max_mm, 9)), 1))
    end as visits,
    case when asked.amount in ('dry', 'moist') then asked.confidence end as confidence,
    case
        when
            asked.state = 'done'
            and asked.work = 'water'
            and asked.wetted_at >= asked.started_at
            and abs(epoch(asked.wetted_at) - epoch(asked.done_at)) <= asked.just_watered_hours * 3600
            then asked.data_at
        when asked.state = 'due' and asked.amount in ('dry', 'moist', 'wet', 'rain', 'frozen') then asked.data_at
    end as data_at,
    cast(json_object(
        'campaign_id', asked.campaign_id,
        'season', asked.season,
        'work', asked.work,
        'amount_by', asked.amount,
        'standard_mm', asked.standard_mm,
        'watered_m2', asked.watered_m2,
        'dryness', asked.dryness,
        'dryness_severity', asked.dryness_severity,
        'done_at', cast(asked.done_at as varchar)
    ) as varchar) as inputs_json,
from asked
