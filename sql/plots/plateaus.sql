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
-- Hours of the first settling_hours of a probe do not count. Only days with such a rise are looked at by the hour.
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

surroundings as (
    select
        hours.*,
        min(hours.volumetric_water_content) over day_before as driest_before,
        max(hours.volumetric_water_content) over day_before as wettest_before,
        max(hours.volumetric_water_content) over all_after as wettest_after,
        min(hours.volumetric_water_content) over between_them as driest_between,
        max(hours.volumetric_water_content) over plateau as plateau_max,
        min(hours.volumetric_water_content) over plateau as plateau_min,
        avg(hours.volumetric_water_content) over plateau as plateau_mean,
        count(hours.volumetric_water_content) over plateau as plateau_hours,
    from hours
    window
        day_before as (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm
            order by hours.hour_at
            range between interval 24 hour preceding and current row
        ),
        all_after as (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm
            order by hours.hour_at
            range between interval 1 hour following and interval (hours.last_hours) hour following
        ),
        between_them as (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm
            order by hours.hour_at
            range between current row and interval (hours.before_hours) hour following
        ),
        plateau as (
            partition by hours.plot_id, hours.device_id, hours.channel, hours.depth_cm
            order by hours.hour_at
            range between interval (hours.first_hours) hour following and interval (hours.last_hours) hour following
        )
)

select
    surroundings.plot_id,
    surroundings.device_id,
    surroundings.channel,
    surroundings.depth_cm,
    surroundings.date,
    surroundings.hour_at as wetted_at,
    surroundings.volumetric_water_content as peak_water_content,
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
    surroundings.volumetric_water_content >= surroundings.wettest_before
    and surroundings.volumetric_water_content > surroundings.wettest_after
    and round(surroundings.volumetric_water_content - surroundings.driest_before - limits.plateau_rise, 9) >= 0
    and round(surroundings.volumetric_water_content - surroundings.plateau_mean - limits.plateau_drained, 9) >= 0
    and round(surroundings.plateau_max - surroundings.plateau_min - limits.plateau_range, 9) <= 0
    and round(surroundings.plateau_max - surroundings.driest_between - limits.plateau_range, 9) <= 0
    and surroundings.plateau_hours
    >= limits.daily_completeness
    * (limits.plateau_to_hours - limits.plateau_from_hours) * 3600 / greatest(surroundings.interval_s, 3600)
    and epoch(surroundings.hour_at) + (limits.plateau_to_hours + 1) * 3600
    <= coalesce(epoch(cast(getvariable('as_of') as timestamptz)), epoch(surroundings.hour_at) + 1e9)
    and epoch(surroundings.hour_at)
    >= coalesce(epoch(stream_day_gates.first_in_soil_at) + limits.settling_hours * 3600, 0)
