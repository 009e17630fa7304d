"""Reading the lake through DuckDB: one view per table, right even while files are swapped."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.errors import StoreError
from ingest.lake.durable import store_errors
from ingest.lake.layout import DataFolder
from ingest.lake.locks import without_swaps
from ingest.lake.tables import PARTITION_WORDS, Table, all_tables, table
from ingest.site import Site

Result = TypeVar("Result")

_SQL_TYPES = {
    "string": "varchar",
    "binary": "blob",
    "bool": "boolean",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "double": "double",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamptz",
}

_FREE_ATTEMPTS = 4
"""Tries that hold nobody up. Swaps of a partition are minutes apart, so that the second try nearly always does."""


Days = tuple[date, date]
"""The first and the last local day."""

_DATE = ("date", PARTITION_WORDS.comment)


def open_lake(folder: DataFolder, site: Site, days_of: Mapping[str, Days] | None = None) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection in memory with a view per table; the caller closes it.

    days_of: tables of which only the files of some days are named; all others are whole. A view looks into each of its
        files when it is made and when it is asked: a year of them takes a tenth of a second.

    Instants show in the site's time zone. A partitioned table has its local day as `date` (DATE) besides its columns;
    a table without files is empty with the right types. The files are those of this moment: what comes later is seen
    by the next connection, and when one of them was merged away meanwhile a query fails (see `retrying`).
    """
    connection = duckdb.connect(":memory:", config={"preserve_insertion_order": False})
    # Files never change, so that what their ends say is read once and not by every statement again.
    connection.execute("set parquet_metadata_cache = true")
    connection.execute(f"set timezone = '{site.timezone.key}'")
    for spec in all_tables().values():
        days = None if days_of is None else days_of.get(spec.name)
        connection.execute(f"create view {spec.name} as {_relation(folder, spec, days)}")
    return connection


def explain_columns(connection: duckdb.DuckDBPyConnection) -> None:
    """Put to each column of the views of `open_lake` what it means, with its unit, as a comment, for people who ask.

    Not part of opening: a statement per column, which an evaluation would pay for with a tenth of its time.
    """
    connection.execute("begin")
    for spec in all_tables().values():
        meanings = {column.name: column.words.comment for column in spec.columns}
        for name, meaning in meanings.items() if spec.partition_by is None else (*meanings.items(), _DATE):
            text = meaning.replace("'", "''")
            connection.execute(f"comment on column {spec.name}.{name} is '{text}'")
    connection.execute("commit")


def _relation(folder: DataFolder, spec: Table, days: Days | None) -> str:
    names = ", ".join(f'"{column.name}"' for column in spec.columns)
    files = _files(folder, spec, days)
    nothing = _nothing(spec, ", cast(null as date) as date" if spec.partition_by else "")
    if not files:
        return nothing
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
    if spec.partition_by is None:
        return f"select {names} from ({nothing} union all by name select * from read_parquet([{listed}]))"
    hive = "hive_partitioning = true, hive_types = {'date': date}, union_by_name = true"
    if _has_every_column(spec, files[-1]):
        return f"select {names}, date from read_parquet([{listed}], {hive})"
    return f"select {names}, date from ({nothing} union all by name select * from read_parquet([{listed}], {hive}))"


def _has_every_column(spec: Table, file: str) -> bool:
    """Say whether a file has the table's schema; where none has, its newest columns are null in every row.

    Told of the newest file, which nearly always has it: a second part of every query, which holds no row but the names
    of all columns, takes a quarter as long as reading one device out of a year.
    """
    try:
        return bool(pq.read_schema(file).equals(spec.schema))
    except (pa.ArrowException, OSError, ValueError):
        return False  # whoever reads it meets what is wrong


def _nothing(spec: Table, extra: str = "") -> str:
    """Return a query without rows that has every column with its type."""
    typed = ", ".join(f'cast(null as {_sql_type(c.type)}) as "{c.name}"' for c in spec.columns)
    return f"select {typed}{extra} where false"


