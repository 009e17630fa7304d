-- The register row of a plot that holds at the instant of the evaluation.
--
-- Grain: plot
-- As of: register row that holds at as_of, else at variable now; without either the row that has no end
-- Reads: plots
-- Feeds: staged_soil_layers, staged_plots
select
    plots.plot_id,
    plots.name,
    plots.maintenance_grade,
    plots.vegetation,
    plots.planted_on,
    plots.soil_texture,
    plots.field_capacity,
    plots.wilting_point,
    plots.saturation,
    plots.sand_pct,
    plots.clay_pct,
    plots.organic_matter_pct,
    plots.soil_layers,
    plots.irrigation,
    plots.wetted_fraction,
    plots.tree_pits,
    plots.tree_pit_area_m2,
    plots.water_ec_ds_m,
    plots.soil_ece_ds_m,
    plots.area_m2,
    plots.lon,
    plots.lat,
    plots.valid_from,
    plots.register_version,
from plots
where
    plots.valid_from <= coalesce(getvariable('as_of'), getvariable('now'), timestamptz 'infinity')
    and (
        plots.valid_to is null
        or plots.valid_to > coalesce(getvariable('as_of'), getvariable('now'), timestamptz 'infinity')
    )
