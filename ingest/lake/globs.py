"""The tables of the lake as views of a database that stays: over globs, so that they have what comes later too."""

from __future__ import annotations

import re

import duckdb

from ingest.lake.files import has_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import nothing, sql_type
from ingest.lake.tables import Column, Table, all_tables

LAKE_VARIABLE = "lake"
"""Says where the lake is for whoever sees it elsewhere than it was: a container's host, a share, a copy."""

_OF_A_DAY = "date=[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]/"
_GEOMETRY = "geometry"
"""The column that GeoParquet speaks of, and that DuckDB therefore reads as a type of its own."""


def create_table_views(connection: duckdb.DuckDBPyConnection, folder: DataFolder) -> None:
    """Make a view per table, with the columns of `open_lake`, over all files that are there when it is asked.

    No file is opened to make them. A table that has no file yet (see `filled_tables`) is a view without rows: DuckDB
    fails on a glob that finds nothing, so that view has to be made again when the first file is there.
    """
    filled = filled_tables(folder)
    for spec in all_tables().values():
        select = _select(folder, spec) if spec.name in filled else nothing(spec)
        connection.execute(f"create view {spec.name} as {select}")


def filled_tables(folder: DataFolder) -> tuple[str, ...]:
    """Return the names of the tables that have a file."""
    return tuple(spec.name for spec in all_tables().values() if has_files(folder, spec))


def _select(folder: DataFolder, spec: Table) -> str:
    below = f"/{spec.name}/{_OF_A_DAY if spec.partition_by else ''}*.parquet"
    lake = _quoted(re.sub(r"[*?[]", r"[\g<0>]", str(folder.lake)))
    names = [_value(column) for column in spec.columns]
    if spec.partition_by:
        names.append(r"cast(regexp_extract(filename, '/date=([0-9-]{10})/[^/]+$', 1) as date) as date")
    columns = ", ".join(
        f"'{c.name}': {{name: '{c.name}', type: '{_type(c)}', default_value: null}}" for c in spec.columns
    )
    return (
        f"select {', '.join(names)} from read_parquet(coalesce(getvariable('{LAKE_VARIABLE}'), {lake}) || '{below}', "
        f"schema = map {{{columns}}}, filename = true)"
    )


def _type(column: Column) -> str:
    return "geometry" if column.name == _GEOMETRY else sql_type(column.type)


def _value(column: Column) -> str:
    return f'st_aswkb("{column.name}") as "{column.name}"' if column.name == _GEOMETRY else f'"{column.name}"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