def relation_of(spec: Table, paths: Sequence[Path]) -> str:
    """Return what to select from to read `paths`, with every column, also those that are newer than the files."""
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    source = f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"
    return f"({_nothing(spec)} union all by name select * from {source})"


def _sql_type(arrow: pa.DataType) -> str:
    if pa.types.is_list(arrow):
        return f"{_sql_type(arrow.value_type)}[]"
    if pa.types.is_struct(arrow):
        return "struct(" + ", ".join(f'"{field.name}" {_sql_type(field.type)}' for field in arrow) + ")"
    return _SQL_TYPES[str(arrow)]


def _files(folder: DataFolder, spec: Table, days: Days | None = None) -> list[str]:
    """Return the table's files, of `days` or all, each folder listed in one go.

    Listed here and not by a glob of DuckDB's: that looks at each name again after listing, and silently leaves out
    what a swap has moved meanwhile. A path that is named fails when it is gone, and the reader tries again.
    """
    root = folder.table(spec.name)
    if spec.partition_by is None:
        return _parquet_names(root)
    return [
        name
        for day in partition_days(folder, spec)
        if days is None or days[0] <= day <= days[1]
        for name in _parquet_names(folder.partition(spec.name, day))
    ]


def _parquet_names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.name.endswith(".parquet"))
    except FileNotFoundError:
        return []


def retrying(folder: DataFolder, query: Callable[[], Result]) -> Result:
    """Return what `query` returns, trying again when a file it listed was swapped away before it was opened.

    The last try holds off swaps, so that a query slower than the swaps ends too. `query` lists the files itself.

    Raises: whatever `query` raises for another reason; StoreError when swaps cannot be held off.
    """
    for _ in range(_FREE_ATTEMPTS):
        try:
            return query()
        except (duckdb.IOException, OSError, StoreError) as error:
            if not _has_vanished(error):
                raise
    with without_swaps(folder):
        return query()


def _has_vanished(error: Exception) -> bool:
    """Say whether a file was gone when it was opened: told by DuckDB, by the system, or by the system through us."""
    if isinstance(error, duckdb.IOException):
        return "No such file" in str(error) or "No files found" in str(error)
    return isinstance(error, FileNotFoundError) or isinstance(error.__cause__, FileNotFoundError)


def partition_files(folder: DataFolder, spec: Table, day: date) -> list[Path]:
    """Return the Parquet files of one local day, in name order; empty when there is none."""
    return [Path(name) for name in _parquet_names(folder.partition(spec.name, day))]


def partition_days(folder: DataFolder, spec: Table) -> list[date]:
    """Return the local days that the table has a folder for, ascending."""
    days = []
    for path in folder.table(spec.name).glob("date=*"):
        with contextlib.suppress(ValueError):  # a folder that somebody put there by hand is none of ours
            days.append(date.fromisoformat(path.name.removeprefix("date=")))
    return sorted(days)


def read_files(spec: Table, paths: list[Path]) -> pa.Table:
    """Return all rows of `paths` with the table's schema; columns a file lacks are null. Raises: StoreError."""
    if not paths:
        return spec.schema.empty_table()
    with store_errors(f"reading {spec.name}"):
        tables = [pq.read_table(path, partitioning=None, page_checksum_verification=True) for path in paths]
    return pa.concat_tables([_with_schema(spec, rows) for rows in tables])


def _with_schema(spec: Table, rows: pa.Table) -> pa.Table:
    arrays = [
        rows[c.name].cast(c.type) if c.name in rows.column_names else pa.nulls(rows.num_rows, c.type)
        for c in spec.columns
    ]
    return pa.Table.from_arrays(arrays, schema=spec.schema)


def read_register(folder: DataFolder, name: str) -> pa.Table:
    """Return the whole register `name` with the table's schema; empty when nothing was imported. Raises: StoreError."""
    spec = table(name)
    try:
        return retrying(folder, lambda: read_files(spec, [Path(file) for file in _files(folder, spec)]))
    except (pa.ArrowException, ValueError) as error:
        raise StoreError(
            f"the register of {name} in {folder.table(name)} cannot be read: {error}. Restore it from a backup, or "
            f"move the file away and import the {name} again."
        ) from error
