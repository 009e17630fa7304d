-- The days of a plot as its picture lists them: closed days in one value, newer ones in another.
--
-- Grain: plot, quantity and is_closed
-- As of: readings up to as_of; days that are over
-- Reads: plot_days, limits
-- Feeds: plot_stories
-- Kept as: carried table
--
-- JSON arrays [date, condition, value, upper line, watch line, refill line, lowest line, state], joined by commas in
-- the order of the days; plot_stories says what they mean. Of each plot for either quantity, since which of them judges
-- it may change within the day.
with quantities as (
    select unnest(['water_content', 'matric_potential']) as quantity,
)

select
    plot_days.plot_id,
    quantities.quantity,
    plot_days.date <= cast(getvariable('closed_until') as date) as is_closed,
    array_to_string(
        array_sort(array_agg(case
            when quantities.quantity = 'matric_potential'
                then cast(json_array(
                    cast(plot_days.date as varchar), plot_days.condition,
                    round(plot_days.matric_potential_kpa, 2), null, round(plot_days.watch_kpa, 2),
                    plot_days.line_kpa, null, plot_days.state
                ) as varchar)
            else cast(json_array(
                cast(plot_days.date as varchar), plot_days.condition,
                round(plot_days.volumetric_water_content, 5), round(plot_days.field_capacity, 5),
                round(plot_days.watch_point, 5), round(plot_days.refill_point, 5),
                round(plot_days.wilting_point, 5), plot_days.state
            ) as varchar)
        end)), ','
    ) as days,
from plot_days
cross join limits
cross join quantities
where date_diff('day', plot_days.date, cast(getvariable('window_to') as date)) <= limits.picture_days
group by plot_days.plot_id, quantities.quantity, plot_days.date <= cast(getvariable('closed_until') as date)
