-- zh: 每个地块拍到过哪些问题，多少张照片，最高可信度多少？
-- en: What was found in each plot, in how many pictures, with what confidence at most?
select
    plot_id,
    finding_class,
    count(distinct picture_id) as images,
    count(distinct coalesce(flight_id, concat_ws('/', drone_id, cast(date as varchar)))) as flights,
    max(confidence) as confidence,
    max(captured_at) as last_captured_at,
from detections
where plot_id is not null
group by plot_id, finding_class
order by confidence desc, plot_id asc, finding_class asc
