-- Which object each finding shows: findings of one class near each other in one flight are one thing on the ground.
--
-- Grain: picture and detection
-- As of: captured_at up to as_of
-- Reads: staged_detections, limits
-- Feeds: found_objects
-- Kept as: table
--
-- Near means: centres nearer than same_object_sigmas x the larger sigma. Each finding joins the most confident one near
-- it, that one the most confident near itself, and so on up to eight steps: object_rank is the rank of the finding at
-- the top, and no two tops are near each other. A row of trees, each near the next, stays several objects. A finding
-- below disease_confidence is no part of any: two pictures agree when each is sure enough. Only findings in the same
-- and the eight cells around are compared, cells as wide as the group's farthest reach, so that the work grows with
-- the findings and not with their square. Distances on the sphere of 6,371 km, good to 0.5 % within a plot.
with findings as (
    select
        staged_detections.plot_id,
        staged_detections.flight_id,
        staged_detections.finding_class,
        staged_detections.picture_id,
        staged_detections.detection_id,
        staged_detections.centre_lon,
        staged_detections.centre_lat,
        row_number() over (order by staged_detections.trust) as trust_rank,
        limits.same_object_sigmas * coalesce(staged_detections.sigma_m, 0) as reach_m,
        min(staged_detections.centre_lon) over one_group as west_deg,
        min(staged_detections.centre_lat) over one_group as south_deg,
        greatest(
            max(limits.same_object_sigmas * coalesce(staged_detections.sigma_m, 0)) over one_group, limits.finest_cell_m
        ) as cell_m,
    from staged_detections
    cross join limits
    where staged_detections.confidence >= limits.disease_confidence
    window one_group as (
        partition by staged_detections.plot_id, staged_detections.flight_id, staged_detections.finding_class
    )
),

places as (
    select
        findings.*,
        6371000 * radians(findings.centre_lon - findings.west_deg) * cos(radians(findings.south_deg)) as east_m,
        6371000 * radians(findings.centre_lat - findings.south_deg) as north_m,
    from findings
),

cells as (
    select
        places.*,
        floor(places.east_m / places.cell_m) as cell_east,
        floor(places.north_m / places.cell_m) as cell_north,
    from places
),

steps as (
    select unnest([-1, 0, 1]) as step,
),

around as (
    select
        cells.plot_id,
        cells.flight_id,
        cells.finding_class,
        cells.trust_rank,
        cells.reach_m,
        cells.east_m,
        cells.north_m,
        cells.cell_east + eastward.step as cell_east,
        cells.cell_north + northward.step as cell_north,
    from cells
    cross join steps as eastward
    cross join steps as northward
),

one_step as (
    select
        cells.trust_rank,
        max(around.trust_rank) as leader,
    from cells
    inner join around
        on
            cells.plot_id = around.plot_id
            and cells.flight_id = around.flight_id
            and cells.finding_class = around.finding_class
            and cells.cell_east = around.cell_east
            and cells.cell_north = around.cell_north
    where
        cells.trust_rank = around.trust_rank
        or (
            cells.trust_rank < around.trust_rank
            and sqrt(power(cells.east_m - around.east_m, 2) + power(cells.north_m - around.north_m, 2))
            < greatest(cells.reach_m, around.reach_m)
        )
    group by cells.trust_rank
),

two_steps as (
    select
        one_step.trust_rank,
        further.leader,
    from one_step
    inner join one_step as further on one_step.leader = further.trust_rank
),

four_steps as (
    select
        two_steps.trust_rank,
        further.leader,
    from two_steps
    inner join two_steps as further on two_steps.leader = further.trust_rank
),

eight_steps as (
    select
        four_steps.trust_rank,
        further.leader,
    from four_steps
    inner join four_steps as further on four_steps.leader = further.trust_rank
)

select
    findings.picture_id,
    findings.detection_id,
    eight_steps.leader as object_rank,
from findings
inner join eight_steps on findings.trust_rank = eight_steps.trust_rank
