-- What the gates on the hourly grid say of an hour of a sensing element; hours without a word have no row.
--
-- Grain: element and hour in which a gate speaks
-- As of: readings up to as_of
-- Reads: hourly_breaks, low_plateaus, high_plateaus, unexplained_rises, outlying_hours
-- Feeds: readings, spoken_gates
-- Kept as: table
with words as (
    select
        element_id,
        hour,
        'D04' as gate,
    from unexplained_rises
    union all
    select
        element_id,
        hour,
        'D09' as gate,
    from low_plateaus
    union all
    select
        element_id,
        hour,
        'D10' as gate,
    from high_plateaus
    union all
    select
        element_id,
        hour,
        'S3' as gate,
    from outlying_hours
),

hours as (
    select
        element_id,
        hour,
        bool_or(gate = 'D04') as is_d04_watering,
        bool_or(gate = 'D09') as is_d09_low_plateau,
        bool_or(gate = 'D10') as is_d10_high_plateau,
        bool_or(gate = 'S3') as is_s3_outlier,
    from words
    group by element_id, hour
)

select
    coalesce(hours.element_id, hourly_breaks.element_id) as element_id,
    coalesce(hours.hour, hourly_breaks.hour) as hour,
    coalesce(hours.is_d04_watering, false) as is_d04_watering,
    coalesce(hourly_breaks.is_d06_spike, false) as is_d06_spike,
    coalesce(hourly_breaks.is_d07_drop, false) as is_d07_drop,
    coalesce(hourly_breaks.is_d08_jump, false) as is_d08_jump,
    coalesce(hours.is_d09_low_plateau, false) as is_d09_low_plateau,
    coalesce(hours.is_d10_high_plateau, false) as is_d10_high_plateau,
    coalesce(hourly_breaks.is_s1_suspect, false) as is_s1_suspect,
    coalesce(hourly_breaks.is_s1_fall, false) as is_s1_fall,
    coalesce(hours.is_s3_outlier, false) as is_s3_outlier,
from hours
full outer join hourly_breaks on hours.element_id = hourly_breaks.element_id and hours.hour = hourly_breaks.hour
