"""Many small files into few: a partition's whole folder is built anew beside the lake and swapped in one step.

Which files are merged follows their sizes, as in a log-structured store: the small ones, as long as the largest of
them is no more than twice the others together. So the file that a row lies in grows by half at least whenever the row
is written again: of a day of n equal seals no row is written more than 1.7 log2(n) times. A closed day becomes one
file once nothing has come for it for a day.
"""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.lake.damage import set_aside_damaged
from ingest.lake.durable import ExchangeUnsupportedError, can_exchange, store_errors
from ingest.lake.files import partition_days, partition_files
from ingest.lake.footers import repeated_columns
from ingest.lake.layout import DataFolder
from ingest.lake.merge import rows_in_order, says_it_is_in_order
from ingest.lake.spans import forget
from ingest.lake.tables import Table, all_tables
from ingest.lake.write import may_be_long, replace_files

_Item = TypeVar("_Item")

MERGE_BYTES = 32_000_000
"""Most bytes of rows in memory in a merge unless told otherwise."""

_FILE_BYTES = 2_000_000
"""Of these, the least for each file that is merged: what decompresses its columns and a page of each take as much again
and more."""

_AT_REST = 144
"""So many times as long as a closed day must be settled to become one file: ten minutes, and a day."""

_WEIGHED_PARTITIONS = 1_024
"""What is known of the files of so many is kept: each round asks for all that are more than one file."""


class MergeLeftError(Exception):
    """Raised by whoever is asked between two parts of a merge: that merge ends, and no other begins."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a partition, by its name: what is kept of thousands is small, and a Path takes three times as much.

    disk_bytes: its size
    row_bytes: before compression; 0 when it cannot be read, which then shows as damaged
    is_in_order: whether it says so; files of earlier versions do not
    """

    name: str
    disk_bytes: int
    row_bytes: int
    is_in_order: bool


