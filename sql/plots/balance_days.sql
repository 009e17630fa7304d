-- What each day of a plot's water balance is reckoned with.
--
-- Grain: plot and local day of a run without gaps, up to the newest day that its probes tell of
-- As of: readings and reports up to as_of; days that are over
-- Reads: root_zone_daily, staged_plots, crop_coefficients, reference_et0, weather_days, wetting_events,
--     watering_reports, limits
-- Feeds: water_balance, balance_checks
-- Kept as: held table
--
-- A run starts with the depletion that the probes showed on its first day: the first of the last balance_run_days that
-- was not frozen, has the depths of the newest day, and lies after any water of unknown amount: rises that are neither
-- rain nor reported, and reports without litres. No water of a crew came on it. Its days follow; reported water counts
-- on the day of its report with litres x Ea / watered area. A plot has none where ET0 or rain of one of them is not
-- known. Depletion and available water are those of the whole root zone, as if soil that no probe stands for were like
-- the soil they stand for. One crop coefficient covers plant and soil: evaporable_mm and what belongs to it is null.
with newest as (
    select
        root_zone_daily.plot_id,
        max(root_zone_daily.date) as last_date,
        max_by(root_zone_daily.depth_list, root_zone_daily.date) as depth_list,
        max_by(root_zone_daily.total_available_water_mm / root_zone_daily.coverage, root_zone_daily.date)
            as total_available_water_mm,
        max_by(root_zone_daily.usual_depletion_fraction, root_zone_daily.date) as depletion_fraction,
    from root_zone_daily
    group by root_zone_daily.plot_id
),

events as (
    select
        plot_id,
        kind,
        source,
        cast(timezone(coalesce(getvariable('timezone'), 'UTC'), ends_at) as date) as date,
    from wetting_events
),

reports as (
    select
        watering_reports.plot_id,
        watering_reports.date,
        case
            when staged_plots.watered_m2 > 0
                then watering_reports.litres * staged_plots.efficiency / staged_plots.watered_m2
        end as watering_mm,
    from watering_reports
    inner join staged_plots on watering_reports.plot_id = staged_plots.plot_id
),

last_uncounted as (
    select
        waters.plot_id,
        max(waters.date) as date,
    from (
        select
            plot_id,
            date,
        from events
        where kind <> 'rain' and source <> 'crew'
        union all
        select
            plot_id,
            date,
        from reports
        where watering_mm is null
    ) as waters
    group by waters.plot_id
),

watered_days as (
    select
        plot_id,
        date,
    from events
    where source = 'crew'
    union distinct
    select
        plot_id,
        date,
    from reports
),

watering_days as (
    select
        plot_id,
        date,
        sum(watering_mm order by watering_mm) as watering_mm,
    from reports
    group by plot_id, date
),

starts as (
    select
        root_zone_daily.plot_id,
        min(root_zone_daily.date) as first_date,
        min_by(root_zone_daily.depletion_mm / root_zone_daily.coverage, root_zone_daily.date) as start_depletion_mm,
        max(newest.last_date) as last_date,
        max(newest.total_available_water_mm) as total_available_water_mm,
        max(newest.depletion_fraction) as depletion_fraction,
    from root_zone_daily
    cross join limits
    inner join newest
        on root_zone_daily.plot_id = newest.plot_id and root_zone_daily.depth_list = newest.depth_list
    left join last_uncounted on root_zone_daily.plot_id = last_uncounted.plot_id
    left join watered_days
        on root_zone_daily.plot_id = watered_days.plot_id and root_zone_daily.date = watered_days.date
    where
        root_zone_daily.date >= cast(getvariable('window_to') as date) - cast(limits.balance_run_days as integer)
        and date_diff('day', newest.last_date, cast(getvariable('window_to') as date)) <= limits.evaluation_days
        and not root_zone_daily.is_frozen
        and watered_days.plot_id is null
        and (last_uncounted.date is null or root_zone_daily.date > last_uncounted.date)
    group by root_zone_daily.plot_id
),

known_days as (
    select
        starts.*,
        reference_et0.date,
        date_diff('day', starts.first_date, reference_et0.date) as day_number,
        reference_et0.et0_mm,
        weather_days.rain_mm,
        staged_plots.vegetation,
        count(*) over (partition by starts.plot_id) as days,
    from starts
    inner join staged_plots on starts.plot_id = staged_plots.plot_id
    inner join reference_et0 on starts.first_date < reference_et0.date and starts.last_date >= reference_et0.date
    inner join weather_days on reference_et0.date = weather_days.date and weather_days.rain_mm is not null
)

select
    known_days.plot_id,
    known_days.date,
    known_days.day_number,
    known_days.first_date,
    known_days.start_depletion_mm,
    cast(null as double) as start_evaporated_mm,
    known_days.et0_mm,
    known_days.rain_mm,
    round(coalesce(watering_days.watering_mm, 0), 9) as watering_mm,
    cast(1 as double) as wetted_fraction,
    cast(1 as double) as exposed_wetted_fraction,
    crop_coefficients.crop_coefficient,
    cast(null as double) as crop_coefficient_max,
    cast(null as double) as evaporable_mm,
    cast(null as double) as readily_evaporable_mm,
    known_days.total_available_water_mm,
    known_days.depletion_fraction,
from known_days
inner join crop_coefficients on known_days.vegetation = crop_coefficients.vegetation
left join watering_days on known_days.plot_id = watering_days.plot_id and known_days.date = watering_days.date
where known_days.days = date_diff('day', known_days.first_date, known_days.last_date)
