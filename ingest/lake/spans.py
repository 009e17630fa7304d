"""What a Parquet file spans, by its footer: files that cannot hold what a batch brings are not opened again."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.lake.footers import column_statistics

Span = tuple[datetime, datetime]
"""Earliest and latest instant."""

_MOST_FOLDERS = 1_024
"""Partitions whose spans are kept: three tables of some hundred days, what a backlog of a year comes to at once."""


def files_within(paths: Iterable[Path], column: str, span: Span) -> list[Path]:
    """Return the files that may hold an instant of the span in the column, edges included.

    paths: all files of some folders, one folder after the other
    A file whose footer does not say, or cannot be read, is among them: whoever reads it will meet what is wrong.
    """
    found: list[Path] = []
    for folder, of_folder in itertools.groupby(paths, key=lambda path: path.parent):
        files = {path.name: path for path in of_folder}
        known = _known(str(folder), column)
        for merged_away in known.keys() - files.keys():
            del known[merged_away]
        known |= {name: _span(path, column) for name, path in files.items() if name not in known}
        found += [path for name, path in files.items() if (own := known[name]) is None or _touch(own, span)]
    return found


def forget(paths: Iterable[Path], column: str) -> None:
    """Keep nothing of files that are gone: of a day that is over nobody may ask again."""
    for path in paths:
        _known(str(path.parent), column).pop(path.name, None)


def _touch(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


@functools.lru_cache(maxsize=_MOST_FOLDERS)
def _known(folder: str, column: str) -> dict[str, Span | None]:
    """Return what is known of the files of a folder, by name; kept, since a file never changes under its name.

    Of files that were merged away nothing is: months of small files would be megabytes.
    """
    del folder, column
    return {}


def _span(path: Path, column: str) -> Span | None:
    try:
        found = column_statistics(pq.read_metadata(path), column)
        sure = [(one.min, one.max) for one in found if one is not None and one.has_min_max and one.null_count == 0]
        if not found or len(sure) < len(found):
            return None
        span = min(low for low, _ in sure), max(high for _, high in sure)
        # Such as pandas writes unless told otherwise: without a zone it says no instant.
        return span if all(isinstance(end, datetime) and end.tzinfo for end in span) else None
    except (pa.ArrowException, OSError, ValueError):
        return None
