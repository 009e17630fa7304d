-- The hours in which the water content of a sensing element rose as it does when water comes.
--
-- Grain: plot, device, channel, depth and hour
-- As of: readings up to as_of; all of the window
-- Reads: readings_daily, readings_hourly, elements, limits
-- Feeds: wetting_signs, wettings
-- Kept as: carried table
--
-- A rise counts in an hour that is wetting_rise above the driest hour of the reach_hours before it, that still brings
-- wetting_step_share of that, and when the next hour keeps wetting_kept_share of it: a lone spike is no watering. The
-- reach is wetting_hours, or the time between two reports of a probe that reports more rarely on that day. Of such a
-- probe nothing is asked where no hour follows within wetting_hours: meanwhile sand drains more than that. Only days
-- around one whose hours span that rise are looked at by the hour: most days of a dry spell have none.
with spans as (
    select
        readings_daily.element_id,
        readings_daily.date,
        readings_daily.driest_hour_water_content as driest,
        readings_daily.wettest_hour_water_content as wettest,
        lag(readings_daily.driest_hour_water_content) over by_day as driest_before,
        lead(readings_daily.date) over by_day as next_date,
        lag(readings_daily.date) over by_day as last_date,
        greatest(limits.wetting_hours, ceil(readings_daily.interval_s / 3600 + 24 * limits.interval_slack))
            as reach_hours,
    from readings_daily
    cross join limits
    where readings_daily.plot_id is not null and readings_daily.volumetric_water_content is not null
    window by_day as (partition by readings_daily.element_id order by readings_daily.date)
),

wet_days as (
    select
        spans.element_id,
        spans.date,
        spans.next_date,
        spans.last_date,
    from spans
    cross join limits
    where
        round(spans.wettest - least(spans.driest, coalesce(spans.driest_before, spans.driest)) - limits.wetting_rise, 9)
        >= 0
),

days_to_read as (
    select
        element_id,
        date,
    from wet_days
    union distinct
    select
        element_id,
        next_date as date,
    from wet_days
    where next_date is not null
    union distinct
    select
        element_id,
        last_date as date,
    from wet_days
    where last_date is not null
),

hours as (
    select
        readings_hourly.element_id,
        readings_hourly.date,
        readings_hourly.hour_at,
        readings_hourly.volumetric_water_content,
    from readings_hourly
    inner join days_to_read
        on readings_hourly.element_id = days_to_read.element_id and readings_hourly.date = days_to_read.date
    where readings_hourly.volumetric_water_content is not null
),

steps as (
    select
        hours.*,
        hours.volumetric_water_content - lag(hours.volumetric_water_content) over by_hour as step,
        lead(hours.volumetric_water_content) over by_hour - hours.volumetric_water_content as next_step,
        epoch(lead(hours.hour_at) over by_hour) - epoch(hours.hour_at) as next_after_s,
    from hours
    window by_hour as (partition by hours.element_id order by hours.hour_at)
),

-- the driest hour before is looked up only where the last step alone could be its share of a rise
climbs as (
    select
        steps.*,
        spans.reach_hours,
        steps.hour_at - to_hours(cast(spans.reach_hours as bigint)) as looked_at_from,
    from steps
    cross join limits
    inner join spans on steps.element_id = spans.element_id and steps.date = spans.date
    where round(steps.step - limits.wetting_step_share * limits.wetting_rise, 9) >= 0
),

driest_before as (
    select
        climbs.element_id,
        climbs.hour_at,
        min(hours.volumetric_water_content) as water_content,
    from climbs
    inner join hours
        on
            climbs.element_id = hours.element_id
            and hours.hour_at between climbs.looked_at_from and climbs.hour_at
    group by climbs.element_id, climbs.hour_at
),

rises as (
    select
        climbs.*,
        climbs.volumetric_water_content - driest_before.water_content as rise,
    from climbs
    inner join driest_before
        on climbs.element_id = driest_before.element_id and climbs.hour_at = driest_before.hour_at
)

select
    elements.plot_id,
    elements.device_id,
    elements.channel,
    elements.depth_cm,
    rises.hour_at,
    rises.rise,
    rises.reach_hours,
from rises
cross join limits
inner join elements on rises.element_id = elements.element_id
where
    round(rises.rise - limits.wetting_rise, 9) >= 0
    and (
        coalesce(rises.next_step, 0) >= -limits.wetting_kept_share * rises.rise
        or (rises.reach_hours > limits.wetting_hours and rises.next_after_s > limits.wetting_hours * 3600)
    )
    and rises.step >= limits.wetting_step_share * rises.rise
