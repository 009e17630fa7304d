"""Many small files into few: a partition's whole folder is built anew beside the lake and swapped in one step."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.errors import StoreError
from ingest.lake.candidates import are_different
from ingest.lake.damage import set_aside_damaged
from ingest.lake.dedupe import coalesce_by_key
from ingest.lake.durable import store_errors
from ingest.lake.layout import DataFolder
from ingest.lake.locks import swapping
from ingest.lake.read import partition_days, partition_files, read_files
from ingest.lake.tables import Table, all_tables
from ingest.lake.write import replace_partition

_BIG_BYTES = 32 * 1024 * 1024
"""Files of this size are not merged again: they are linked into the new folder as they are.

Counted before compression: a day of refused pictures may be a thousand times larger than its files, and memory must not
follow it (I7).
"""

MERGE_BYTES = 32_000_000
"""Most bytes before compression that are merged at once unless told otherwise, for the same reason."""


def compact_partition(
    folder: DataFolder, spec: Table, day: date, more_than: int, merge_bytes: int = MERGE_BYTES
) -> int:
    """Merge the small files of one local day when there are more than `more_than`; return how many were merged.

    merge_bytes: most bytes before compression to merge at once; memory takes some three times as much
    Rows of the same key that came in different files become one where the table merges measured columns.
    Raises: StoreError (ExchangeUnsupportedError where folders cannot be swapped); the partition is unchanged then.
    """
    with swapping(folder):
        return _compact(folder, spec, day, more_than, merge_bytes)


def _compact(folder: DataFolder, spec: Table, day: date, more_than: int, merge_bytes: int) -> int:
    files = partition_files(folder, spec, day)
    if len(files) <= max(more_than, 1):
        return 0
    small = _smallest_within(files, merge_bytes)
    if len(small) <= max(more_than, 1):
        return 0
    # A wrong byte that Parquet does not notice must not get a new name with a right hash.
    if set_aside_damaged(folder, small):
        return _compact(folder, spec, day, more_than, merge_bytes)
    try:
        rows = read_files(spec, small)
    except (pa.ArrowException, ValueError) as error:
        raise StoreError(f"compacting {spec.name} of {day}: {error}") from error
    if spec.merge and not are_different(spec.key, rows):
        with duckdb.connect(":memory:", config={"memory_limit": "2GB", "threads": 2}) as connection:
            rows = coalesce_by_key(connection, spec, rows)
    stem = f"merged-{_bound(small[0], 1)}-{max(_bound(path, 2) for path in small)}"
    replace_partition(folder, spec, day, rows, stem, keep=[path for path in files if path not in small])
    return len(small)


def compact_lake(
    folder: DataFolder, today: date, more_than: int, settled_s: float = 0.0, merge_bytes: int = MERGE_BYTES
) -> Iterator[tuple[str, date, int]]:
    """Compact every partition that needs it: closed days to one file, today's and yesterday's past `more_than` files.

    settled_s: a closed day whose newest file is younger counts as open: while old readings still come, each round
        would merge all of them once more
    merge_bytes: as in `compact_partition`
    Yields table, day and how many files were merged. Raises: StoreError.
    """
    for spec in all_tables().values():
        if spec.partition_by is None:
            continue
        for day in partition_days(folder, spec):
            is_open = (today - day).days <= 1 or _newest_age_s(folder, spec, day) < settled_s
            merged = compact_partition(folder, spec, day, more_than if is_open else 1, merge_bytes)
            if merged:
                yield spec.name, day, merged


def _newest_age_s(folder: DataFolder, spec: Table, day: date) -> float:
    """Return how long ago the newest file of a partition was written; 0 where the clock was set back since."""
    with store_errors(f"looking at {spec.name} of {day}"):
        written = max((path.stat().st_mtime for path in partition_files(folder, spec, day)), default=0.0)
    return max(time.time() - written, 0.0)


def _smallest_within(paths: Sequence[Path], merge_bytes: int) -> list[Path]:
    """Return the smallest files that may be merged at once, in name order."""
    chosen: list[Path] = []
    total = 0
    for size, path in sorted((_encoded_bytes(path), path) for path in paths):
        total += size
        if size >= _BIG_BYTES or (chosen and total > merge_bytes):
            break
        chosen.append(path)
    return sorted(chosen)


def _encoded_bytes(path: Path) -> int:
    """Return the size before compression; 0 for a file that cannot be read, which then shows as damaged."""
    size = path.stat().st_size
    if size >= _BIG_BYTES:
        return size
    try:
        footer = pq.read_metadata(path)
    except (pa.ArrowException, OSError, ValueError):
        return 0
    return sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))


def _bound(path: Path, position: int) -> int:
    """Return the first (1) or last (2) message number in a file's name, 0 where the name has none."""
    parts = path.name.split("-")
    return int(parts[position]) if len(parts) > position + 1 and parts[position].isdigit() else 0
