-- The flights of the drones, with the files that docks say they made, those that came, and those that are missing.
--
-- Missing means: the dock counted more files than came. While it uploads, files are missing that still come. A picture
-- that names no dock is of the only one that has such a flight.
--
-- Grain: flight and dock
-- As of: all history
-- Reads: drone_images, flight_reports
-- Feeds: questions of analysts
with only_docks as (
    select
        flight_id,
        min(gateway_id) as gateway_id,
    from flight_reports
    group by flight_id
    having count(distinct gateway_id) = 1
),

pictures as (
    select
        drone_images.flight_id,
        coalesce(drone_images.gateway_id, only_docks.gateway_id) as gateway_id,
        count(*) as files,
        count(case when drone_images.media_kind = 'image' then 1 end) as images,
        count(case when drone_images.footprint_status in ('ok', 'clipped') then 1 end) as images_with_ground,
        min(drone_images.captured_at) as first_captured_at,
        max(drone_images.captured_at) as last_captured_at,
    from drone_images
    left join only_docks on drone_images.flight_id = only_docks.flight_id
    where drone_images.flight_id is not null
    group by drone_images.flight_id, coalesce(drone_images.gateway_id, only_docks.gateway_id)
),

reports as (
    select
        flight_id,
        gateway_id,
        max(media_count) as expected_files,
        max_by(status, reported_at) filter (where status is not null) as status,
        max(reported_at) as last_reported_at,
    from flight_reports
    group by flight_id, gateway_id
)

select
    coalesce(reports.flight_id, pictures.flight_id) as flight_id,
    coalesce(reports.gateway_id, pictures.gateway_id) as gateway_id,
    reports.status,
    pictures.first_captured_at,
    pictures.last_captured_at,
    coalesce(pictures.images, 0) as images,
    coalesce(pictures.images_with_ground, 0) as images_with_ground,
    coalesce(pictures.files, 0) as files,
    reports.expected_files,
    case
        when reports.expected_files is not null
            then greatest(reports.expected_files - coalesce(pictures.files, 0), 0)
    end as missing_files,
    reports.last_reported_at,
from reports
full outer join pictures
    on reports.flight_id = pictures.flight_id and reports.gateway_id = pictures.gateway_id
