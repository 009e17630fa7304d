-- The plots that the register holds today; plots itself has every row with its validity.
--
-- Grain: plot
-- As of: rows without an end
-- Reads: plots
-- Feeds: questions of analysts
select
    plot_id,
    name,
    plot_type,
    maintenance_grade,
    vegetation,
    soil_texture,
    irrigation,
    area_m2,
    grid_id,
    responsible_unit,
    responsible_person,
    crew,
    lon,
    lat,
    valid_from,
from plots
where valid_to is null
