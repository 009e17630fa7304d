-- The plots that the register holds now; plots itself has every row with its validity.
--
-- Grain: plot
-- As of: variable as_of, or variable now; without either the rows without an end
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
where
    valid_from <= coalesce(getvariable('as_of'), getvariable('now'), timestamptz 'infinity')
    and (
        valid_to is null
        or valid_to > coalesce(getvariable('as_of'), getvariable('now'), timestamptz 'infinity')
    )
