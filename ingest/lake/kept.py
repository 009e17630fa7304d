"""From which local day on a table is kept, where older days of it were deleted by rule: the register `retention`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa

from ingest.errors import StoreError
from ingest.lake.files import is_gone, list_files, read_files, retrying_while
from ingest.lake.layout import DataFolder
from ingest.lake.tables import Table, table

RETENTION = "retention"

_OURS = "received_at"
"""A table by our own clock gets no row late; what waited long to be sealed is kept, and goes with the next run."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the register says of a table.

    kept_from: first local day that is kept
    days_kept: the rule by which it was told, in days before the newest
    told_at: when days were deleted last, UTC
    """

    kept_from: date
    days_kept: int | None
    told_at: datetime


def read_told(folder: DataFolder) -> Mapping[str, Told]:
    """Return what the register says, by table; a table of which nothing was deleted is not in it.

    It costs a folder listing where it was read before. Raises: StoreError.
    """
    spec = table(RETENTION)
    try:
        return retrying_while(is_gone, folder, lambda: _read(tuple(list_files(folder, spec))))
    except (pa.ArrowException, ValueError) as error:
        raise StoreError(
            f"the register in {folder.table(RETENTION)} cannot be read: {error}. Restore it from a backup: it says "
            "which days were deleted by rule, and must not come back half."
        ) from error


@functools.lru_cache(maxsize=4)
def _read(files: tuple[str, ...]) -> Mapping[str, Told]:
    """Return what the files say, whose names hold their hashes."""
    rows = read_files(table(RETENTION), [Path(file) for file in files]).to_pylist()
    return {row["table_name"]: Told(row["kept_from_date"], row["days"], row["deleted_at"]) for row in rows}


def kept_from(folder: DataFolder) -> Mapping[str, date]:
    """Return the first local day that is kept, by table, as `read_told`. Raises: StoreError."""
    return {name: told.kept_from for name, told in read_told(folder).items()}


def first_kept(spec: Table, since: Mapping[str, date]) -> date | None:
    """Return the first local day of which rows may still come; None for any."""
    return None if spec.partition_by == _OURS else since.get(spec.name)


def check_is_kept(folder: DataFolder, spec: Table, day: date) -> None:
    """Raise StoreError for a day that was deleted since the caller asked: half of it must not come back.

    The caller holds off swaps, or swaps itself; doing its work again refuses what comes late.
    """
    first = first_kept(spec, kept_from(folder))
    if first is not None and day < first:
        raise StoreError(f"{spec.name} of {day} was deleted by [retention] a moment ago; it is told so the next time.")
