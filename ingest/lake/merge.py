"""Sorted files into one sorted stream of rows: each file is read a little at a time, whatever its size.

Of every file some rows are in memory. What comes before the smallest of the files' last ones is complete: rows that
were not read yet come later. It is sorted and given away, and the files that run short are read on. So memory follows
the number of files and not their size (I7).
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.errors import StoreError
from ingest.lake.candidates import are_different
from ingest.lake.files import with_schema
from ingest.lake.footers import ascending_columns, repeated_columns
from ingest.lake.tables import Table

_LEAST_ROWS = 64
_LEAST_BYTES = 65_536
"""Read of a file at once at least, whichever is less: fewer rows cost more in calls than they save in memory."""

_READ_BYTES = 65_536
"""Of each column, read from the disk at once; otherwise Arrow takes the whole row group, before decompression."""

_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "FLOAT": 4, "DOUBLE": 8}
_OFFSET_BYTES = 4
_SHORT_BYTES = 12
"""What a text takes where the file does not tell, since it holds each only once."""

Key = tuple[tuple[int, Any], ...]
"""A row's columns of `sort_by`, in an order like Arrow's: values, NaN, nulls."""


def rows_in_order(spec: Table, paths: Sequence[Path], rows_bytes: int) -> Generator[pa.Table, None, None]:
    """Yield all rows of `paths` in the order of `spec.sort_by`, some at a time; columns that a file lacks are null.

    rows_bytes: how much of all files together is in memory, about. A file that does not say that it is in order, as
        those of earlier versions, is read whole.
    Where the table merges measured columns, rows of the same key become one; `sort_by` is part of the key there.
    It comes to an end: each turn gives rows away, or reads on in the file that ends first.
    Raises: StoreError.
    """
    with ExitStack() as stack, _reading(spec):
        coalesce: Callable[[Table, pa.Table], pa.Table] | None = None
        files = [stack.enter_context(_opened(path)) for path in paths]
        # To each its share: then all files come to their ends together, and a step takes the most rows that it can.
        share = rows_bytes / max(sum(file.metadata.num_rows for file in files), 1)
        runs = [_Run(file, spec, share * file.metadata.num_rows) for file in files]
        while True:
            for run in runs:
                run.read_on()
            ends = [run.last() for run in runs if not run.is_at_end]
            end = min(ends) if ends else None
            # Not the rows of that key itself: the next ones of the file may be the other half of a reading.
            taken = [some for run in runs if (some := run.take_before(end)).num_rows]
            if taken:
                rows = pa.concat_tables(taken)
                if spec.merge and not are_different(spec.key, rows):
                    coalesce = coalesce or stack.enter_context(_coalescing())
                    rows = coalesce(spec, rows)
                yield sorted_rows(spec, rows)
            elif end is None:
                return
            else:
                for run in runs:
                    if not run.is_at_end and run.last() == end:
                        run.read_on(even_if_full=True)


def sorted_rows(spec: Table, rows: pa.Table) -> pa.Table:
    """Return the rows in the table's order."""
    return rows.take(pc.sort_indices(rows, [(name, "ascending") for name in spec.sort_by]))


def says_it_is_in_order(spec: Table, footer: pq.FileMetaData) -> bool:
    """Say whether a file was written in the order that the table has now."""
    groups = map(footer.row_group, range(footer.num_row_groups))
    return all(ascending_columns(group) == spec.sort_by for group in groups)


@contextmanager
def _reading(spec: Table) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, ValueError, OSError) as error:
        raise StoreError(f"merging {spec.name}: {error}") from error


def _coalescing() -> AbstractContextManager[Callable[[Table, pa.Table], pa.Table]]:
    from ingest.lake.same_rows import coalescing  # noqa: PLC0415 - as in `ingest.lake.dedupe`

    return coalescing()


