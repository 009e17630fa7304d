-- What each condition of a campaign measured on each day, and for how many days running it has held.
--
-- Grain: condition and day that was measured
-- As of: readings up to as_of; finished days of the window
-- Reads: campaign_rules, readings_daily, staged_weather_readings, limits
-- Feeds: campaign_conditions, campaign_states
-- Kept as: table
--
-- A value is the median over the stations, or over the elements in the depth range, of the whole site; a pulled-out
-- probe or two do not move it. A day of a probe counts with daily_completeness of its readings, one of a station with
-- that share of the hours that it usually reports in. In a row means without a day between: a day that nobody measured
-- begins anew.
with station_days as (
    select
        staged_weather_readings.device_id,
        staged_weather_readings.date,
        round(avg(staged_weather_readings.air_temperature_c), 9) as air_temperature_mean_c,
        min(staged_weather_readings.air_temperature_c) as air_temperature_min_c,
        max(staged_weather_readings.air_temperature_c) as air_temperature_max_c,
        round(sum(staged_weather_readings.rain_depth_mm), 9) as rain_mm,
        count(distinct floor(epoch(staged_weather_readings.measured_at) / 3600)) as hours,
    from staged_weather_readings
    where staged_weather_readings.date < cast(getvariable('window_to') as date)
    group by staged_weather_readings.device_id, staged_weather_readings.date
),

cadences as (
    select
        device_id,
        percentile_cont(0.5) within group (order by hours) as usual_hours,
    from station_days
    group by device_id
),

whole_station_days as (
    select station_days.*,
    from station_days
    cross join limits
    inner join cadences on station_days.device_id = cadences.device_id
    where station_days.hours >= limits.daily_completeness * cadences.usual_hours
),

air_values as (
    select
        campaign_rules.rule_number,
        whole_station_days.date,
        case campaign_rules.quantity
            when 'air_temperature_mean_c' then whole_station_days.air_temperature_mean_c
            when 'air_temperature_min_c' then whole_station_days.air_temperature_min_c
            when 'air_temperature_max_c' then whole_station_days.air_temperature_max_c
            when 'rain_mm' then whole_station_days.rain_mm
        end as value,
    from campaign_rules
    cross join whole_station_days
    where campaign_rules.quantity <> 'soil_temperature_mean_c'
),

soil_values as (
    select
        campaign_rules.rule_number,
        readings_daily.date,
        readings_daily.soil_temperature_c as value,
    from campaign_rules
    cross join limits
    inner join readings_daily
        on readings_daily.depth_cm between campaign_rules.depth_from_cm and campaign_rules.depth_to_cm
    where
        campaign_rules.quantity = 'soil_temperature_mean_c'
        and readings_daily.date < cast(getvariable('window_to') as date)
        and readings_daily.readings >= limits.daily_completeness * readings_daily.expected_readings
),

site_days as (
    select
        every_value.rule_number,
        every_value.date,
        round(percentile_cont(0.5) within group (order by every_value.value), 6) as value,
    from (
        select
            rule_number,
            date,
            value,
        from air_values
        union all
        select
            rule_number,
            date,
            value,
        from soil_values
    ) as every_value
    where every_value.value is not null
    group by every_value.rule_number, every_value.date
),

judged as (
    select
        campaign_rules.campaign_id,
        campaign_rules.rule_number,
        campaign_rules.days_running,
        site_days.date,
        site_days.value,
        case campaign_rules.operator
            when '>=' then site_days.value >= campaign_rules.threshold
            when '>' then site_days.value > campaign_rules.threshold
            when '<=' then site_days.value <= campaign_rules.threshold
            when '<' then site_days.value < campaign_rules.threshold
        end as holds,
    from site_days
    inner join campaign_rules on site_days.rule_number = campaign_rules.rule_number
),

begins as (
    select
        judged.*,
        row_number() over by_day as day_number,
        coalesce(date_diff('day', lag(judged.date) over by_day, judged.date), 0) <> 1
        or not coalesce(lag(judged.holds) over by_day, false) as is_begin,
    from judged
    window by_day as (partition by judged.rule_number order by judged.date)
),

runs as (
    select
        begins.*,
        begins.day_number
        - max(case when begins.is_begin then begins.day_number end) over (
            partition by begins.rule_number order by begins.date rows between unbounded preceding and current row
        ) + 1 as run_days,
    from begins
)

select
    campaign_id,
    rule_number,
    date,
    value,
    holds,
    case when holds then run_days else 0 end as days_held,
    holds and run_days >= days_running as is_complete,
from runs
