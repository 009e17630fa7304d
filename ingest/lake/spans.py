"""What a Parquet file spans, by its footer: files that cannot hold what a batch brings are not opened again."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

Span = tuple[datetime, datetime]
"""Earliest and latest instant."""


def files_within(paths: Iterable[Path], column: str, span: Span) -> list[Path]:
    """Return the files that may hold an instant of the span in the column, edges included.

    A file whose footer does not say, or cannot be read, is among them: whoever reads it will meet what is wrong.
    """
    low, high = span
    return [path for path in paths if (own := _span(path, column)) is None or (own[0] <= high and low <= own[1])]


@functools.lru_cache(maxsize=8_192)
def _span(path: Path, column: str) -> Span | None:
    """Return what the file spans; kept, since a file of the lake never changes under its name."""
    try:
        footer = pq.read_metadata(path)
        place = footer.schema.names.index(column)
        found = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
        if not found or not all(one is not None and one.has_min_max and one.null_count == 0 for one in found):
            return None
        return min(one.min for one in found), max(one.max for one in found)
    except (pa.ArrowException, OSError, ValueError):
        return None
