"""Readings in, readings with every gate out: the quality gates alone, over series that lie in no lake."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import duckdb
import pyarrow as pa

from ingest.lake.tables import all_tables
from ingest.site import Site
from sql.models import Model, all_models, analyst_models, in_order
from sql.reference import create_reference

Progress = Callable[[str, int, int], None]
"""Called before each model with its name, its number from 1, and how many there are."""

_COLUMNS = "device_id, depth_cm, measured_at, volumetric_water_content, soil_temperature_c, flags, is_usable"


def flag_series(tables: Mapping[str, pa.Table], site: Site, progress: Progress | None = None) -> pa.Table:
    """Return every reading with water content and its flags, by device, depth and instant.

    tables: rows of tables of the lake (soil_readings, devices, plots, weather_readings); a column that is missing is
        null, a table that is missing empty
    The models are the very files that an evaluation runs, over all that is given: no window, no past instant.
    """
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"set timezone = '{site.timezone.key}'")
        for name, spec in all_tables().items():
            rows = _whole(tables[name], spec.schema) if name in tables else spec.schema.empty_table()
            connection.register(f"given_{name}", rows)
            day = (
                f", cast(timezone('{site.timezone.key}', {spec.partition_by}) as date) as date"
                if spec.partition_by
                else ""
            )
            connection.execute(f"create temp view {name} as select *{day} from given_{name}")
        create_reference(connection)
        models = gate_models()
        for number, model in enumerate(models, start=1):
            if progress is not None:
                progress(model.name, number, len(models))
            kind = "temp table" if model.is_table else "temp view"
            connection.execute(f"create {kind} {model.name} as {model.select}")
        return connection.execute(
            f"select {_COLUMNS} from reading_flags order by device_id, depth_cm, measured_at"
        ).to_arrow_table()


def _whole(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return pa.table(
        {
            field.name: rows[field.name] if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
            for field in schema
        }
    )


def gate_models() -> tuple[Model, ...]:
    """Return the models up to reading_flags, each after all that it reads."""
    by_name = {model.name: model for model in (*all_models(), *analyst_models())}
    wanted = ["reading_flags"]
    for name in wanted:
        wanted += [source for source in by_name[name].reads if source in by_name and source not in wanted]
    return in_order([by_name[name] for name in wanted])
