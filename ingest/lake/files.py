"""The files of a table, and reading them whole by Arrow: right even while folders are swapped."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.errors import StoreError
from ingest.lake.durable import store_errors
from ingest.lake.layout import DataFolder
from ingest.lake.locks import without_swaps
from ingest.lake.tables import Table, table

Result = TypeVar("Result")

_FREE_ATTEMPTS = 4
"""Tries that hold nobody up. Swaps of a partition are minutes apart, so that the second try nearly always does."""

Days = tuple[date, date]
"""The first and the last local day."""


def list_files(folder: DataFolder, spec: Table, days: Days | None = None) -> list[str]:
    """Return the table's files, of `days` or all, each folder listed in one go; days ascending, then by name.

    Listed here and not by a glob of DuckDB's: that looks at each name again after listing, and silently leaves out
    what a swap has moved meanwhile. A path that is named fails when it is gone, and the reader tries again.
    """
    root = str(folder.table(spec.name))
    if spec.partition_by is None:
        return _parquet_names(root)
    return [
        name
        for day in partition_days(folder, spec)
        if days is None or days[0] <= day <= days[1]
        for name in _parquet_names(f"{root}/date={day}")
    ]


def has_files(folder: DataFolder, spec: Table) -> bool:
    """Say whether the table has a file; a day that has one is enough."""
    root = str(folder.table(spec.name))
    if spec.partition_by is None:
        return bool(_parquet_names(root))
    return any(_parquet_names(f"{root}/date={day}") for day in reversed(partition_days(folder, spec)))


def _parquet_names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.name.endswith(".parquet"))
    except FileNotFoundError:
        return []


def retrying_while(vanished: Callable[[Exception], bool], folder: DataFolder, query: Callable[[], Result]) -> Result:
    """Return what `query` returns, trying again when a file it listed was swapped away before it was opened.

    vanished: whether that is what an error of the query says
    The last try holds off swaps, so that a query slower than the swaps ends too. `query` lists the files itself.

    Raises: whatever `query` raises for another reason; StoreError when swaps cannot be held off.
    """
    for _ in range(_FREE_ATTEMPTS):
        try:
            return query()
        except Exception as error:
            if not vanished(error):
                raise
    with without_swaps(folder):
        return query()


def is_gone(error: Exception) -> bool:
    """Say whether a file was gone when it was opened: told by the system, or by the system through us."""
    return isinstance(error, FileNotFoundError) or isinstance(error.__cause__, FileNotFoundError)


def partition_files(folder: DataFolder, spec: Table, day: date) -> list[Path]:
    """Return the Parquet files of one local day, in name order; empty when there is none."""
    return [Path(name) for name in _parquet_names(str(folder.partition(spec.name, day)))]


def partition_bytes(folder: DataFolder, spec: Table, day: date) -> int:
    """Return how many bytes the Parquet files of one local day have together. Raises: OSError when one goes meanwhile.

    Of a folder as it is listed, since a backlog asks again and again.
    """
    try:
        entries = os.scandir(folder.partition(spec.name, day))
    except FileNotFoundError:
        return 0
    with entries:
        return sum(entry.stat().st_size for entry in entries if entry.name.endswith(".parquet"))


def partition_days(folder: DataFolder, spec: Table) -> list[date]:
    """Return the local days that the table has a folder for, ascending."""
    try:
        with os.scandir(folder.table(spec.name)) as entries:
            names = [entry.name for entry in entries]
    except FileNotFoundError:
        return []
    days = []
    for name in names:
        with contextlib.suppress(ValueError):
            day = date.fromisoformat(name.removeprefix("date="))
            if name == f"date={day}":  # any other was put there by hand and is none of ours
                days.append(day)
    return sorted(days)


def read_files(spec: Table, paths: list[Path]) -> pa.Table:
    """Return all rows of `paths` with the table's schema; columns a file lacks are null. Raises: StoreError."""
    if not paths:
        return spec.schema.empty_table()
    with store_errors(f"reading {spec.name}"):
        tables = [pq.read_table(path, partitioning=None, page_checksum_verification=True) for path in paths]
    return pa.concat_tables([with_schema(spec, rows) for rows in tables])


def with_schema(spec: Table, rows: pa.Table) -> pa.Table:
    """Return the rows with the table's columns; those they lack are null."""
    return with_fields(spec.schema, rows)


def with_fields(fields: pa.Schema, rows: pa.Table) -> pa.Table:
    """Return the rows with these columns; those they lack are null.

    Raises: pa.ArrowInvalid, also for instants that do not say their time zone.
    """
    there = frozenset(rows.column_names)
    arrays = [
        _cast(field, rows[field.name]) if field.name in there else pa.nulls(rows.num_rows, field.type)
        for field in fields
    ]
    return pa.Table.from_arrays(arrays, schema=fields)


def _cast(field: pa.Field, values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(field.type) and not getattr(values.type, "tz", None):
        raise pa.ArrowInvalid(f"{field.name} is {values.type}: no instants with their time zone")
    return values.cast(field.type)


def read_register(folder: DataFolder, name: str) -> pa.Table:
    """Return the whole register `name` with the table's schema; empty when nothing was imported. Raises: StoreError."""
    spec = table(name)
    try:
        return retrying_while(
            is_gone, folder, lambda: read_files(spec, [Path(file) for file in list_files(folder, spec)])
        )
    except (pa.ArrowException, ValueError) as error:
        raise StoreError(
            f"the register of {name} in {folder.table(name)} cannot be read: {error}. Restore it from a backup, or "
            f"move the file away and import the {name} again."
        ) from error
