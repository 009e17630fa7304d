"""Rows into the lake: new Parquet files, whole partitions, whole registers."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.errors import StoreError
from ingest.lake.durable import (
    ExchangeUnsupportedError,
    exchange_folders,
    fsync_folder,
    make_folder,
    replace_whole,
    store_errors,
    write_new_file,
)
from ingest.lake.files import partition_files
from ingest.lake.kept import check_is_kept
from ingest.lake.layout import DataFolder
from ingest.lake.locks import swapping, without_swaps
from ingest.lake.tables import Table, table
from ingest.site import Site

_ROW_GROUP_ROWS = 122_880
"""DuckDB works in units of this many rows; smaller groups cost threads, larger ones memory."""

_PAGE_ROWS = _ROW_GROUP_ROWS
"""A page is what is decompressed at once, and each costs a start: Arrow's 20,000 rows make files 4 % larger, and a
sensor's year a sixth slower (decision 41). Pages end at Arrow's 1 MB before that where values are long."""

_COUNTED = (pa.int64(), pa.timestamp("us", "UTC"))
"""Written as the differences between rows, packed."""

_ARRIVAL = ("received_at", "message_seq")
"""Written as they are where rows are not in order of arrival. Between the rows of a device the differences are noise,
and packed they hide what compression finds: that a message brought a row of each depth. Halves what both take,
measured by bench.bytes_per_reading."""

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
    hours = pa.array(microseconds // _HOUR_US).dictionary_encode()  # without sorting them
    offsets = [_utc_offset_us(site, _EPOCH + timedelta(hours=hour)) for hour in hours.dictionary.to_pylist()]
    position = np.asarray(hours.indices)
    days: np.ndarray[Any, np.dtype[np.int64]] = (microseconds + np.array(offsets, np.int64)[position]) // _DAY_US
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
    first, last = int(days.min()), int(days.max())
    for day in [first] if first == last else np.unique(days).tolist():
        of_day = rows if first == last else rows.take(pa.array(np.flatnonzero(days == day)))
        yield date(1970, 1, 1) + timedelta(days=day), of_day


def write_rows(folder: DataFolder, spec: Table, day: date, rows: pa.Table, stem: str) -> Path:
    """Add `rows` (all of the local day `day`) to the table as one new, durable, immutable file.

    stem: start of the file's name; the content's hash is added to it
    Raises: StoreError, also for a day that was deleted by rule; no partial file is visible then.
    """
    with without_swaps(folder):
        check_is_kept(folder, spec, day)
        return _write_parquet(folder, spec, folder.partition(spec.name, day), rows, stem)


def replace_partition(
    folder: DataFolder, spec: Table, day: date, rows: pa.Table, stem: str, keep: Sequence[Path] = ()
) -> None:
    """Make the partition hold exactly the files `keep` (hard-linked) and one new file of `rows`, in one step.

    The caller holds `locks.swapping` since it listed the partition.

    Raises: StoreError, also for a day that was deleted by rule; ExchangeUnsupportedError where folders cannot be
    swapped; the partition is unchanged then.
    """
    check_is_kept(folder, spec, day)
    with _staged_folder(folder, spec) as staged:
        if rows.num_rows:
            _write_parquet(folder, spec, staged, rows, stem)
        _link(keep, staged)
        _put_in_place(folder, spec, day, staged)


def replace_files(
    folder: DataFolder, spec: Table, day: date, files: Sequence[Path], parts: Iterable[pa.Table], stem: str, size: int
) -> bool:
    """Put one new file in the place of some of a partition's files, in one step; say whether it was done.

    parts: its rows, in the table's order; taken one by one, while others may add files to the partition
    size: of a row group in memory, bytes at most, about
    It is not done when one of `files` is gone by then: somebody else has replaced it.
    Raises: StoreError; ExchangeUnsupportedError where folders cannot be swapped; the partition is unchanged then.
    """
    others = [path for path in partition_files(folder, spec, day) if path not in files]
    with _staged_folder(folder, spec) as trial:
        _link(others, trial)  # what cannot be done in the end fails before all is written, each time that it is tried
    with _staged_folder(folder, spec) as staged:
        _write_groups(folder, spec, staged, spec.schema, _groups(parts, size), stem)
        with swapping(folder):
            present = partition_files(folder, spec, day)
            if not set(files) <= set(present):
                return False
            _link([path for path in present if path not in files], staged)
            _put_in_place(folder, spec, day, staged)
    return True


def remove_partition(folder: DataFolder, spec: Table, day: date) -> None:
    """Take a whole local day, where it is there, out of the table in one step, durably.

    A reader that is listing it finds it whole for a while yet (`locks.clear_trash`). Raises: StoreError.
    """
    target = folder.partition(spec.name, day)
    with swapping(folder), store_errors(f"removing {spec.name} of {day}"):
        make_folder(folder.trash)
        with contextlib.suppress(FileNotFoundError):
            target.rename(folder.trash / uuid.uuid4().hex)
            fsync_folder(target.parent)


@contextmanager
def _staged_folder(folder: DataFolder, spec: Table) -> Iterator[Path]:
    """Make a folder that will be a partition; it is removed when it is none at the end of the block."""
    staged = folder.staging / f"{spec.name}-{uuid.uuid4().hex}"
    with store_errors(f"building {staged}"):
        make_folder(staged)
        made = staged.stat().st_ino
    try:
        yield staged
    finally:
        # Once swapped it is the old one. Where that swap may not last, it must be there still.
        with contextlib.suppress(OSError):
            if staged.stat().st_ino == made:
                shutil.rmtree(staged)


def _link(files: Iterable[Path], staged: Path) -> None:
    with store_errors(f"building {staged}"):
        for path in files:
            (staged / path.name).hardlink_to(path)


def _put_in_place(folder: DataFolder, spec: Table, day: date, staged: Path) -> None:
    target = folder.partition(spec.name, day)
    with store_errors(f"building {target}"):
        make_folder(target)
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


def replace_beside_tables(folder: DataFolder, target: Path, fill: Callable[[Path], object]) -> None:
    """Put a new file in the place of one that lies in the lake and is no table's, in one step.

    fill: makes the file at the path that it is given
    Whoever has the old one open keeps it as it was. Raises: StoreError; the file is unchanged then.
    """
    with without_swaps(folder), store_errors(f"writing {target}"):
        replace_whole(folder.staging, target, fill)


def _write_parquet(folder: DataFolder, spec: Table, target: Path, rows: pa.Table, stem: str) -> Path:
    order = pc.sort_indices(rows, [(name, "ascending") for name in spec.sort_by])
    is_sorted = bool(np.all(np.diff(np.asarray(order).astype(np.int64)) == 1))
    # A row group at a time, so that no second copy of all rows is made.
    groups = (
        rows.slice(begin, _ROW_GROUP_ROWS) if is_sorted else rows.take(order[begin : begin + _ROW_GROUP_ROWS])
        for begin in range(0, rows.num_rows, _ROW_GROUP_ROWS)
    )
    return _write_groups(folder, spec, target, rows.schema, groups, stem)


def may_be_long(field: pa.Field) -> bool:
    """Say whether values are as long as whoever sends them likes.

    Such a value is not written once for all rows that repeat it, or the file would tell nothing of what its rows take
    in memory; compression finds the repetitions.
    """
    return bool(pa.types.is_binary(field.type)) or field.name.endswith("_json")


def _groups(parts: Iterable[pa.Table], size: int) -> Iterator[pa.Table]:
    """Yield the rows of `parts` as row groups of at most about `size` bytes in memory."""
    for_next: pa.Table | None = None
    for part in parts:
        rows = part if for_next is None else pa.concat_tables([for_next, part])
        while rows.num_rows >= _ROW_GROUP_ROWS:
            yield rows.slice(0, _ROW_GROUP_ROWS)
            rows = rows.slice(_ROW_GROUP_ROWS)
        if rows.nbytes >= size:
            yield rows
            rows = rows.slice(rows.num_rows)
        for_next = rows
    if for_next is not None and for_next.num_rows:
        yield for_next


def _write_groups(
    folder: DataFolder, spec: Table, target: Path, schema: pa.Schema, groups: Iterable[pa.Table], stem: str
) -> Path:
    """Write `groups`, which together are in the table's order, as the row groups of one new file."""
    packed = [field.name for field in schema if field.type in _COUNTED]
    deltas = [name for name in packed if name not in _ARRIVAL or name in {*spec.sort_by, spec.partition_by}]
    shared = [field.name for field in schema if field.name not in packed and not may_be_long(field)]
    in_order = [(name, "ascending") for name in spec.sort_by]

    def fill(sink: Any) -> None:
        with pq.ParquetWriter(
            pa.PythonFile(sink, mode="w"),
            schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=shared,
            column_encoding=dict.fromkeys(deltas, "DELTA_BINARY_PACKED"),
            write_page_checksum=True,
            max_rows_per_page=_PAGE_ROWS,
            write_statistics=True,
            sorting_columns=pq.SortingColumn.from_ordering(schema, in_order),
        ) as writer:
            for group in groups:
                writer.write_table(group, row_group_size=_ROW_GROUP_ROWS)

    return write_new_file(folder.staging, target, stem, ".parquet", fill)
