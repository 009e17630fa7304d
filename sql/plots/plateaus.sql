-- Where the water content of a sensing element settled after a heavy wetting inside the window.
--
-- Grain: plot, device, channel, depth and wettest hour
-- As of: readings up to as_of; over_at says when a plateau is over and counts
-- Reads: readings_daily, readings_hourly, stream_day_gates, limits
-- Feeds: learned_field_capacities, leaving_plateaus
-- Kept as: carried table
--
-- Heavy means: a rise of plateau_rise within a day to an hour that is wetter than the two days after it, and water that
-- drained from it: at least plateau_drained above the plateau. The plateau is the mean of the hours more than
-- plateau_from_hours and up to plateau_to_hours after; it must be flat (plateau_range), whole (plateau_least_hours: a
-- probe that reports once a day shows none), and not wetted again. Hours of the first settling_hours of a probe do not
-- count. Such an hour is the last of its local day's wettest, and wetter than the day after: found on daily extremes,
-- so that only the days around it are read by the hour.
with days as (
    select
        readings_daily.element_id,
        readings_daily.plot_id,
        readings_daily.device_id,
        readings_daily.channel,
        readings_daily.depth_cm,
        readings_daily.date,
        readings_daily.interval_s,
        readings_daily.wettest_hour_water_content,
        readings_daily.wettest_hour_water_content
        - min(readings_daily.driest_hour_water_content) over two_days as rise,
        max(readings_daily.wettest_hour_water_content) over next_day as wettest_next_day,
    from readings_daily
    where readings_daily.plot_id is not null and readings_daily.depth_cm > 0
    window
        two_days as (
            partition by readings_daily.element_id
            order by readings_daily.date
            range between interval 1 day preceding and current row
        ),
        next_day as (
            partition by readings_daily.element_id
            order by readings_daily.date
            range between interval 1 day following and interval 1 day following
        )
),

rising_days as (
    select days.*,
    from days
    cross join limits
    where
        round(days.rise - limits.plateau_rise, 9) >= 0
        and (
            limits.plateau_to_hours < 48
            or coalesce(days.wettest_hour_water_content > days.wettest_next_day, true)
        )
),

-- a day before the peak, and plateau_to_hours after it
days_to_read as (
    select
        rising_days.*,
        cast(
            unnest(
                generate_series(
                    rising_days.date - 1,
                    rising_days.date + cast(ceil(limits.plateau_to_hours / 24) as integer),
                    interval 1 day
                )
            ) as date
        ) as date_to_read,
    from rising_days
    cross join limits
),

hours as (
    select
        days_to_read.element_id,
        days_to_read.plot_id,
        days_to_read.device_id,
        days_to_read.channel,
        days_to_read.depth_cm,
        days_to_read.date,
        days_to_read.date_to_read,
        days_to_read.interval_s,
        days_to_read.wettest_hour_water_content as peak_water_content,
        readings_hourly.hour_at,
        readings_hourly.volumetric_water_content,
    from days_to_read
    inner join readings_hourly
        on days_to_read.element_id = readings_hourly.element_id and days_to_read.date_to_read = readings_hourly.date
    where readings_hourly.volumetric_water_content is not null
),

peaks as (
    select
        element_id,
        date,
        max(hour_at) as peak_at,
    from hours
    where date = date_to_read and volumetric_water_content = peak_water_content
    group by element_id, date
),

hours_beside as (
    select
        hours.*,
        peaks.peak_at,
        (epoch(hours.hour_at) - epoch(peaks.peak_at)) / 3600 as hours_after,
        limits.plateau_from_hours,
        limits.plateau_to_hours,
    from hours
    cross join limits
    inner join peaks on hours.element_id = peaks.element_id and hours.date = peaks.date
),

surroundings as (
    select
        plot_id,
        device_id,
        channel,
        depth_cm,
        date,
        peak_at as hour_at,
        max(interval_s) as interval_s,
        max(peak_water_content) as peak_water_content,
        max(case when hours_after <= 0 then volumetric_water_content end) as wettest_before,
        min(case when hours_after <= 0 then volumetric_water_content end) as driest_before,
        max(case when hours_after >= 1 then volumetric_water_content end) as wettest_after,
        min(case when hours_after between 0 and plateau_from_hours then volumetric_water_content end) as driest_between,
        max(case when hours_after >= plateau_from_hours + 1 then volumetric_water_content end) as plateau_max,
        min(case when hours_after >= plateau_from_hours + 1 then volumetric_water_content end) as plateau_min,
        avg(case when hours_after >= plateau_from_hours + 1 then volumetric_water_content end) as plateau_mean,
        count(case when hours_after >= plateau_from_hours + 1 then volumetric_water_content end) as plateau_hours,
    from hours_beside
    where hours_after between -24 and plateau_to_hours
    group by plot_id, device_id, channel, depth_cm, date, peak_at
)

select
    surroundings.plot_id,
    surroundings.device_id,
    surroundings.channel,
    surroundings.depth_cm,
    surroundings.date,
    surroundings.hour_at as wetted_at,
    surroundings.peak_water_content,
    round(surroundings.plateau_mean, 9) as plateau_water_content,
    to_timestamp(epoch(surroundings.hour_at) + (limits.plateau_to_hours + 1) * 3600) as over_at,
from surroundings
cross join limits
left join stream_day_gates
    on
        surroundings.device_id = stream_day_gates.device_id
        and surroundings.channel = stream_day_gates.channel
        and surroundings.depth_cm = stream_day_gates.depth_cm
        and surroundings.date = stream_day_gates.date
where
    surroundings.peak_water_content >= surroundings.wettest_before
    and round(surroundings.peak_water_content - surroundings.driest_before - limits.plateau_rise, 9) >= 0
    and surroundings.peak_water_content > surroundings.wettest_after
    and round(surroundings.peak_water_content - surroundings.plateau_mean - limits.plateau_drained, 9) >= 0
    and round(surroundings.plateau_max - surroundings.plateau_min - limits.plateau_range, 9) <= 0
    and round(surroundings.plateau_max - surroundings.driest_between - limits.plateau_range, 9) <= 0
    and surroundings.plateau_hours >= limits.plateau_least_hours
    and surroundings.plateau_hours
    >= limits.daily_completeness
    * (limits.plateau_to_hours - limits.plateau_from_hours) * 3600 / greatest(surroundings.interval_s, 3600)
    and epoch(surroundings.hour_at)
    >= coalesce(epoch(stream_day_gates.first_in_soil_at) + limits.settling_hours * 3600, 0)
