"""Reading the lake through DuckDB: one view per table, right even while files are swapped."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.lake.files import Days, Result, is_gone, list_files, retrying_while
from ingest.lake.layout import DataFolder
from ingest.lake.tables import PARTITION_WORDS, Table, all_tables
from ingest.site import Site

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

_COMPARING_MEMORY = "512MB"


_DATE = ("date", PARTITION_WORDS.comment)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a table is read from: files of the lake, and one `copy` in the place of those that are `copied` into it."""

    files: Sequence[str]
    copied: Collection[str] = ()
    copy: Path | None = None


def open_lake(
    folder: DataFolder,
    site: Site,
    days_of: Mapping[str, Days] | None = None,
    listed: Mapping[str, Listed] | None = None,
    names: Collection[str] | None = None,
    *,
    for_one_query: bool = False,
) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection in memory with a view per table; the caller closes it.

    days_of: tables of which only the files of some days are named; all others are whole
    listed: partitioned tables of which the caller says what they are read from
    names: the only tables that are needed; None for all, of which listing the files of a year takes 0.2 CPU seconds
    for_one_query: one will be asked and no more, so that nothing is kept of it for the next

    Instants show in the site's time zone. A partitioned table has its local day as `date` (DATE) besides its columns;
    a table without files is empty with the right types. The files are those of this moment: what comes later is seen
    by the next connection, and when one of them was merged away meanwhile a query fails (see `retrying`).
    """
    # What lies in memory alone needs no checkpoint, for which a large evaluation would wait a third of a second each.
    connection = duckdb.connect(":memory:", config={"preserve_insertion_order": False, "checkpoint_threshold": "1TB"})
    # Files never change, so that what their ends say is read once and not by every statement again. To keep it costs
    # as much as to read it: of a year of 10,000 sensors the ends take 80 MB of memory.
    connection.execute(f"set parquet_metadata_cache = {not for_one_query}")
    # What lies between is kept by the system already; a second copy costs a tenth of a question over 366 files.
    connection.execute("set enable_external_file_cache = false")
    # A polygon is its WKB, as the dictionary says, and not the type that GeoParquet's metadata would make of it.
    connection.execute("set enable_geoparquet_conversion = false")
    connection.execute(f"set timezone = '{site.timezone.key}'")
    for spec in all_tables().values():
        if names is not None and spec.name not in names:
            continue
        known = (listed or {}).get(spec.name) or Listed(list_files(folder, spec, (days_of or {}).get(spec.name)))
        connection.execute(f"create view {spec.name} as {_relation(folder, spec, known)}")
    return connection


@contextlib.contextmanager
def comparing() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a DuckDB connection in memory for a comparison or a few; a process that runs for months keeps none.

    One that is kept holds on to some 24 KB of every comparison, and to what it read of files that are long merged away.
    """
    with duckdb.connect(":memory:", config={"memory_limit": _COMPARING_MEMORY, "threads": 2}) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


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


def _relation(folder: DataFolder, spec: Table, listed: Listed) -> str:
    if spec.partition_by is None:
        files = listed.files
        return f"select {_names(spec)} from {_read_parquet(spec, files)}" if files else nothing(spec)
    parts = [select_files(folder, spec, listed.files)] if listed.files else []
    if listed.copy is not None:
        parts.append(f"select {_names(spec)}, date from {_read_parquet(spec, [str(listed.copy)], is_dated=True)}")
    return " union all ".join(parts) or nothing(spec)


def select_files(folder: DataFolder, spec: Table, files: Sequence[str]) -> str:
    """Return the query for all rows of some files of a partitioned table, with their `date`."""
    # Not hive_partitioning, which cannot be had with a schema: what the path says is as constant for each file, so
    # that a condition on date leaves out files before they are opened.
    day = f"cast(substring(filename, {len(str(folder.table(spec.name))) + len('/date=') + 1}, 10) as date)"
    return f"select {_names(spec)}, {day} as date from {_read_parquet(spec, files)}"


def _names(spec: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in spec.columns)


def _read_parquet(spec: Table, files: Sequence[str], *, is_dated: bool = False) -> str:
    """Return what to select from to read `files`: every column of the table, and `filename`.

    is_dated: whether they have the local day in a column date

    The columns are told, so that no file is opened to learn them. They are found by name; one that is newer than a file
    is null there.
    """
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
    types = {c.name: sql_type(c.type) for c in spec.columns} | ({"date": "date"} if is_dated else {})
    columns = ", ".join(
        f"'{name}': {{name: '{name}', type: '{sql_type}', default_value: null}}" for name, sql_type in types.items()
    )
    return (
        f"read_parquet([{listed}], schema = map {{{columns}}}, filename = true, "
        f"explicit_cardinality = {_rows_about(files)})"
    )


def _rows_about(files: Sequence[str]) -> int:
    """Return about how many rows `files` have, from their sizes and the largest of them: how to join is planned by it.

    1 where a file is gone or damaged: whoever reads it meets what is wrong.
    """
    try:
        sizes = [os.stat(file).st_size for file in files]  # noqa: PTH116 - of thousands of files, a Path each costs more
        largest = max(range(len(files)), key=sizes.__getitem__)
        rows: int = pq.read_metadata(files[largest]).num_rows
        return max(rows * sum(sizes) // sizes[largest], 1)
    except (pa.ArrowException, OSError, ValueError):
        return 1


def nothing(spec: Table) -> str:
    """Return a query without rows that has every column with its type."""
    typed = [f'cast(null as {sql_type(c.type)}) as "{c.name}"' for c in spec.columns]
    return f"select {', '.join([*typed, *(['cast(null as date) as date'] if spec.partition_by else [])])} where false"


def relation_of(spec: Table, paths: Sequence[Path]) -> str:
    """Return what to select from to read `paths`, with every column, also those that are newer than the files."""
    return _read_parquet(spec, [str(path) for path in paths])


def sql_type(arrow: pa.DataType) -> str:
    """Return what DuckDB calls a type of the tables."""
    if pa.types.is_list(arrow):
        return f"{sql_type(arrow.value_type)}[]"
    if pa.types.is_struct(arrow):
        return "struct(" + ", ".join(f'"{field.name}" {sql_type(field.type)}' for field in arrow) + ")"
    return _SQL_TYPES[str(arrow)]


def retrying(folder: DataFolder, query: Callable[[], Result]) -> Result:
    """Return what `query` returns, trying again when a file it listed was swapped away before it was opened.

    As `retrying_while`, for queries by DuckDB, and by Arrow.
    """
    return retrying_while(_has_vanished, folder, query)


def _has_vanished(error: Exception) -> bool:
    if isinstance(error, duckdb.IOException):
        return "No such file" in str(error) or "No files found" in str(error)
    return is_gone(error)
