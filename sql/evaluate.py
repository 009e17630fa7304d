"""A lake in, verdicts out: the models run in order, and the rows of `flags` read from the last one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from ingest.lake.tables import table
from ingest.site import Site
from sql.models import all_models
from sql.reference import create_reference, limit

Progress = Callable[[str, int, int], None]
"""Called before each model with its name, its number from 1, and how many there are."""


def evaluate(
    connection: duckdb.DuckDBPyConnection, *, as_of: datetime, site: Site, progress: Progress | None = None
) -> pa.Table:
    """Return what the rules say of every plot at `as_of` (aware), with the columns of table `flags`.

    One row per plot and cause (drought, disease, vigour, coverage) and per device of a plot (cause sensor), also where
    nothing is wrong and where we do not know; sorted by plot, cause and device. Only readings measured up to `as_of`
    count, whenever they arrived, so that the same instant over the same lake gives the same rows. The models stay on
    `connection` as temporary relations, for `describe_plot` and for questions.
    """
    set_variables(connection, as_of=as_of, site=site)
    create_reference(connection)
    models = all_models()
    for number, model in enumerate(models, start=1):
        if progress is not None:
            progress(model.name, number, len(models))
        kind = "temp table" if model.is_table else "temp view"
        connection.execute(f"create or replace {kind} {model.name} as {model.select}")
    schema = table("flags").schema
    names = ", ".join(f'"{name}"' for name in schema.names)
    rows = connection.execute(
        f"select {names} from evaluated_flags order by plot_id, cause, device_id"
    ).to_arrow_table()
    return rows.cast(schema)


def set_variables(connection: duckdb.DuckDBPyConnection, *, as_of: datetime, site: Site) -> None:
    """Set what the models ask by `getvariable`: the instant, the clock, and the days that they need to read."""
    today = site.local_date(as_of)
    variables = {
        "as_of": f"timestamptz '{as_of.isoformat()}'",
        "timezone": f"'{site.timezone.key}'",
        "window_from": f"date '{today - timedelta(days=limit('soil_window_days'))}'",
        "drone_window_from": f"date '{today - timedelta(days=limit('drone_window_days'))}'",
        "window_to": f"date '{today}'",
    }
    for name, value in variables.items():
        connection.execute(f"set variable {name} = {value}")
