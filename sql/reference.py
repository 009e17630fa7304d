"""Thresholds and classes: the CSV files of sql/reference as relations of the same name."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Container
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # settings are read by processes that never ask DuckDB, and it takes a quarter of their memory
    import duckdb

LIMITS = "limits"
"""The one file that is not a table of rows: each of its rows is a column of the one-row relation `limits`."""


@functools.cache
def reference_rows(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of sql/reference/`name`.csv, every value a string. Raises: FileNotFoundError."""
    text = (resources.files("sql") / "reference" / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(io.StringIO(text)))


@functools.cache
def reference_names() -> tuple[str, ...]:
    """Return the names of all reference tables, in alphabetical order."""
    folder = resources.files("sql") / "reference"
    return tuple(sorted(e.name.removesuffix(".csv") for e in folder.iterdir() if e.name.endswith(".csv")))


def limit(name: str) -> float:
    """Return the threshold `name` of limits.csv, in the unit that its row states. Raises: KeyError."""
    return {row["name"]: float(row["value"]) for row in reference_rows(LIMITS)}[name]


def create_reference(
    connection: duckdb.DuckDBPyConnection, kind: str = "temp view", *, without: Container[str] = ()
) -> None:
    """Make every reference table on `connection`.

    kind: "table" for a database that stays, "temp table", or "temp view"
    without: those that the caller makes itself
    """
    for name in reference_names():
        if name in without:
            continue
        select = _limits() if name == LIMITS else _values(name)
        connection.execute(f"create or replace {kind} {name} as {select}")


def _limits() -> str:
    return "select " + ", ".join(
        f"cast({float(row['value'])} as double) as {row['name']}" for row in reference_rows(LIMITS)
    )


def _values(name: str) -> str:
    rows = reference_rows(name)
    types = {column: _type([row[column] for row in rows]) for column in rows[0]}
    lines = ", ".join("(" + ", ".join(_literal(row[column]) for column in types) + ")" for row in rows)
    # One cast for each column: one for each value would be most of what a statement of so many values costs to plan.
    columns = ", ".join(f"cast({column} as {type_name}) as {column}" for column, type_name in types.items())
    return f"select {columns} from (values {lines}) as given({', '.join(types)})"


def _type(values: list[str]) -> str:
    filled = [value for value in values if value]
    if filled and all(value in ("true", "false") for value in filled):
        return "boolean"
    try:
        for value in filled:
            float(value)
    except ValueError:
        return "varchar"
    return "double" if filled else "varchar"


def _literal(value: str) -> str:
    quoted = value.replace("'", "''")
    return f"'{quoted}'" if value else "null"
