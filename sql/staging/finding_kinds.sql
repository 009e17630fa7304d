-- What kind of trouble each class of finding is, who answers for it, and what people call it.
--
-- Grain: class
-- As of: days of the drone window only
-- Reads: image_detections, finding_classes
-- Feeds: staged_detections, doubtful_findings
-- Kept as: table
--
-- The first pattern in match_order that the class, in lower case, is like. A class that no pattern names is taken for a
-- disease: the sender reports what is wrong with plants.
with seen as (
    select distinct image_detections.class,
    from image_detections
    where
        image_detections.date between coalesce(getvariable('drone_window_from'), date '0001-01-01')
        and coalesce(getvariable('window_to'), date '9999-12-31')
),

ranked as (
    select
        seen.class,
        finding_classes.kind,
        finding_classes.route,
        finding_classes.name_zh,
        finding_classes.name_en,
        row_number() over (
            partition by seen.class order by finding_classes.match_order, finding_classes.class_pattern
        ) as match_rank,
    from seen
    inner join finding_classes on lower(seen.class) like finding_classes.class_pattern
)

select
    seen.class as finding_class,
    coalesce(ranked.kind, 'disease') as kind,
    coalesce(ranked.route, 'crew') as route,
    coalesce(ranked.name_zh, seen.class) as class_zh,
    coalesce(ranked.name_en, replace(seen.class, '_', ' ')) as class_en,
from seen
left join ranked on seen.class = ranked.class and ranked.match_rank = 1
