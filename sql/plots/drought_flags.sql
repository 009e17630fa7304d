-- The verdict on dryness in the words of a flag: reason, numbers, water.
--
-- Grain: plot
-- As of: readings up to as_of
-- Reads: drought_findings, watering_needs, drought_evidence, dry_forecasts, balance_checks,
--     peer_estimates
-- Feeds: findings, plot_stories
-- Kept as: table
select
    drought_findings.plot_id,
    'drought' as cause,
    drought_findings.state,
    drought_findings.needs_work and not coalesce(watering_needs.is_put_off, false) as needs_work,
    drought_findings.severity,
    case
        when drought_findings.state = 'dry'
            then case
                when drought_findings.is_open then drought_findings.issue_since_at
                else drought_findings.dry_since_at
            end
        when drought_findings.state in ('silent', 'stale', 'sensor_fault') then drought_findings.last_usable_at
        when drought_findings.state = 'just_watered' then drought_findings.wetted_at
    end as since,
    case
        when drought_findings.needs_work and watering_needs.is_put_off and not drought_findings.is_estimated
            then 'drought_dry_rain_to_come'
        when drought_findings.state = 'no_sensor' and peer_estimates.plot_id is not null
            then concat('drought_no_sensor_', peer_estimates.state)
        else drought_findings.reason_code
    end as reason_code,
    cast(json_object(
        'depths_cm', coalesce(
            replace(replace(replace(drought_findings.depth_list, '.0', ''), ' ', ''), ',', '/'),
            cast(cast(drought_findings.potential_depth_cm as bigint) as varchar)
        ),
        'value_pct', round(100 * drought_findings.volumetric_water_content, 1),
        'line_pct', round(100 * drought_findings.refill_point, 1),
        'value_kpa', round(drought_findings.matric_potential_kpa, 1),
        'line_kpa', drought_findings.line_kpa,
        'grade', drought_findings.maintenance_grade,
        'grade_zh', drought_findings.grade_zh,
        'grade_en', drought_findings.grade_en,
        'days', 1 + date_diff(
            'day',
            cast(timezone(getvariable('timezone'), drought_findings.dry_since_at) as date),
            drought_findings.date
        ),
        'probability_pct', cast(round(100 * drought_findings.dry_probability) as bigint),
        'hours', cast(round(case
            when drought_findings.state = 'just_watered'
                then (epoch(cast(getvariable('as_of') as timestamptz)) - epoch(drought_findings.wetted_at)) / 3600
            when drought_findings.span = 'hour'
                then (
                    epoch(cast(getvariable('as_of') as timestamptz)) - epoch(drought_findings.dry_since_at)
                ) / 3600
            else drought_findings.unusable_hours
        end) as bigint),
        'rain_mm', round(drought_findings.holding_rain_mm, 1),
        'forecast_rain_mm', round(watering_needs.forecast_rain_mm, 1),
        'rain_probability_pct', cast(round(watering_needs.rain_probability_pct) as bigint),
        'received_pct', coalesce(drought_findings.received_pct, 0),
        'completeness_pct', cast(round(100 * drought_findings.daily_completeness) as bigint),
        'rise_pct', round(100 * drought_findings.rise, 1),
        'rest_since', strftime(timezone(getvariable('timezone'), drought_findings.rest_since_at), '%Y-%m-%d'),
        'window_days', cast(drought_findings.soil_window_days as bigint),
        'check_parameters', coalesce(watering_needs.is_unusual, false),
        'peers', peer_estimates.peers,
        'peers_dry', peer_estimates.peers_dry,
        'depletion_pct', cast(round(100 * peer_estimates.depletion_share) as bigint),
        'depletion_low_pct', cast(round(100 * peer_estimates.depletion_share_low) as bigint),
        'depletion_high_pct', cast(round(100 * peer_estimates.depletion_share_high) as bigint)
    ) as varchar) as reason_params_json,
    coalesce(round(100 * drought_findings.volumetric_water_content, 2), round(drought_findings.matric_potential_kpa, 3))
        as value,
    coalesce(round(100 * drought_findings.refill_point, 2), drought_findings.line_kpa) as line,
    case
        when drought_findings.quantity = 'water_content' then '%'
        when drought_findings.quantity = 'matric_potential' then 'kPa'
    end as unit,
    round(drought_findings.depletion_mm, 4) as depletion_mm,
    round(drought_findings.total_available_water_mm, 4) as total_available_water_mm,
    drought_findings.root_zone_m,
    round(drought_findings.relative_moisture_pct, 4) as relative_moisture_pct,
    drought_findings.national_grade,
    round(watering_needs.net_mm, 4) as net_mm,
    round(watering_needs.gross_mm, 4) as gross_mm,
    round(watering_needs.litres, 1) as litres,
    watering_needs.visits,
    round(dry_forecasts.days_median, 2) as days_until_dry,
    round(dry_forecasts.days_low, 2) as days_until_dry_low,
    round(dry_forecasts.days_high, 2) as days_until_dry_high,
    case
        when drought_findings.quantity = 'matric_potential' then 'potential_only'
        when drought_findings.state = 'no_sensor' and peer_estimates.plot_id is not null then 'estimated'
        else drought_findings.confidence
    end as confidence,
    drought_findings.data_at,
    case
        when drought_findings.quantity = 'matric_potential' then 'soil.matric_potential'
        else 'soil.root_zone_depletion'
    end as rule_id,
    cast(json_object(
        'date', cast(drought_findings.date as varchar),
        'span', drought_findings.span,
        'quantity', drought_findings.quantity,
        'day_state', drought_findings.day_state,
        'is_open', drought_findings.is_open,
        'dry_since', cast(
            cast(timezone(getvariable('timezone'), drought_findings.dry_since_at) as date) as varchar
        ),
        'rest', json_object(
            'is_resting', drought_findings.is_suspended,
            'basis', drought_findings.rest_basis,
            'recorded_at', cast(drought_findings.rest_since_at as varchar)
        ),
        'probes', cast(drought_evidence.probes_json as json),
        'saline_ec_ds_m', round(drought_evidence.saline_ec_ds_m, 2),
        'estimate', case
            when peer_estimates.plot_id is not null
                then json_object(
                    'state', peer_estimates.state,
                    'peers', peer_estimates.peers,
                    'peers_dry', peer_estimates.peers_dry,
                    'date', cast(peer_estimates.date as varchar),
                    'depletion_share', round(peer_estimates.depletion_share, 5),
                    'depletion_share_low', round(peer_estimates.depletion_share_low, 5),
                    'depletion_share_high', round(peer_estimates.depletion_share_high, 5),
                    'p', peer_estimates.depletion_fraction,
                    'water_content', round(peer_estimates.volumetric_water_content, 5),
                    'refill_point', round(peer_estimates.refill_point, 5),
                    'is_ordering', peer_estimates.is_ordering
                )
        end,
        'trend_7d', cast(drought_evidence.trend_json as json),
        'trend_quantity', drought_evidence.trend_quantity,
        'vegetation', drought_findings.vegetation,
        'is_newly_planted', drought_findings.is_newly_planted,
        'agricultural_grade', drought_findings.agricultural_grade,
        'soil_source', drought_findings.soil_source,
        'soil_texture', drought_findings.soil_texture,
        'field_capacity', round(drought_findings.field_capacity, 9),
        'wilting_point', round(drought_findings.wilting_point, 9),
        'saturation', round(drought_findings.saturation, 9),
        'sigma_field_capacity', drought_findings.sigma_field_capacity,
        'sigma_wilting_point', drought_findings.sigma_wilting_point,
        'root_zone_m', drought_findings.root_zone_m,
        'covered_m', drought_findings.covered_m,
        'coverage', round(drought_findings.coverage, 4),
        'p', drought_findings.depletion_fraction,
        'water_content', round(drought_findings.volumetric_water_content, 5),
        'main_layer_water_content', round(drought_findings.main_layer_water_content, 5),
        'refill_point', round(drought_findings.refill_point, 5),
        'total_available_water_mm', round(drought_findings.total_available_water_mm, 3),
        'depletion_mm', round(drought_findings.depletion_mm, 3),
        'depletion_share', round(drought_findings.depletion_share, 5),
        'ks', round(drought_findings.ks, 5),
        'dry_probability', round(drought_findings.dry_probability, 5),
        'matric_potential_kpa', round(drought_findings.matric_potential_kpa, 3),
        'line_kpa', drought_findings.line_kpa,
        'days_until_dry', json_object(
            'median', round(dry_forecasts.days_median, 2),
            'low', round(dry_forecasts.days_low, 2),
            'high', round(dry_forecasts.days_high, 2),
            'method', dry_forecasts.method,
            'reason', dry_forecasts.reason_code,
            'line_days', dry_forecasts.line_days,
            'exponential_days', dry_forecasts.exponential_days,
            'long_exponential_days', dry_forecasts.long_exponential_days,
            'asymptote', round(dry_forecasts.asymptote, 5),
            'drydown_days', dry_forecasts.drydown_days
        ),
        'balance', case
            when balance_checks.plot_id is not null
                then json_object(
                    'state', balance_checks.state,
                    'from', cast(balance_checks.first_date as varchar),
                    'to', cast(balance_checks.last_date as varchar),
                    'balance_mm', round(balance_checks.balance_depletion_mm, 2),
                    'probe_mm', round(balance_checks.probe_depletion_mm, 2),
                    'slack_mm', round(balance_checks.slack_mm, 2)
                )
        end,
        'watering', case
            when watering_needs.plot_id is not null
                then json_object(
                    'net_mm', round(watering_needs.net_mm, 2),
                    'efficiency', drought_findings.efficiency,
                    'refill_to_share', watering_needs.refill_to_share,
                    'leaching_requirement', round(watering_needs.leaching_requirement, 4),
                    'is_leaching_held', watering_needs.is_leaching_held,
                    'water_ec_ds_m', watering_needs.water_ec_ds_m,
                    'soil_ece_ds_m', watering_needs.soil_ece_ds_m,
                    'forecast_rain', watering_needs.forecast_rain,
                    'forecast_rain_mm', round(watering_needs.forecast_rain_mm, 2),
                    'rain_probability_pct', round(watering_needs.rain_probability_pct, 1),
                    'counted_rain_mm', round(watering_needs.counted_rain_mm, 2),
                    'is_put_off', watering_needs.is_put_off,
                    'gross_mm', round(watering_needs.gross_mm, 2),
                    'area_m2', drought_findings.area_m2,
                    'wetted_fraction', drought_findings.wetted_fraction,
                    'watered_m2', round(watering_needs.watered_m2, 4),
                    'tree_pits', watering_needs.tree_pits,
                    'litres', round(watering_needs.litres),
                    'irrigation', drought_findings.irrigation,
                    'visit_max_mm', drought_findings.visit_max_mm,
                    'visits', watering_needs.visits,
                    'check_parameters', watering_needs.is_unusual,
                    'sum', concat(
                        printf(
                            '(%.1f - %.2f x %.1f) mm', drought_findings.depletion_mm,
                            watering_needs.refill_to_share, drought_findings.total_available_water_mm
                        ),
                        case
                            when drought_findings.coverage < 0.999
                                then printf(
                                    ' x %.2f m / %.2f m', drought_findings.root_zone_m,
                                    drought_findings.covered_m
                                )
                            else ''
                        end,
                        case
                            when watering_needs.counted_rain_mm > 0
                                then printf(' - %.1f mm of rain', watering_needs.counted_rain_mm)
                            else ''
                        end,
                        printf(
                            ' = %.1f mm; / %.2f', watering_needs.net_mm, drought_findings.efficiency
                        ),
                        case
                            when watering_needs.leaching_requirement > 0
                                then printf(
                                    ' / (1 - %.2f%s)', watering_needs.leaching_requirement,
                                    case when watering_needs.is_leaching_held then ' held' else '' end
                                )
                            else ''
                        end,
                        printf(' = %.1f mm', watering_needs.gross_mm),
                        case
                            when watering_needs.tree_pits > 0
                                then printf(
                                    '; x %d pits of %.2f m2 in all = %.0f L', watering_needs.tree_pits,
                                    watering_needs.watered_m2, watering_needs.litres
                                )
                            else printf(
                                '; x %.0f m2 x %.2f = %.0f L', drought_findings.area_m2,
                                drought_findings.wetted_fraction, watering_needs.litres
                            )
                        end
                    )
                )
        end
    ) as varchar) as inputs_json,
from drought_findings
left join watering_needs
    on
        -- a condition of one side alone would compare every plot with every other
        case when drought_findings.state in ('dry', 'likely') then drought_findings.plot_id end
        = watering_needs.plot_id
left join drought_evidence on drought_findings.plot_id = drought_evidence.plot_id
left join dry_forecasts on drought_findings.plot_id = dry_forecasts.plot_id
left join peer_estimates on drought_findings.plot_id = peer_estimates.plot_id
left join balance_checks on drought_findings.plot_id = balance_checks.plot_id
