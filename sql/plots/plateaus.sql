-- Where the water content of a sensing element settled after a heavy wetting inside the window.
--
-- Grain: plot, device, channel, depth and wettest hour
-- As of: readings up to as_of; only plateaus that are over
-- Reads: readings_daily, readings_hourly, stream_day_gates, limits
-- Feeds: learned_field_capacities, leaving_plateaus
-- Kept as: table
--
-- Heavy means: a rise of plateau_rise within a day to an hour that is wetter than the two days after it, and water that
-- drained from it: at least plateau_drained above the plateau. The plateau is the mean of the hours more than
-- plateau_from_hours and up to plateau_to_hours after; it must be flat (plateau_range), whole, and not wetted again.
-- Hours of the first settling_hours of a probe do not count. Only days with such a rise are looked at by the hour, and
-- only what follows a peak: windows over every hour took a third of the time of all models.
with rising_days as (
    select
        readings_daily.*,
        readings_daily.wettest_hour_water_content
        - min(readings_daily.driest_hour_water_content) over (
            partition by
                readings_daily.plot_id, readings_daily.device_id, readings_daily.channel, readings_daily.depth_cm
            order by readings_daily.date
            range between interval 1 day preceding and current row
        ) as rise,
    from readings_daily
    where readings_daily.plot_id is not null and readings_daily.depth_cm > 0
),

candidate_days as (
    select distinct
        rising_days.plot_id,
        rising_days.device_id,
        rising_days.channel,
        rising_days.depth_cm,
        rising_days.date + offsets.days as date,
        rising_days.interval_s,
    from rising_days
    cross join limits
    cross join (
        values (-1), (0), (1), (2), (3)
    ) as offsets (days)
    where round(rising_days.rise - limits.plateau_rise, 9) >= 0
),

hours as (
    select
        readings_hourly.plot_id,
        readings_hourly.device_id,
        readings_hourly.channel,
        readings_hourly.depth_cm,
        readings_hourly.date,
        readings_hourly.hour_at,
        readings_hourly.volumetric_water_content,
        candidate_days.interval_s,
        limits.plateau_from_hours as before_hours,
        limits.plateau_from_hours + 1 as first_hours,
        limits.plateau_to_hours as last_hours,
    from readings_hourly
    cross join limits
    inner join candidate_days
        on
            readings_hourly.plot_id = candidate_days.plot_id
            and readings_hourly.device_id = candidate_days.device_id
            and readings_hourly.channel = candidate_days.channel
            and readings_hourly.depth_cm = candidate_days.depth_cm
            and readings_hourly.date = candidate_days.date
    where readings_hourly.volumetric_water_content is not null
),

steps as (
    select
        hours.*,
        min(hours.volumetric_water_content) over day_before as driest_before,
        max(hours.volumetric_water_content) over day_before as wettest_before,
        lead(hours.volumetric_water_content) over by_hour as next_water_content,
    from hours
    window
        day_before as (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm
            order by hours.hour_at
            range between interval 24 hour preceding and current row
        ),
        by_hour as (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm order by hours.hour_at
        )
),

peaks as (
    select steps.*,
    from steps
    cross join limits
    where
        steps.volumetric_water_content >= steps.wettest_before
        and steps.volumetric_water_content > steps.next_water_content
        and round(steps.volumetric_water_content - steps.driest_before - limits.plateau_rise, 9) >= 0
),

hours_since as (
    select
        peaks.plot_id,
        peaks.device_id,
        peaks.channel,
        peaks.depth_cm,
        peaks.date,
        peaks.hour_at,
        peaks.interval_s,
        peaks.volumetric_water_content as peak_water_content,
        peaks.before_hours,
        peaks.first_hours,
        hours.volumetric_water_content,
        (epoch(hours.hour_at) - epoch(peaks.hour_at)) / 3600 as hours_after,
    from peaks
    inner join hours
        on
            peaks.plot_id = hours.plot_id
            and peaks.device_id = hours.device_id
            and peaks.channel = hours.channel
            and peaks.depth_cm = hours.depth_cm
            and hours.hour_at between peaks.hour_at and peaks.hour_at + to_hours(cast(peaks.last_hours as bigint))
),

surroundings as (
    select
        plot_id,
        device_id,
        channel,
        depth_cm,
        date,
        hour_at,
        max(interval_s) as interval_s,
        max(peak_water_content) as peak_water_content,
        max(case when hours_after >= 1 then volumetric_water_content end) as wettest_after,
        min(case when hours_after <= before_hours then volumetric_water_content end) as driest_between,
        max(case when hours_after >= first_hours then volumetric_water_content end) as plateau_max,
        min(case when hours_after >= first_hours then volumetric_water_content end) as plateau_min,
        avg(case when hours_after >= first_hours then volumetric_water_content end) as plateau_mean,
        count(case when hours_after >= first_hours then volumetric_water_content end) as plateau_hours,
    from hours_since
    group by plot_id, device_id, channel, depth_cm, date, hour_at
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
    and surroundings.plateau_hours
    >= limits.daily_completeness
    * (limits.plateau_to_hours - limits.plateau_from_hours) * 3600 / greatest(surroundings.interval_s, 3600)
    and epoch(surroundings.hour_at) + (limits.plateau_to_hours + 1) * 3600
    <= coalesce(epoch(cast(getvariable('as_of') as timestamptz)), epoch(surroundings.hour_at) + 1e9)
    and epoch(surroundings.hour_at)
    >= coalesce(epoch(stream_day_gates.first_in_soil_at) + limits.settling_hours * 3600, 0)
