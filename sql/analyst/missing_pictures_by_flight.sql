-- zh: 哪些架次的影像没有传全？各缺多少？
-- en: Which flights lack pictures, and how many?
select
    flight_id,
    gateway_id,
    expected_files,
    files,
    missing_files,
    last_reported_at,
from flights
where missing_files > 0
order by last_reported_at desc, flight_id asc