def compact_partition(
    folder: DataFolder,
    spec: Table,
    day: date,
    more_than: int,
    merge_bytes: int = MERGE_BYTES,
    *,
    is_at_rest: bool = True,
    turned: Callable[[], None] = lambda: None,
    min_free_bytes: int = 0,
    set_aside: Callable[[list[str]], None] = lambda _: None,
) -> int:
    """Merge files of one local day when more than `more_than` of them may be merged; return how many were.

    merge_bytes: of rows in memory, about; memory takes some five times as much
    is_at_rest: whether nothing more is to be expected, and a large file is written again for a small one
    turned: called every so many rows; what it raises ends the merge
    min_free_bytes: of the disk, which a merge leaves alone
    set_aside: called with the names of files that were found damaged and moved out of the lake, mostly none
    Rows of the same key that came in different files become one where the table merges measured columns.
    Raises: StoreError (ExchangeUnsupportedError where folders cannot be swapped); the partition is unchanged then.
    """
    files = partition_files(folder, spec, day)
    for _ in range(len(files)):
        if len(files) <= max(more_than, 1):
            return 0
        if not can_exchange(folder.staging):
            raise ExchangeUnsupportedError(f"{folder.root}: this file system cannot swap folders in one step")
        with store_errors(f"looking at {spec.name} of {day}"):
            weighed = _weighed(spec, files)
            free_bytes = shutil.disk_usage(folder.root).free
        disk_bytes = (free_bytes - min_free_bytes) // 2
        names = _chosen(spec, weighed, more_than, merge_bytes, disk_bytes, is_at_rest=is_at_rest)
        if not names:
            return 0
        chosen = [files[0].with_name(name) for name in names]
        # A wrong byte that Parquet does not notice must not get a new name with a right hash.
        for path in _one_by_one(chosen, turned):
            set_aside(set_aside_damaged(folder, [path]))
        files = partition_files(folder, spec, day)
        if set(chosen) <= set(files):  # a seal sets damaged ones aside, too
            break
    else:  # each time one was gone, and still there are many: others are at work on this day
        return 0
    stem = f"merged-{min(_bound(path, 1) for path in chosen)}-{max(_bound(path, 2) for path in chosen)}"
    with closing(rows_in_order(spec, chosen, merge_bytes // 4)) as parts:
        telling = _one_by_one(parts, turned)
        is_done = replace_files(folder, spec, day, chosen, telling, stem, merge_bytes * 3 // 4)
    if not is_done:
        return 0
    forget(chosen, str(spec.partition_by))
    for path in chosen:
        _known(str(path.parent)).pop(path.name, None)
    return len(chosen)


def compact_lake(
    folder: DataFolder,
    today: date,
    more_than: int,
    settled_s: float = 0.0,
    merge_bytes: int = MERGE_BYTES,
    turned: Callable[[], None] = lambda: None,
    min_free_bytes: int = 0,
    set_aside: Callable[[list[str]], None] = lambda _: None,
) -> Iterator[tuple[str, date, int]]:
    """Compact every partition that needs it: closed days into one file, today's and yesterday's past `more_than` files.

    settled_s: a closed day whose newest file is younger counts as open; older than a day for 600 s it is at rest
    merge_bytes, turned, min_free_bytes, set_aside: as in `compact_partition`
    Yields table, day and how many files were merged. A partition that cannot be merged is left as it is, and the others
    are merged; what the first of them met is raised in the end.
    Raises: StoreError; ExchangeUnsupportedError and what `turned` raises as MergeLeftError, at once.
    """
    met: Exception | None = None
    for spec in all_tables().values():
        if spec.partition_by is None:
            continue
        for day in partition_days(folder, spec):
            try:
                age_s = _newest_age_s(folder, spec, day)
                is_open = (today - day).days <= 1 or age_s < settled_s
                merged = compact_partition(
                    folder,
                    spec,
                    day,
                    more_than if is_open else 1,
                    merge_bytes,
                    is_at_rest=not is_open and age_s >= settled_s * _AT_REST,
                    turned=turned,
                    min_free_bytes=min_free_bytes,
                    set_aside=set_aside,
                )
            except (ExchangeUnsupportedError, MergeLeftError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one day, the others must not wait for it
                met = met or error
                continue
            if merged:
                yield spec.name, day, merged
    if met is not None:
        raise met


def _newest_age_s(folder: DataFolder, spec: Table, day: date) -> float:
    """Return how long ago the newest file of a partition was written; 0 where the clock was set back since."""
    with store_errors(f"looking at {spec.name} of {day}"):
        written = max((path.stat().st_mtime for path in partition_files(folder, spec, day)), default=0.0)
    return max(time.time() - written, 0.0)


def _chosen(
    spec: Table, files: Sequence[_File], more_than: int, merge_bytes: int, disk_bytes: int, *, is_at_rest: bool
) -> list[str]:
    """Return the names of the files to merge, in order; none when it is not worth it.

    disk_bytes: how much of the disk the new file may take, with the old ones still there

    What devices measured is asked for by device, so that a day of it becomes one file of any size; a merge holds a part
    of each of its files. Other files are read as a whole by whoever needs one of their rows (`greensward replay`), and
    so are those that do not say that they are in order: they stay small enough for that.
    """
    is_by_device = spec.sort_by[0] == "device_id"

    def whole_bytes(file: _File) -> int:
        return 0 if is_by_device and file.is_in_order else file.row_bytes

    growing = [file for file in files if 2 * whole_bytes(file) < merge_bytes]
    if len(growing) <= max(more_than, 1):
        return []
    growing.sort(key=lambda file: (file.row_bytes, file.name))
    fitting: list[_File] = []
    for file in growing[: max(merge_bytes // _FILE_BYTES, 2)]:
        all_of_them = [*fitting, file]
        if sum(map(whole_bytes, all_of_them)) > merge_bytes or sum(one.disk_bytes for one in all_of_them) > disk_bytes:
            break
        fitting.append(file)
    while not is_at_rest and fitting and 3 * fitting[-1].row_bytes > 2 * sum(file.row_bytes for file in fitting):
        fitting.pop()
    return sorted(file.name for file in fitting) if len(fitting) > 1 else []


def _weighed(spec: Table, files: Sequence[Path]) -> list[_File]:
    """Return what is to be known of all files of a partition. Raises: OSError."""
    known = _known(str(files[0].parent))
    for gone in known.keys() - {path.name for path in files}:
        known.pop(gone, None)
    looked = {path.name: _look_at(spec, path) for path in files if path.name not in known}
    known |= {name: file for name, file in looked.items() if file.row_bytes}  # what could not be read now may be later
    return [known.get(path.name) or looked[path.name] for path in files]


@functools.lru_cache(maxsize=_WEIGHED_PARTITIONS)
def _known(partition: str) -> dict[str, _File]:
    """Return what is known of the files of a partition, by name; kept, since a file never changes under its name."""
    del partition
    return {}


def _look_at(spec: Table, path: Path) -> _File:
    disk_bytes = path.stat().st_size
    try:
        footer = pq.read_metadata(path)
        row_bytes = sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
        row_bytes += _repeated_bytes(spec, path, repeated_columns(footer))
    except (pa.ArrowException, OSError, ValueError):
        return _File(path.name, disk_bytes, row_bytes=0, is_in_order=False)
    return _File(path.name, disk_bytes, row_bytes, says_it_is_in_order(spec, footer))


def _repeated_bytes(spec: Table, path: Path, repeated: Collection[str]) -> int:
    """Return what long values take that a file holds once for all rows which repeat them, as earlier versions wrote."""
    total = 0
    for name in [field.name for field in spec.schema if may_be_long(field) and field.name in repeated]:
        with pq.ParquetFile(path, read_dictionary=[name]) as file:
            for batch in file.iter_batches(columns=[name], use_threads=False):
                (values,) = batch.columns
                total += pc.sum(pc.binary_length(values.dictionary).take(values.indices)).as_py() or 0
    return total


def _one_by_one(items: Iterable[_Item], turned: Callable[[], None]) -> Iterator[_Item]:
    for item in items:
        turned()
        yield item


def _bound(path: Path, position: int) -> int:
    """Return the first (1) or last (2) message number in a file's name, 0 where the name has none."""
    parts = path.name.split("-")
    return int(parts[position]) if len(parts) > position + 1 and parts[position].isdigit() else 0
