-- The month of a plot in one value, for its picture: days, hours since, rain, water that came, verdict and its line.
--
-- Grain: plot
-- As of: readings up to as_of
-- Reads: staged_plots, drought_findings, drought_flags, vigour_flights, story_days, root_zone, potentials,
--   weather_days, story_wettings, limits
-- Feeds: pictures
--
-- Lists are JSON arrays of arrays whose first value sorts: days [date, condition, value, upper line, watch line,
-- refill line, lowest line, state], hours [instant, value], rain [date, mm], wettings [instant, kind, mm that the root
-- zone gained]. Water content is in m3/m3 and potential in kPa; upper is field capacity, lowest the wilting point, and
-- potential has neither. Hours are those after the last day that is over. Indices are flights of the plot's most
-- trusted vegetation index [date, name, median, robust z or null, state]. Where variable pictured_plots lists plots,
-- only these are told of.
with listed_plots as (
    select cast(unnest(getvariable('pictured_plots')) as varchar) as plot_id,
),

quantities as (
    select
        plot_id,
        coalesce(
            quantity,
            case when line_kpa is not null and volumetric_water_content is null then 'matric_potential' end,
            'water_content'
        ) as quantity,
    from drought_findings
    where
        getvariable('pictured_plots') is null
        or plot_id in (select listed_plots.plot_id, from listed_plots)
),

days as (
    select
        story_days.plot_id,
        concat_ws(
            ',',
            max(case when story_days.is_closed then story_days.days end),
            max(case when not story_days.is_closed then story_days.days end)
        ) as days,
    from story_days
    inner join quantities on story_days.plot_id = quantities.plot_id and story_days.quantity = quantities.quantity
    group by story_days.plot_id
),

points as (
    select
        plot_id,
        'water_content' as quantity,
        starts_at,
        round(volumetric_water_content, 5) as point,
    from root_zone
    where span = 'hour' and date = cast(getvariable('window_to') as date)
    union all
    select
        plot_id,
        'matric_potential' as quantity,
        starts_at,
        round(matric_potential_kpa, 2) as point,
    from potentials
    where span = 'hour' and date = cast(getvariable('window_to') as date)
),

hours as (
    select
        points.plot_id,
        array_to_string(
            array_sort(array_agg(cast(json_array(
                strftime(timezone('UTC', points.starts_at), '%Y-%m-%dT%H:%M:%SZ'), points.point
            ) as varchar))), ','
        ) as hours,
    from points
    inner join quantities on points.plot_id = quantities.plot_id and points.quantity = quantities.quantity
    group by points.plot_id
),

rain as (
    select
        array_to_string(
            array_sort(array_agg(
                cast(json_array(cast(weather_days.date as varchar), round(weather_days.rain_mm, 1)) as varchar)
            )), ','
        ) as rain,
    from weather_days
    cross join limits
    where
        weather_days.rain_mm is not null
        and date_diff('day', weather_days.date, cast(getvariable('window_to') as date)) <= limits.picture_days
),

ranked_indices as (
    select
        vigour_flights.*,
        cast(
            timezone(coalesce(getvariable('timezone'), 'UTC'), vigour_flights.captured_at) as date
        ) as flown_on,
        dense_rank() over (
            partition by vigour_flights.plot_id
            order by vigour_flights.order_of_trust, vigour_flights.index_name, vigour_flights.sensor_kind
        ) as index_rank,
    from vigour_flights
),

indices as (
    select
        ranked_indices.plot_id,
        array_to_string(
            array_sort(array_agg(cast(json_array(
                cast(ranked_indices.flown_on as varchar),
                ranked_indices.index_name,
                round(ranked_indices.index_median, 4),
                round(ranked_indices.robust_z, 3),
                ranked_indices.state
            ) as varchar))), ','
        ) as indices,
    from ranked_indices
    cross join limits
    where
        ranked_indices.index_rank = 1
        and date_diff('day', ranked_indices.flown_on, cast(getvariable('window_to') as date)) <= limits.picture_days
    group by ranked_indices.plot_id
),

stories as (
    select
        staged_plots.plot_id,
        cast(json_object(
            'plot_id', staged_plots.plot_id,
            'plot_name', staged_plots.plot_name,
            'as_of', strftime(timezone('UTC', cast(getvariable('as_of') as timestamptz)), '%Y-%m-%dT%H:%M:%SZ'),
            'window_to', cast(cast(getvariable('window_to') as date) as varchar),
            'picture_days', cast(limits.picture_days as bigint),
            'quantity', quantities.quantity,
            'state', drought_findings.state,
            'needs_work', drought_findings.needs_work,
            'severity', cast(drought_findings.severity as bigint),
            'root_zone_m', drought_findings.root_zone_m,
            'reason_code', drought_flags.reason_code,
            'reason_params', cast(drought_flags.reason_params_json as json),
            'forecast', json_object(
                'median', drought_flags.days_until_dry,
                'low', drought_flags.days_until_dry_low,
                'high', drought_flags.days_until_dry_high
            ),
            'issue_since', case
                when drought_findings.is_open
                    then strftime(timezone('UTC', drought_findings.issue_since_at), '%Y-%m-%dT%H:%M:%SZ')
            end
        ) as varchar) as head,
        days.days,
        hours.hours,
        indices.indices,
        rain.rain,
        story_wettings.wettings,
    from staged_plots
    cross join limits
    cross join rain
    inner join drought_findings on staged_plots.plot_id = drought_findings.plot_id
    inner join drought_flags on staged_plots.plot_id = drought_flags.plot_id
    inner join quantities on staged_plots.plot_id = quantities.plot_id
    left join days on staged_plots.plot_id = days.plot_id
    left join hours on staged_plots.plot_id = hours.plot_id
    left join indices on staged_plots.plot_id = indices.plot_id
    left join story_wettings on staged_plots.plot_id = story_wettings.plot_id
    where days.plot_id is not null or hours.plot_id is not null
)

-- the lists are JSON already: as text they are not read and written once more
select
    plot_id,
    concat(
        left(head, -1),
        ',"days":[', days, '],"hours":[', hours, '],"indices":[', indices, '],"rain":[', rain,
        '],"wettings":[', wettings, ']}'
    ) as story_json,
from stories
