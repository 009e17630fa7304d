-- What each day of a plot's water balance is reckoned with.
--
-- Grain: plot and local day of a run without gaps, up to the newest day that its probes tell of
-- As of: readings and reports up to as_of; days that are over
-- Reads: root_zone_daily, staged_plots, crop_coefficients, reference_et0, weather_days, wetting_events,
--     watering_reports, limits
-- Feeds: water_balance, balance_checks
-- Kept as: table
--
-- A run starts with the depletion that the probes showed on its first day: the first of the last balance_run_days that
-- was not frozen, has the depths of the newest day, and lies after any water but rain that came or was reported. Its
-- days follow. A plot has none where ET0 or rain of one of them is not known. Depletion and available water are those
-- of the whole root zone, as if soil that no probe stands for were like the soil they stand for. One crop coefficient
-- covers plant and soil: evaporable_mm and what belongs to it is null.
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

waterings as (
    select
        plot_id,
        cast(timezone(coalesce(getvariable('timezone'), 'UTC'), ends_at) as date) as date,
    from wetting_events
    where kind <> 'rain'
    union all
    select
        plot_id,
        cast(timezone(coalesce(getvariable('timezone'), 'UTC'), reported_at) as date) as date,
    from watering_reports
),

last_waterings as (
    select
        plot_id,
        max(date) as date,
    from waterings
    group by plot_id
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
    left join last_waterings on root_zone_daily.plot_id = last_waterings.plot_id
    where
        root_zone_daily.date >= cast(getvariable('window_to') as date) - cast(limits.balance_run_days as integer)
        and date_diff('day', newest.last_date, cast(getvariable('window_to') as date)) <= limits.evaluation_days
        and not root_zone_daily.is_frozen
        and (last_waterings.date is null or root_zone_daily.date > last_waterings.date)
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
    cast(0 as double) as watering_mm,
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
where known_days.days = date_diff('day', known_days.first_date, known_days.last_date)
