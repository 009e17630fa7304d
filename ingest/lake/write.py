"""Rows into the lake: new Parquet files, whole partitions, whole registers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.errors import StoreError
from ingest.lake.durable import ExchangeUnsupportedError, exchange_folders, make_folder, store_errors, write_new_file
from ingest.lake.layout import DataFolder
from ingest.lake.locks import swapping, without_swaps
from ingest.lake.tables import Table, table
from ingest.site import Site

_ROW_GROUP_ROWS = 122_880
"""DuckDB works in units of this many rows; smaller groups cost threads, larger ones memory."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US


def to_arrow(spec: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return `rows` (column name to value; a missing name is null) as an Arrow table of the table's schema."""
    columns = [pa.array([row.get(column.name) for row in rows], type=column.type) for column in spec.columns]
    return pa.Table.from_arrays(columns, schema=spec.schema)


def columns_to_arrow(spec: Table, columns: Mapping[str, pa.Array], count: int) -> pa.Table:
    """Return `columns` of `count` rows (by name; a missing one is null) as an Arrow table of the table's schema."""
    arrays = [
        columns[column.name] if column.name in columns else pa.nulls(count, column.type) for column in spec.columns
    ]
    return pa.Table.from_arrays(arrays, schema=spec.schema)


def local_days(instants: pa.ChunkedArray, site: Site) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the site's local day of each instant (timestamps in UTC, no nulls), as days since 1970-01-01."""
    microseconds = instants.combine_chunks().cast(pa.int64()).to_numpy(zero_copy_only=False)
    hours, position = np.unique(microseconds // _HOUR_US, return_inverse=True)
    offsets = np.array([_utc_offset_us(site, _EPOCH + timedelta(hours=int(hour))) for hour in hours], dtype=np.int64)
    days: np.ndarray[Any, np.dtype[np.int64]] = (microseconds + offsets[position]) // _DAY_US
    return days


def _utc_offset_us(site: Site, instant: datetime) -> int:
    offset = instant.astimezone(site.timezone).utcoffset()
    return int((offset or timedelta()) / timedelta(microseconds=1))


def by_local_day(spec: Table, rows: pa.Table, site: Site) -> Iterator[tuple[date, pa.Table]]:
    """Yield the rows of each local day, days ascending, order within a day kept."""
    assert spec.partition_by is not None, f"{spec.name} is a register and has no partitions"
    if rows.num_rows == 0:
        return
    days = local_days(rows[spec.partition_by], site)
    found = np.unique(days)
    for day in found:
        of_day = rows if len(found) == 1 else rows.take(pa.array(np.flatnonzero(days == day)))
        yield date(1970, 1, 1) + timedelta(days=int(day)), of_day


def write_rows(folder: DataFolder, spec: Table, day: date, rows: pa.Table, stem: str) -> Path:
    """Add `rows` (all of the local day `day`) to the table as one new, durable, immutable file.

    stem: start of the file's name; the content's hash is added to it
    Raises: StoreError; no partial file is visible then.
    """
    with without_swaps(folder):
        return _write_parquet(folder, spec, folder.partition(spec.name, day), rows, stem)


def replace_partition(
    folder: DataFolder, spec: Table, day: date, rows: pa.Table, stem: str, keep: Sequence[Path] = ()
) -> None:
    """Make the partition hold exactly the files `keep` (hard-linked) and one new file of `rows`, in one step.

    The caller holds `locks.swapping` since it listed the partition.

    Raises: StoreError; ExchangeUnsupportedError where folders cannot be swapped; the partition is unchanged then.
    """
    target = folder.partition(spec.name, day)
    staged = folder.staging / f"{spec.name}-{uuid.uuid4().hex}"
    with store_errors(f"building {target}"):
        make_folder(target)
        make_folder(staged)
        for path in keep:
            (staged / path.name).hardlink_to(path)
    if rows.num_rows:
        _write_parquet(folder, spec, staged, rows, stem)
    exchange_folders(staged, target, folder.trash)


def replace_register(
    folder: DataFolder, name: str, rows: pa.Table, metadata: Mapping[bytes, bytes] | None = None
) -> Path:
    """Make `rows` the whole content of the register `name`, in one step; returns the file.

    metadata: added to the Parquet file's own, for example GeoParquet's "geo"
    Raises: StoreError; the register is unchanged then.
    """
    spec = table(name)
    if not rows.schema.equals(spec.schema):
        raise StoreError(f"register {name}: columns differ from schemas/tables/{name}.toml: {rows.schema}")
    with swapping(folder):
        return _swap_register(folder, spec, rows, metadata or {})


def _swap_register(folder: DataFolder, spec: Table, rows: pa.Table, metadata: Mapping[bytes, bytes]) -> Path:
    target = folder.table(spec.name)
    staged = folder.staging / f"{spec.name}-{uuid.uuid4().hex}"
    rows = rows.replace_schema_metadata({**(rows.schema.metadata or {}), **metadata})
    path = _write_parquet(folder, spec, staged, rows, spec.name)
    with store_errors(f"making {target}"):
        make_folder(target)
    try:
        exchange_folders(staged, target, folder.trash)
    except ExchangeUnsupportedError:
        with store_errors(f"replacing {target}"):
            make_folder(folder.trash)
            target.rename(folder.trash / uuid.uuid4().hex)
            staged.rename(target)
    return target / path.name


def _write_parquet(folder: DataFolder, spec: Table, target: Path, rows: pa.Table, stem: str) -> Path:
    order = pc.sort_indices(rows, [(name, "ascending") for name in spec.sort_by])
    is_sorted = bool(np.all(np.diff(np.asarray(order).astype(np.int64)) == 1))
    deltas = {
        field.name: "DELTA_BINARY_PACKED"
        for field in rows.schema
        if field.type in {pa.int64(), pa.timestamp("us", "UTC")}
    }

    def fill(sink: Any) -> None:
        # A row group at a time, so that no second copy of all rows is made.
        with pq.ParquetWriter(
            pa.PythonFile(sink, mode="w"),
            rows.schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=[field.name for field in rows.schema if field.name not in deltas],
            column_encoding=deltas,
            write_page_checksum=True,
            write_statistics=True,
        ) as writer:
            for begin in range(0, rows.num_rows, _ROW_GROUP_ROWS):
                some = slice(begin, begin + _ROW_GROUP_ROWS)
                group = rows.slice(begin, _ROW_GROUP_ROWS) if is_sorted else rows.take(order[some])
                writer.write_table(group, row_group_size=_ROW_GROUP_ROWS)

    return write_new_file(folder.staging, target, stem, ".parquet", fill)
