"""Every number between the readings of a plot and its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

Rows = Sequence[Mapping[str, object]]

_SECTIONS = {
    "plot": "select * from staged_plots where plot_id = $plot_id",
    "devices": "select * from sensor_states where plot_id = $plot_id order by device_id",
    "daily_means": (
        "select device_id, channel, depth_cm, date, volumetric_water_content, matric_potential_kpa, usable_readings, "
        "usable_potentials, expected_readings, is_complete, is_potential_complete from readings_daily "
        "where plot_id = $plot_id order by date, depth_cm, device_id"
    ),
    "layers": "select * from root_zone_layers where plot_id = $plot_id order by span, starts_at, depth_cm",
    "root_zone": "select * from root_zone where plot_id = $plot_id order by span, starts_at",
    "potentials": "select * from potentials where plot_id = $plot_id order by span, starts_at",
    "evaluations": "select * from drought_evaluations where plot_id = $plot_id order by quantity, span, starts_at",
    "watering": "select * from watering_needs where plot_id = $plot_id",
    "flights": "select * from plot_flights where plot_id = $plot_id",
    "sick_spots": "select * from disease_objects where plot_id = $plot_id order by captured_at, object_id",
    "vigour": "select * from vigour_flights where plot_id = $plot_id order by captured_at, index_name",
    "verdicts": "select * from evaluated_flags where plot_id = $plot_id order by cause, device_id",
}


def describe_plot(connection: duckdb.DuckDBPyConnection, plot_id: str) -> dict[str, Rows]:
    """Return, by section in the order of reasoning, the rows behind the verdicts on one plot.

    Needs a connection on which `evaluate` has run; reads what it left there. Every section is empty for a plot that
    does not exist.
    """
    described: dict[str, Rows] = {}
    for section, select in _SECTIONS.items():
        described[section] = connection.execute(select, {"plot_id": plot_id}).to_arrow_table().to_pylist()
    return described
