-- What stands behind a plot's verdict on dryness: the curve of the last days, and the probes of the day it speaks of.
--
-- Grain: plot
-- As of: readings up to as_of
-- Reads: drought_memories, root_zone_daily, potential_daily, readings_daily, limits
-- Feeds: drought_flags
-- Kept as: held table
--
-- Saline: the largest daily mean of bulk EC above saline_ec_ds_m among the probes of that day (E1): their water content
-- reads high. Null where none is, and for potential. The curve is of one quantity: the one that the verdict uses, or
-- water content where there is none.
with curves as (
    select
        plot_id,
        date,
        round(100 * volumetric_water_content, 1) as point,
        'volumetric_water_content_pct' as trend_quantity,
        'water_content' as quantity,
    from root_zone_daily
    union all
    select
        plot_id,
        date,
        round(matric_potential_kpa, 1) as point,
        'matric_potential_kpa' as trend_quantity,
        'matric_potential' as quantity,
    from potential_daily
),

quantities as (
    select
        coalesce(drought_memories.plot_id, curves.plot_id) as plot_id,
        coalesce(max(drought_memories.quantity), max(curves.quantity)) as quantity,
    from curves
    full outer join drought_memories on curves.plot_id = drought_memories.plot_id
    group by coalesce(drought_memories.plot_id, curves.plot_id)
),

trends as (
    select
        curves.plot_id,
        max(curves.trend_quantity) as trend_quantity,
        array_to_string(
            array_sort(array_agg(cast(json_array(cast(curves.date as varchar), curves.point) as varchar))), ','
        ) as trend,
    from curves
    cross join limits
    inner join quantities on curves.plot_id = quantities.plot_id and curves.quantity = quantities.quantity
    where date_diff('day', curves.date, cast(getvariable('window_to') as date)) <= limits.trend_days
    group by curves.plot_id
),

probes as (
    select
        readings_daily.plot_id,
        array_to_string(
            array_sort(array_agg(cast(json_object(
                'depth_cm', readings_daily.depth_cm,
                'device_id', readings_daily.device_id,
                'channel', readings_daily.channel,
                'water_content', round(readings_daily.volumetric_water_content, 4),
                'matric_potential_kpa', round(readings_daily.matric_potential_kpa, 2),
                'bulk_ec_ds_m', round(readings_daily.bulk_ec_ds_m, 2),
                'usable_readings', case
                    when drought_memories.quantity = 'water_content' then readings_daily.usable_readings
                    else readings_daily.usable_potentials
                end
            ) as varchar))),
            ','
        ) as probes,
        max(
            case
                when
                    drought_memories.quantity = 'water_content'
                    and readings_daily.bulk_ec_ds_m > limits.saline_ec_ds_m
                    then readings_daily.bulk_ec_ds_m
            end
        ) as saline_ec_ds_m,
    from readings_daily
    cross join limits
    inner join drought_memories
        on readings_daily.plot_id = drought_memories.plot_id and readings_daily.date = drought_memories.date
    where
        case
            when drought_memories.quantity = 'water_content'
                then
                    readings_daily.is_complete
                    or (drought_memories.span = 'hour' and readings_daily.usable_readings > 0)
            else
                readings_daily.is_potential_complete
                or (drought_memories.span = 'hour' and readings_daily.usable_potentials > 0)
        end
    group by readings_daily.plot_id
)

select
    quantities.plot_id,
    trends.trend_quantity,
    concat('[', coalesce(trends.trend, ''), ']') as trend_json,
    concat('[', coalesce(probes.probes, ''), ']') as probes_json,
    probes.saline_ec_ds_m,
from quantities
left join trends on quantities.plot_id = trends.plot_id
left join probes on quantities.plot_id = probes.plot_id
