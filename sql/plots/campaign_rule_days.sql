-- What each condition of a campaign measured on each day, and for how many days running it has held.
--
-- Grain: condition and day that was measured
-- As of: readings up to as_of; finished days of the window
-- Reads: campaign_rules, readings_daily, weather_station_days, limits
-- Feeds: campaign_conditions, campaign_states
-- Kept as: held table
--
-- A value is the median over the stations, or over the elements in the depth range, of the whole site; a pulled-out
-- probe or two do not move it. A day of a probe counts with daily_completeness of its readings, one of a station where
-- it was heard by night and by day, or for its mean morning and evening (weather_station_days). In a row means without
-- a day between: a day that nobody measured begins anew.
with air_values as (
    select
        campaign_rules.rule_number,
        weather_station_days.date,
        case
            when campaign_rules.quantity = 'rain_mm'
                then case when weather_station_days.is_rain_whole then weather_station_days.rain_mm end
            when campaign_rules.quantity = 'air_temperature_mean_c' and weather_station_days.is_air_mean_whole
                then weather_station_days.air_temperature_mean_c
            when not weather_station_days.is_air_whole then null
            when campaign_rules.quantity = 'air_temperature_min_c' then weather_station_days.air_temperature_min_c
            when campaign_rules.quantity = 'air_temperature_max_c' then weather_station_days.air_temperature_max_c
        end as value,
    from campaign_rules
    inner join weather_station_days on weather_station_days.date < cast(getvariable('window_to') as date)
    where campaign_rules.quantity <> 'soil_temperature_mean_c'
),

-- rules that ask about the same depths share their days
depth_ranges as (
    select distinct
        depth_from_cm,
        depth_to_cm,
    from campaign_rules
    where quantity = 'soil_temperature_mean_c'
),

soil_days as (
    select
        depth_ranges.depth_from_cm,
        depth_ranges.depth_to_cm,
        readings_daily.date,
        percentile_cont(0.5) within group (order by readings_daily.soil_temperature_c) as value,
    from depth_ranges
    cross join limits
    inner join readings_daily
        on readings_daily.depth_cm between depth_ranges.depth_from_cm and depth_ranges.depth_to_cm
    where
        readings_daily.date < cast(getvariable('window_to') as date)
        and readings_daily.readings >= limits.daily_completeness * readings_daily.expected_readings
        and readings_daily.soil_temperature_c is not null
    group by depth_ranges.depth_from_cm, depth_ranges.depth_to_cm, readings_daily.date
),

site_days as (
    select
        rule_number,
        date,
        round(percentile_cont(0.5) within group (order by value), 6) as value,
    from air_values
    where value is not null
    group by rule_number, date
    union all
    select
        campaign_rules.rule_number,
        soil_days.date,
        round(soil_days.value, 6) as value,
    from campaign_rules
    inner join soil_days
        on
            campaign_rules.depth_from_cm = soil_days.depth_from_cm
            and campaign_rules.depth_to_cm = soil_days.depth_to_cm
    where campaign_rules.quantity = 'soil_temperature_mean_c'
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
