-- The plots whose picture somebody may look at: with work to do, or with an issue that is open or ended of late.
--
-- Grain: plot
-- As of: readings, flights and events up to as_of
-- Reads: evaluated_flags, issue_events, limits
-- Feeds: pictures
--
-- Of late means: within picture_days. Causes are those of which cards show a picture.
select plot_id,
from evaluated_flags
where needs_work and cause in ('drought', 'sensor', 'vigour', 'disease')
union
select issue_events.plot_id,
from issue_events
cross join limits
where issue_events.cause in ('drought', 'sensor', 'vigour', 'disease')
group by issue_events.plot_id, issue_events.issue_id
having
    date_diff('day', max(issue_events.date), cast(getvariable('window_to') as date)) <= max(limits.picture_days)
    or coalesce(max(case when issue_events.kind = 'reopened' then issue_events.happened_at end), '-infinity')
    >= coalesce(max(case when issue_events.kind in ('closed', 'void') then issue_events.happened_at end), '-infinity')
