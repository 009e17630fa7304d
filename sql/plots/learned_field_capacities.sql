-- Field capacity as a sensing element has shown it: where its water settled after heavy wettings.
--
-- Grain: plot, device, channel and depth that stand there at as_of
-- As of: readings up to as_of; plateaus older than the window as evaluations up to as_of wrote them down
-- Reads: plateaus, soil_plateaus, staged_devices, staged_soil_layers, limits
-- Feeds: root_zone_layers
-- Kept as: carried table
--
-- The median of the plateaus of learned_days. It is used when there are learned_events of them and soil of that texture
-- can have it: within learned_sigmas standard deviations of the estimate (laboratory's where there is none), not above
-- saturation, above the wilting point. Its sigma is the standard deviation between the events, at least
-- learned_sigma_min. The window's own plateaus are found anew each time, so that late readings count; older ones were
-- written down before they left it, so that each instant knows no more than it could.
with events as (
    select
        plateaus.plot_id,
        plateaus.device_id,
        plateaus.channel,
        plateaus.depth_cm,
        plateaus.wetted_at,
        plateaus.plateau_water_content,
    from plateaus
    where
        plateaus.date > coalesce(getvariable('window_from'), date '0001-01-01')
        and plateaus.over_at <= coalesce(getvariable('as_of'), timestamptz 'infinity')
    union all
    select
        soil_plateaus.plot_id,
        soil_plateaus.device_id,
        soil_plateaus.channel,
        soil_plateaus.depth_cm,
        soil_plateaus.wetted_at,
        soil_plateaus.plateau_water_content,
    from soil_plateaus
    cross join limits
    where
        soil_plateaus.date <= getvariable('window_from')
        and soil_plateaus.date
        > cast(getvariable('window_to') as date) - cast(limits.learned_days as integer)
),

elements as (
    select
        events.plot_id,
        events.device_id,
        events.channel,
        events.depth_cm,
        count(*) as events,
        round(percentile_cont(0.5) within group (order by events.plateau_water_content), 9) as field_capacity,
        round(coalesce(stddev_samp(events.plateau_water_content), 0), 9) as spread,
        min(events.wetted_at) as first_wetted_at,
        max(events.wetted_at) as last_wetted_at,
    from events
    where
        exists (
            select 1 as one,
            from staged_devices
            where
                staged_devices.device_id = events.device_id
                and staged_devices.plot_id = events.plot_id
                and staged_devices.valid_from <= coalesce(getvariable('as_of'), timestamptz 'infinity')
                and staged_devices.valid_until > coalesce(getvariable('as_of'), staged_devices.valid_from)
        )
    group by events.plot_id, events.device_id, events.channel, events.depth_cm
),

compared as (
    select
        elements.*,
        staged_soil_layers.saturation,
        staged_soil_layers.wilting_point,
        coalesce(staged_soil_layers.estimated_field_capacity, staged_soil_layers.field_capacity)
            as expected_field_capacity,
        limits.learned_events,
        limits.learned_sigmas * limits.sigma_field_capacity as reach,
        greatest(elements.spread, limits.learned_sigma_min) as sigma_field_capacity,
    from elements
    cross join limits
    left join staged_soil_layers
        on
            elements.plot_id = staged_soil_layers.plot_id
            and elements.depth_cm >= 100 * staged_soil_layers.top_m
            and elements.depth_cm < 100 * staged_soil_layers.bottom_m
),

judged as (
    select
        compared.*,
        case
            when compared.events < compared.learned_events then 'too_few_events'
            when compared.field_capacity > compared.saturation then 'above_saturation'
            when compared.field_capacity <= compared.wilting_point then 'below_wilting_point'
            when round(abs(compared.field_capacity - compared.expected_field_capacity) - compared.reach, 9) > 0
                then 'unlike_texture'
            else 'used'
        end as state,
    from compared
)

select
    judged.plot_id,
    judged.device_id,
    judged.channel,
    judged.depth_cm,
    judged.field_capacity,
    judged.events,
    judged.sigma_field_capacity,
    judged.expected_field_capacity,
    judged.first_wetted_at,
    judged.last_wetted_at,
    judged.state,
    judged.state = 'used' as is_used,
from judged
