"""Old days taken out of the lake by rule: what would go, and letting it go.

The register `retention` says from which day on a table is kept before the first day goes. So whoever comes late with a
row of such a day is refused and never brings half of it back, and a run that is cut short is finished by the next.
Each day of a table goes in one step: a reader finds it whole or not at all.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.lake.durable import store_errors
from ingest.lake.files import is_gone, list_files, partition_days, partition_files, read_files, retrying_while
from ingest.lake.kept import RETENTION, kept_from
from ingest.lake.layout import DataFolder
from ingest.lake.locks import clear_trash, file_lock
from ingest.lake.tables import Table, table
from ingest.lake.write import remove_partition, replace_register, to_arrow

READINGS = ("soil_readings", "weather_readings", "device_status")
PICTURES = ("image_detections", "index_stats", "drone_poses", "flight_reports", "drone_images")
"""What was found in a picture goes before it. Which plots it showed (plot_coverage) stays: that one was ever flown."""

REJECTED = ("rejected",)
FLAGS = ("flags",)

_BY_SENDERS_CLOCKS = (*READINGS, *PICTURES)


@dataclass(frozen=True, slots=True)
class Expiring:
    """The days of a table that are older than its rule allows, ascending.

    kept_from: first local day that stays
    days_kept: the rule; None where there is none any more, and a run that was cut short is finished
    files, rows, size_bytes: of all days together; rows of files that cannot be read are not counted
    """

    table_name: str
    days: tuple[date, ...]
    kept_from: date
    days_kept: int | None
    files: int
    rows: int
    size_bytes: int


def newest_day(folder: DataFolder, today: date) -> date | None:
    """Return the newest local day of which anything was measured, at most `today`; None where nothing was.

    Ages are counted from it: a clock that jumped ahead makes nothing old.
    """
    days = (partition_days(folder, table(name))[-1:] for name in _BY_SENDERS_CLOCKS)
    newest = max(itertools.chain.from_iterable(days), default=None)
    return None if newest is None else min(newest, today)


def find_expiring(folder: DataFolder, days_kept: Mapping[str, int], today: date) -> Iterator[Expiring]:
    """Yield what is to go of each table, in the order in which it goes; tables of which nothing is are left out.

    days_kept: by table; others are kept, but for days that a run which was cut short left
    Raises: StoreError.
    """
    newest, begun = newest_day(folder, today), kept_from(folder)
    for name in dict.fromkeys((*_BY_SENDERS_CLOCKS, *REJECTED, *FLAGS)):
        age = days_kept.get(name)
        by_rule = newest - timedelta(days=age) if newest is not None and age is not None else None
        ends = [day for day in (by_rule, begun.get(name)) if day is not None]
        if ends and (found := _older_than(folder, table(name), max(ends), age)) is not None:
            yield found


def _older_than(folder: DataFolder, spec: Table, first: date, age: int | None) -> Expiring | None:
    days = sorted({day for day in (*partition_days(folder, spec), *_damaged_days(folder, spec)) if day < first})
    if not days:
        return None
    files = rows = size = 0
    for path in itertools.chain.from_iterable(_files_of(folder, spec, day) for day in days):
        try:
            size += path.stat().st_size
            files += 1
            rows += pq.read_metadata(path).num_rows
        except (OSError, ValueError, pa.ArrowException):  # merged away meanwhile, or damaged: it goes all the same
            continue
    return Expiring(spec.name, tuple(days), first, age, files, rows, size)


def _damaged(folder: DataFolder, spec: Table, day: date) -> Path:
    return folder.damaged / folder.partition(spec.name, day).relative_to(folder.lake)


def _damaged_days(folder: DataFolder, spec: Table) -> Iterator[date]:
    for path in (folder.damaged / spec.name).glob("date=*"):
        with contextlib.suppress(ValueError):  # none of ours
            yield date.fromisoformat(path.name.removeprefix("date="))


def _files_of(folder: DataFolder, spec: Table, day: date) -> Iterable[Path]:
    return (*partition_files(folder, spec, day), *_damaged(folder, spec, day).glob("*.parquet"))


def delete_expiring(folder: DataFolder, found: Iterable[Expiring], now: datetime) -> None:
    """Delete what `find_expiring` found; safe beside everything else that runs, and to do again.

    The disk is free a minute later, when nobody can be listing it any more: ingest clears it, or the next run.
    Raises: StoreError; what is left goes with the next run.
    """
    going = list(found)
    # No evaluation copies meanwhile what goes (greensward.settled), and no two runs tell each other's days.
    with file_lock(folder.evaluation_lock):
        _tell(folder, going, now)
        for one in going:
            spec = table(one.table_name)
            with store_errors(f"clearing {folder.settled}"):  # before the days by which a next run would know of it
                for copy in folder.settled.glob(f"{spec.name}-*.parquet"):
                    copy.unlink(missing_ok=True)
            for day in one.days:
                shutil.rmtree(_damaged(folder, spec, day), ignore_errors=True)
                remove_partition(folder, spec, day)
    clear_trash(folder)


def _tell(folder: DataFolder, going: Iterable[Expiring], now: datetime) -> None:
    """Say in the register from when on tables are kept; a day that was told once stays told."""
    spec = table(RETENTION)

    def read() -> list[dict[str, Any]]:
        return list(read_files(spec, [Path(file) for file in list_files(folder, spec)]).to_pylist())

    before = {row["table_name"]: row for row in retrying_while(is_gone, folder, read)}
    told = before | {
        one.table_name: {
            "table_name": one.table_name,
            "kept_from_date": one.kept_from,
            "days": one.days_kept,
            "deleted_at": now,
        }
        for one in going
        if one.table_name not in before or before[one.table_name]["kept_from_date"] < one.kept_from
    }
    if told != before:
        replace_register(folder, RETENTION, to_arrow(spec, list(told.values())))
