-- What the gates on the hourly grid say of an hour of a sensing element; hours without a word have no row.
--
-- Grain: device, channel, depth, plot and hour in which a gate speaks
-- As of: readings up to as_of
-- Reads: elements, hourly_breaks, low_plateaus, high_plateaus, unexplained_rises, outlying_hours
-- Feeds: readings
-- Kept as: table
with events as (
    select
        element_id,
        hour,
        is_d06_spike,
        is_d07_drop,
        is_d08_jump,
        is_s1_suspect,
        is_s1_fall,
        false as is_d09_low_plateau,
        false as is_d10_high_plateau,
        false as is_d04_watering,
        false as is_s3_outlier,
    from hourly_breaks
    union all
    select
        element_id,
        hour,
        false as is_d06_spike,
        false as is_d07_drop,
        false as is_d08_jump,
        false as is_s1_suspect,
        false as is_s1_fall,
        true as is_d09_low_plateau,
        false as is_d10_high_plateau,
        false as is_d04_watering,
        false as is_s3_outlier,
    from low_plateaus
    union all
    select
        element_id,
        hour,
        false as is_d06_spike,
        false as is_d07_drop,
        false as is_d08_jump,
        false as is_s1_suspect,
        false as is_s1_fall,
        false as is_d09_low_plateau,
        true as is_d10_high_plateau,
        false as is_d04_watering,
        false as is_s3_outlier,
    from high_plateaus
    union all
    select
        element_id,
        hour,
        false as is_d06_spike,
        false as is_d07_drop,
        false as is_d08_jump,
        false as is_s1_suspect,
        false as is_s1_fall,
        false as is_d09_low_plateau,
        false as is_d10_high_plateau,
        true as is_d04_watering,
        false as is_s3_outlier,
    from unexplained_rises
    union all
    select
        element_id,
        hour,
        false as is_d06_spike,
        false as is_d07_drop,
        false as is_d08_jump,
        false as is_s1_suspect,
        false as is_s1_fall,
        false as is_d09_low_plateau,
        false as is_d10_high_plateau,
        false as is_d04_watering,
        true as is_s3_outlier,
    from outlying_hours
),

hours as (
    select
        element_id,
        hour,
        bool_or(is_d04_watering) as is_d04_watering,
        bool_or(is_d06_spike) as is_d06_spike,
        bool_or(is_d07_drop) as is_d07_drop,
        bool_or(is_d08_jump) as is_d08_jump,
        bool_or(is_d09_low_plateau) as is_d09_low_plateau,
        bool_or(is_d10_high_plateau) as is_d10_high_plateau,
        bool_or(is_s1_suspect) as is_s1_suspect,
        bool_or(is_s1_fall) as is_s1_fall,
        bool_or(is_s3_outlier) as is_s3_outlier,
    from events
    group by element_id, hour
)

select
    elements.device_id,
    elements.channel,
    elements.depth_cm,
    elements.plot_id,
    hours.hour,
    hours.is_d04_watering,
    hours.is_d06_spike,
    hours.is_d07_drop,
    hours.is_d08_jump,
    hours.is_d09_low_plateau,
    hours.is_d10_high_plateau,
    hours.is_s1_suspect,
    hours.is_s1_fall,
    hours.is_s3_outlier,
from hours
inner join elements on hours.element_id = elements.element_id
