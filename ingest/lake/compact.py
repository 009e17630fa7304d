"""Many small files into few: a partition's whole folder is built anew beside the lake and swapped in one step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from ingest.errors import StoreError
from ingest.lake.damage import set_aside_damaged
from ingest.lake.dedupe import coalesce_by_key
from ingest.lake.layout import DataFolder
from ingest.lake.locks import swapping
from ingest.lake.read import partition_days, partition_files, read_files
from ingest.lake.tables import Table, all_tables
from ingest.lake.write import replace_partition

_BIG_BYTES = 16 * 1024 * 1024
"""Files of this size are not merged again: they are linked into the new folder as they are."""

_MERGE_BYTES = 16 * 1024 * 1024
"""Most Parquet bytes merged at once, so that memory does not follow the size of a day (I7)."""


def compact_partition(folder: DataFolder, spec: Table, day: date, more_than: int) -> int:
    """Merge the small files of one local day when there are more than `more_than`; return how many were merged.

    Rows of the same key that came in different files become one where the table merges measured columns.
    Raises: StoreError (ExchangeUnsupportedError where folders cannot be swapped); the partition is unchanged then.
    """
    with swapping(folder):
        return _compact(folder, spec, day, more_than)


def _compact(folder: DataFolder, spec: Table, day: date, more_than: int) -> int:
    files = partition_files(folder, spec, day)
    small = _smallest_within([path for path in files if path.stat().st_size < _BIG_BYTES])
    if len(small) <= max(more_than, 1):
        return 0
    try:
        rows = read_files(spec, small)
    except (pa.ArrowException, StoreError) as error:
        if not set_aside_damaged(folder, small):
            raise StoreError(f"compacting {spec.name} of {day}: {error}") from error
        return _compact(folder, spec, day, more_than)
    if spec.merge:
        with duckdb.connect(":memory:", config={"memory_limit": "2GB", "threads": 2}) as connection:
            rows = coalesce_by_key(connection, spec, rows)
    stem = f"merged-{_bound(small[0], 1)}-{max(_bound(path, 2) for path in small)}"
    replace_partition(folder, spec, day, rows, stem, keep=[path for path in files if path not in small])
    return len(small)


def compact_lake(folder: DataFolder, today: date, more_than: int) -> Iterator[tuple[str, date, int]]:
    """Compact every partition that needs it: closed days to one file, today's and yesterday's past `more_than` files.

    Yields table, day and how many files were merged. Raises: StoreError.
    """
    for spec in all_tables().values():
        if spec.partition_by is None:
            continue
        for day in partition_days(folder, spec):
            is_open = (today - day).days <= 1
            merged = compact_partition(folder, spec, day, more_than if is_open else 1)
            if merged:
                yield spec.name, day, merged


def _smallest_within(paths: Sequence[Path]) -> list[Path]:
    chosen: list[Path] = []
    total = 0
    for path in sorted(paths, key=lambda path: path.stat().st_size):
        total += path.stat().st_size
        if chosen and total > _MERGE_BYTES:
            break
        chosen.append(path)
    return sorted(chosen)


def _bound(path: Path, position: int) -> int:
    """Return the first (1) or last (2) message number in a file's name, 0 where the name has none."""
    parts = path.name.split("-")
    return int(parts[position]) if len(parts) > position + 1 and parts[position].isdigit() else 0
