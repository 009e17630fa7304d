-- The highest hourly water content of a sensing element and its steepest rise, before, on and after the closed day.
--
-- Grain: plot, device, channel, depth and part of the window
-- As of: readings up to as_of
-- Reads: element_hours, elements, limits
-- Feeds: saturated_stretches, unsteady_devices
-- Kept as: carried table
--
-- part: days that part stands after closed_until; -1 is everything before it, and all there is where nothing is closed.
-- Water content in percent; what no soil can hold (C02) is no height.
with parts as (
    select
        element_hours.element_id,
        greatest(
            coalesce(
                floor(
                    (
                        element_hours.hour - floor(
                            epoch(
                                timezone(
                                    coalesce(getvariable('timezone'), 'UTC'),
                                    cast(getvariable('closed_until') as timestamp)
                                )
                            ) / 3600
                        )
                    ) / 24
                ),
                -1
            ),
            -1
        ) as part,
        max(
            case
                when element_hours.water_content_pct < 100 * limits.water_content_max
                    then element_hours.water_content_pct
            end
        ) as highest_pct,
        max(element_hours.slope_pct) as steepest_pct,
    from element_hours
    cross join limits
    group by 1, 2
)

select
    elements.device_id,
    elements.channel,
    elements.depth_cm,
    elements.plot_id,
    parts.*,
from parts
inner join elements on parts.element_id = elements.element_id