def _opened(path: Path) -> pq.ParquetFile:
    """Open a file so that a text which it holds once is held once in memory, too, however often it is repeated."""
    footer = pq.read_metadata(path)
    return pq.ParquetFile(
        path,
        metadata=footer,
        read_dictionary=sorted(repeated_columns(footer)),
        buffer_size=_READ_BYTES,
        pre_buffer=False,
        page_checksum_verification=True,
    )


class _Run:
    """One file: the rows of it that are in memory, and how it is read on."""

    def __init__(self, file: pq.ParquetFile, spec: Table, rows_bytes: float) -> None:
        self.is_at_end = False
        self._sort_by = spec.sort_by
        self._rows = spec.schema.empty_table()
        self._at_once = 0
        self._parts = self._read(file, spec, rows_bytes)

    def read_on(self, *, even_if_full: bool = False) -> None:
        """Read the next rows when there are few."""
        if self.is_at_end or (2 * self._rows.num_rows > self._at_once and not even_if_full):
            return
        part = next(self._parts, None)
        if part is None:
            self.is_at_end = True
        else:
            # A copy, so that what was given away does not stay in memory with the rest.
            self._rows = pa.concat_tables([self._rows, part]).combine_chunks()

    def last(self) -> Key:
        """Return where the last row stands in the order; there is one unless the file is at its end."""
        return self._key(self._rows.num_rows - 1)

    def take_before(self, end: Key | None) -> pa.Table:
        """Give away the rows before `end`, all without one."""
        count = self._rows.num_rows
        before = count if end is None else bisect.bisect_left(range(count), end, key=self._key)
        taken, self._rows = self._rows.slice(0, before), self._rows.slice(before)
        return taken

    def _key(self, row: int) -> Key:
        return tuple(_comparable(self._rows[name][row].as_py()) for name in self._sort_by)

    def _read(self, file: pq.ParquetFile, spec: Table, rows_bytes: float) -> Iterator[pa.Table]:
        if not says_it_is_in_order(spec, file.metadata):
            rows = with_schema(spec, file.read(use_threads=False))
            if rows.num_rows:
                yield sorted_rows(spec, rows)
            return
        for group in range(file.num_row_groups):
            row_bytes = _row_bytes(file.metadata.row_group(group))
            at_once = max(int(rows_bytes) // row_bytes, min(_LEAST_ROWS, _LEAST_BYTES // row_bytes), 1)
            for batch in file.iter_batches(at_once, row_groups=[group], use_threads=False):
                for part in _in_parts(batch, max(rows_bytes, _LEAST_BYTES)):
                    self._at_once = part.num_rows
                    yield with_schema(spec, part)


def _in_parts(batch: pa.RecordBatch, most_bytes: float) -> Iterator[pa.Table]:
    """Yield the rows of `batch`, each time about so many that they take `most_bytes` with each text in full."""
    repeated = [column for column in batch.columns if pa.types.is_dictionary(column.type)]
    once_bytes = batch.nbytes - sum(column.dictionary.nbytes for column in repeated)
    full_bytes = np.full(batch.num_rows, once_bytes / max(batch.num_rows, 1))
    for column in repeated:
        full_bytes += pc.binary_length(column.dictionary).take(column.indices).fill_null(0).to_numpy()
    part_of = (np.cumsum(full_bytes) // most_bytes).astype(np.int64)
    begins = [0, *(np.flatnonzero(np.diff(part_of)) + 1).tolist(), batch.num_rows]
    for begin, end in itertools.pairwise(begins):
        yield pa.Table.from_batches([batch.slice(begin, end - begin)])


def _comparable(value: Any) -> tuple[int, Any]:
    if value is None:
        return 2, 0
    return (1, 0) if isinstance(value, float) and math.isnan(value) else (0, value)


def _row_bytes(group: pq.RowGroupMetaData) -> int:
    """Return what a row of the group takes in memory, about."""
    total = 0
    for column in (group.column(place) for place in range(group.num_columns)):
        text_bytes = _OFFSET_BYTES + max(column.total_uncompressed_size // max(group.num_rows, 1), _SHORT_BYTES)
        total += _WIDTHS.get(column.physical_type, text_bytes)
    return total
