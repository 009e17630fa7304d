-- The water that came to a plot in the days of its picture, as the text that the picture reads.
--
-- Grain: plot
-- As of: readings and reports up to as_of
-- Reads: wetting_events, limits
-- Feeds: plot_stories
-- Kept as: held table
--
-- JSON arrays [instant, kind, mm that the root zone gained], sorted, with commas between.
select
    wetting_events.plot_id,
    array_to_string(
        array_sort(array_agg(cast(json_array(
            strftime(timezone('UTC', wetting_events.starts_at), '%Y-%m-%dT%H:%M:%SZ'),
            wetting_events.kind,
            round(wetting_events.gain_mm, 1)
        ) as varchar))), ','
    ) as wettings,
from wetting_events
cross join limits
where
    date_diff(
        'day',
        cast(timezone(getvariable('timezone'), wetting_events.starts_at) as date),
        cast(getvariable('window_to') as date)
    ) <= limits.picture_days
group by wetting_events.plot_id
