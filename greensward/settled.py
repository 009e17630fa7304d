"""What evaluations read far back: its old days copied into a file a table, so that they need not open a file a day.

Nothing here is needed: what is missing, damaged, or no longer what the lake has is read from the lake
(docs/decisions/0025-old-days-in-one-file.md).
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from datetime import date, timedelta

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.errors import StoreError
from ingest.lake.durable import hash_is_right, names_its_hash, store_errors, write_new_file
from ingest.lake.files import list_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import Listed, select_files
from ingest.lake.tables import Table, all_tables, table

_MOST_APART = 7
"""Files beside a copy before it is made anew: each costs an evaluation about a millisecond."""

_OPEN_DAYS = 3
"""Today and the days before it that still get files, and have theirs merged."""

_ROWS_AT_ONCE = 100_000


_ABOUT = b"greensward"
"""Where a copy's footer has what it is a copy of."""


class _About(msgspec.Struct):
    """The files that were copied, as paths in the table's folder, and the columns that were read of them."""

    files: list[str]
    columns: list[str]


def list_with_copies(folder: DataFolder, without: Collection[str]) -> dict[str, Listed]:
    """Return what each partitioned table but `without` is read from: its copy, where that is right, and other files."""
    return {
        name: _with_copy(folder, spec, list_files(folder, spec))
        for name, spec in all_tables().items()
        if spec.partition_by and name not in without
    }


def _with_copy(folder: DataFolder, spec: Table, files: list[str]) -> Listed:
    """Return `files` with the copy of some of them; without it where one that was copied is there no more."""
    root = folder.table(spec.name)
    for copy in folder.settled.glob(f"{spec.name}-*.parquet"):
        try:
            about = msgspec.json.decode(pq.read_metadata(copy).metadata[_ABOUT], type=_About)
            copied = {f"{root}/{name}" for name in about.files}
            if copied.issubset(files) and about.columns == _columns(spec) and hash_is_right(copy):
                return Listed([file for file in files if file not in copied], copied, copy)
        except (OSError, KeyError, TypeError, ValueError, pa.ArrowException):
            continue  # gone, or damaged: it is made anew
    return Listed(files)


def keep_copies(folder: DataFolder, listed: Mapping[str, Listed], today: date) -> None:
    """Copy the old days of the tables `listed` for later evaluations, where that pays and as far as it can be done.

    The caller holds the evaluation lock.
    """
    for name, before in listed.items():
        since = f"{folder.table(name)}/date={today - timedelta(days=_OPEN_DAYS - 1)}"
        old = [file for file in before.files if file < since and names_its_hash(file)]
        if len(old) > _MOST_APART:
            # A file that cannot be read, or is no more, fails him who needs its rows, and nobody else.
            with contextlib.suppress(duckdb.Error, pa.ArrowException, StoreError):
                _replace(folder, table(name), sorted([*before.copied, *old]))


def _replace(folder: DataFolder, spec: Table, files: list[str]) -> None:
    root = folder.table(spec.name)
    about = _About([file.removeprefix(f"{root}/") for file in files], _columns(spec))
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        # In the order of the days, so that who asks for days skips the others.
        rows = connection.execute(select_files(folder, spec, files)).to_arrow_reader(_ROWS_AT_ONCE)
        schema = rows.schema.with_metadata({_ABOUT: msgspec.json.encode(about)})

        def fill(sink: object) -> None:
            with pq.ParquetWriter(sink, schema, compression="lz4", write_page_checksum=True) as writer:
                for batch in rows:
                    writer.write_batch(batch)

        copy = write_new_file(folder.staging, folder.settled, spec.name, ".parquet", fill)
    with store_errors(f"clearing {folder.settled}"):
        for other in folder.settled.glob(f"{spec.name}-*.parquet"):
            if other != copy:
                other.unlink(missing_ok=True)


def _columns(spec: Table) -> list[str]:
    return [f"{column.name} {column.type}" for column in spec.columns]
