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
-- probe that reports once a day shows none), and not wetted again. What wetted a probe in its first settling_hours does
-- not count. Such an hour is the last of its local day's wettest, and wetter than the day after: found on daily
-- extremes, so that only the days around it are read by the hour.
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
    where readings_daily.plot_id is not null and readings_daily.depth_cm >= 0
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
    select
        days.*,
        to_seconds(limits.plateau_from_hours * 3600) as plateau_from,
        to_seconds(limits.plateau_to_hours * 3600) as plateau_to,
        cast(ceil(limits.plateau_to_hours / 24) as integer) as days_to_read,
    from days
    cross join limits
    where
        days.date >= coalesce(getvariable('continued_from'), date '0001-01-01')
        and round(days.rise - limits.plateau_rise, 9) >= 0
        and (
            limits.plateau_to_hours < 48
            or coalesce(days.wettest_hour_water_content > days.wettest_next_day, true)
        )
),

peaks as (
    select
        rising_days.element_id,
        rising_days.date,
        max(readings_hourly.hour_at) as peak_at,
    from rising_days
    inner join readings_hourly
        on
            rising_days.element_id = readings_hourly.element_id
            and rising_days.date = readings_hourly.date
            and rising_days.wettest_hour_water_content = readings_hourly.volumetric_water_content
    group by rising_days.element_id, rising_days.date
),

days_before as (
    select
        element_id,
        date,
        peak_at,
        cast(unnest(generate_series(date - 1, date, interval 1 day)) as date) as date_to_read,
    from peaks
),

-- the day after a wetting is high above the day before it, too: its first hour is no peak
climbs as (
    select
        days_before.element_id,
        days_before.date,
        days_before.peak_at,
        min(readings_hourly.volumetric_water_content) as driest_before,
        max(readings_hourly.volumetric_water_content) as wettest_before,
    from days_before
    inner join readings_hourly
        on days_before.element_id = readings_hourly.element_id and days_before.date_to_read = readings_hourly.date
    where
        readings_hourly.volumetric_water_content is not null
        and readings_hourly.hour_at <= days_before.peak_at
        and readings_hourly.hour_at >= days_before.peak_at - interval 24 hour
    group by days_before.element_id, days_before.date, days_before.peak_at
),

real_peaks as (
    select
        rising_days.*,
        climbs.peak_at,
        climbs.driest_before,
        climbs.wettest_before,
        climbs.peak_at + rising_days.plateau_from as plateau_from_at,
        climbs.peak_at + rising_days.plateau_to as plateau_to_at,
    from rising_days
    cross join limits
    inner join climbs on rising_days.element_id = climbs.element_id and rising_days.date = climbs.date
    where
        rising_days.wettest_hour_water_content >= climbs.wettest_before
        and round(rising_days.wettest_hour_water_content - climbs.driest_before - limits.plateau_rise, 9) >= 0
),

-- plateau_to_hours after the peak
days_to_read as (
    select
        real_peaks.element_id,
        real_peaks.date,
        real_peaks.peak_at,
        real_peaks.plateau_from_at,
        real_peaks.plateau_to_at,
        cast(
            unnest(generate_series(real_peaks.date, real_peaks.date + real_peaks.days_to_read, interval 1 day)) as date
        ) as date_to_read,
    from real_peaks
),

drainages as (
    select
        days_to_read.element_id,
        days_to_read.date,
        max(
            case when readings_hourly.hour_at > days_to_read.peak_at then readings_hourly.volumetric_water_content end
        ) as wettest_after,
        min(
            case
                when readings_hourly.hour_at <= days_to_read.plateau_from_at
                    then readings_hourly.volumetric_water_content
            end
        ) as driest_between,
        max(
            case
                when readings_hourly.hour_at > days_to_read.plateau_from_at
                    then readings_hourly.volumetric_water_content
            end
        ) as plateau_max,
        min(
            case
                when readings_hourly.hour_at > days_to_read.plateau_from_at
                    then readings_hourly.volumetric_water_content
            end
        ) as plateau_min,
        avg(
            case
                when readings_hourly.hour_at > days_to_read.plateau_from_at
                    then readings_hourly.volumetric_water_content
            end
        ) as plateau_mean,
        count(case when readings_hourly.hour_at > days_to_read.plateau_from_at then 1 end) as plateau_hours,
    from days_to_read
    inner join readings_hourly
        on days_to_read.element_id = readings_hourly.element_id and days_to_read.date_to_read = readings_hourly.date
    where
        readings_hourly.volumetric_water_content is not null
        and readings_hourly.hour_at >= days_to_read.peak_at
        and readings_hourly.hour_at <= days_to_read.plateau_to_at
    group by days_to_read.element_id, days_to_read.date
),

surroundings as (
    select
        real_peaks.plot_id,
        real_peaks.device_id,
        real_peaks.channel,
        real_peaks.depth_cm,
        real_peaks.date,
        real_peaks.peak_at as hour_at,
        real_peaks.interval_s,
        real_peaks.wettest_hour_water_content as peak_water_content,
        drainages.wettest_after,
        drainages.driest_between,
        drainages.plateau_max,
        drainages.plateau_min,
        drainages.plateau_mean,
        drainages.plateau_hours,
    from real_peaks
    inner join drainages on real_peaks.element_id = drainages.element_id and real_peaks.date = drainages.date
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
    surroundings.peak_water_content > surroundings.wettest_after
    and round(surroundings.peak_water_content - surroundings.plateau_mean - limits.plateau_drained, 9) >= 0
    and round(surroundings.plateau_max - surroundings.plateau_min - limits.plateau_range, 9) <= 0
    and round(surroundings.plateau_max - surroundings.driest_between - limits.plateau_range, 9) <= 0
    and surroundings.plateau_hours >= limits.plateau_least_hours
    and surroundings.plateau_hours
    >= limits.daily_completeness
    * (limits.plateau_to_hours - limits.plateau_from_hours) * 3600 / greatest(surroundings.interval_s, 3600)
    and epoch(surroundings.hour_at)
    >= coalesce(epoch(stream_day_gates.first_in_soil_at) + limits.settling_hours * 3600, 0)
