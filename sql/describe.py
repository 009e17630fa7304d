"""Every row between the readings of a plot and its verdict on dryness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

Row = Mapping[str, Any]
Rows = Sequence[Row]

_NOT_GATES = {"is_usable", "is_evidence", "is_potential_usable", "is_quarantined"}

_SECTIONS = {
    "plot": "select * from staged_plots where plot_id = $plot_id",
    "soil_layers": "select * from staged_soil_layers where plot_id = $plot_id order by layer_number",
    "probes": "select * from sensor_states where plot_id = $plot_id order by device_id",
    "means": (
        "select readings_daily.* from readings_daily inner join drought_memories using (plot_id, date) "
        "where plot_id = $plot_id order by depth_cm, device_id, channel"
    ),
    "hours": (
        "select readings_hourly.* from readings_hourly inner join drought_memories on drought_memories.span = 'hour' "
        "and readings_hourly.plot_id = drought_memories.plot_id "
        "and readings_hourly.hour_at = drought_memories.starts_at "
        "where readings_hourly.plot_id = $plot_id order by depth_cm, device_id, channel"
    ),
    "layers": (
        "select root_zone_layers.* from root_zone_layers inner join drought_memories using (plot_id, span, starts_at) "
        "where plot_id = $plot_id and drought_memories.quantity = 'water_content' order by depth_cm"
    ),
    "zone": (
        "select root_zone.* from root_zone inner join drought_memories using (plot_id, span, starts_at) "
        "where plot_id = $plot_id and drought_memories.quantity = 'water_content'"
    ),
    "potential": (
        "select potentials.* from potentials inner join drought_memories using (plot_id, span, starts_at) "
        "where plot_id = $plot_id and drought_memories.quantity = 'matric_potential'"
    ),
    "evaluation": (
        "select drought_evaluations.* from drought_evaluations "
        "inner join drought_memories using (plot_id, quantity, span, starts_at) where plot_id = $plot_id"
    ),
    "memory": "select * from drought_memories where plot_id = $plot_id",
    "finding": "select * from drought_findings where plot_id = $plot_id",
    "watering": "select * from watering_needs where plot_id = $plot_id",
    "balance": "select * from balance_checks where plot_id = $plot_id",
    "forecast": "select * from dry_forecasts where plot_id = $plot_id",
    "frost": "select * from frost_days where plot_id = $plot_id and frozen_readings > 0 order by date",
    "limits": "select * from limits",
    "season": (
        "select * from seasons where strftime(cast(getvariable('window_to') as date), '%m-%d') "
        "between month_day_from and month_day_to order by season"
    ),
    "flag": "select * from evaluated_flags where plot_id = $plot_id and cause = 'drought'",
    "other_flags": (
        "select * from evaluated_flags where plot_id = $plot_id and cause != 'drought' order by cause, device_id"
    ),
}


def describe_plot(connection: duckdb.DuckDBPyConnection, plot_id: str) -> dict[str, Rows]:
    """Return, by section in the order of reasoning, the rows behind the verdict on the dryness of one plot.

    Layers, zone and evaluation are those of the day or hour that the verdict rests on, means those of its day and hours
    those of its hour. Section gates has a row
    per gate that spoke in the window: gate (the column's name), readings. Needs a connection on which `evaluate` has
    run; reads what it left there. Every section but limits and season is empty for a plot that does not exist.
    """
    described = {name: _rows(connection, select, plot_id) for name, select in _SECTIONS.items()}
    described["gates"] = _gates(connection, plot_id)
    described["readings"] = _rows(
        connection,
        "select count(*) as readings, count(case when is_usable or is_potential_usable then 1 end) as usable, "
        "min(measured_at) as first_at from readings where plot_id = $plot_id",
        plot_id,
    )
    return described


def _rows(connection: duckdb.DuckDBPyConnection, select: str, plot_id: str) -> Rows:
    named = {"plot_id": plot_id} if "$plot_id" in select else None
    rows: list[dict[str, Any]] = connection.execute(select, named).to_arrow_table().to_pylist()
    return rows


def gate_columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the columns of relation readings that are gates, where a run left it on `connection`."""
    columns = [name for (name, *_) in connection.execute("describe readings").fetchall()]
    return [name for name in columns if name.startswith("is_") and name not in _NOT_GATES]


def _gates(connection: duckdb.DuckDBPyConnection, plot_id: str) -> Rows:
    """Return how many readings each gate spoke on; the gates are the columns that say is_ of relation readings."""
    gates = gate_columns(connection)
    counts = ", ".join(f"count(case when {gate} then 1 end) as {gate}" for gate in gates)
    (counted,) = _rows(connection, f"select {counts} from readings where plot_id = $plot_id", plot_id)
    return [{"gate": gate, "readings": counted[gate]} for gate in gates if counted[gate]]
