"""Old days taken out of the lake by rule: what would go, and letting it go.

Ages are counted in days of which there is anything: a clock that jumped ahead makes a few old days go, never all. The
register `retention` says from which day on the tables of a rule are kept before the first day goes. So whoever comes
late with a row of such a day is refused and never brings half of it back. Each day of a table goes in one step: a
reader finds it whole or not at all.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.errors import StoreError
from ingest.lake.durable import store_errors
from ingest.lake.files import partition_days, partition_files
from ingest.lake.kept import RETENTION, Told, read_told
from ingest.lake.layout import DataFolder
from ingest.lake.locks import clear_trash, file_lock
from ingest.lake.tables import Table, table
from ingest.lake.write import remove_partition, replace_register, to_arrow

READINGS = ("soil_readings", "weather_readings", "device_status")
PICTURES = ("image_detections", "index_stats", "drone_poses", "flight_reports", "drone_images")
"""What was found in a picture goes before it. Which plots it showed (plot_coverage) stays: that one was ever flown."""

REJECTED = ("rejected",)
FLAGS = ("flags",)

_RULES = (READINGS, PICTURES, REJECTED, FLAGS)
_TABLES = tuple(dict.fromkeys(itertools.chain.from_iterable(_RULES)))
"""In the order in which their days go."""

_MEASURED = (*READINGS, *PICTURES)


@dataclass(frozen=True, slots=True)
class Expiring:
    """The days of a table that are older than its rule allows, ascending.

    kept_from: first local day that stays
    days_kept: the rule
    files, rows, size_bytes: of all days together; rows of files that cannot be read are not counted
    """

    table_name: str
    days: tuple[date, ...]
    kept_from: date
    days_kept: int
    files: int
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Left:
    """Days of a table that are there, though the register says that they were deleted, and its rule keeps.

    days: ascending; none where the register says so of days to come
    """

    table_name: str
    days: tuple[date, ...]
    told: Told


@dataclass(frozen=True, slots=True)
class LakeDays:
    """The local days in which ages are counted, back from the newest on which anything was measured, today at most.

    days: of which the lake has anything, ascending
    deleted_before: every day before it counts, since what the lake had of it may be deleted; None where nothing was
    """

    days: tuple[date, ...]
    deleted_before: date | None

    def first_kept(self, days_kept: int) -> date | None:
        """Return the first day that stays where so many days before the newest do; None where all do."""
        if len(self.days) > days_kept:
            return self.days[-1 - days_kept]
        if self.deleted_before is None:
            return None
        return self.deleted_before - timedelta(days=days_kept + 1 - len(self.days))


def days_of_lake(folder: DataFolder, today: date) -> LakeDays:
    """Return the days in which ages are counted.

    Each wrong day of a clock that jumped ahead counts for one, however far it lies ahead. Raises: StoreError.
    """
    there = {name: partition_days(folder, table(name)) for name in _TABLES}
    newest = max(itertools.chain.from_iterable(there[name] for name in _MEASURED), default=date.min)
    until = min(newest, today)
    days = sorted({day for days in there.values() for day in days if day <= until})
    # A register that was told by a wrong clock has fewer days after it than its rule kept.
    deleted_before = max(
        (
            told.kept_from
            for told in read_told(folder).values()
            if told.days_kept is not None and _count_from(days, told.kept_from) > told.days_kept
        ),
        default=None,
    )
    counted = [day for day in days if deleted_before is None or day >= deleted_before]
    return LakeDays(tuple(counted), deleted_before)


def _count_from(days: Sequence[date], first: date) -> int:
    return len(days) - bisect.bisect_left(days, first)


def find_expiring(folder: DataFolder, days_kept: Mapping[str, int], today: date) -> Iterator[Expiring]:
    """Yield what is to go of each table, in the order in which it goes; tables of which nothing is are left out.

    days_kept: by table; others are kept
    Raises: StoreError.
    """
    counted = days_of_lake(folder, today)
    for name in _TABLES:
        age = days_kept.get(name)
        first = None if age is None else counted.first_kept(age)
        if age is not None and first is not None:
            found = _older_than(folder, table(name), first, age)
            if found is not None:
                yield found


def find_left(folder: DataFolder, days_kept: Mapping[str, int], today: date) -> Iterator[Left]:
    """Yield what `take_back` is for: days that a run told and did not reach before its rule became another one.

    Also tables that are told to be kept from a day to come on, so that nothing of today is taken. Raises: StoreError.
    """
    counted = days_of_lake(folder, today)
    for name, told in read_told(folder).items():
        age = days_kept.get(name)
        first = (None if age is None else counted.first_kept(age)) or date.min
        days = tuple(day for day in partition_days(folder, table(name)) if first <= day < told.kept_from)
        if days or told.kept_from > today:
            yield Left(name, days, told)


def take_back(folder: DataFolder, today: date) -> Mapping[str, tuple[date, date]]:
    """Let the register say of each table that it is kept from the first day on that is there, today at the latest.

    What lies before stays deleted, and late rows of it refused. Returns of each table of which that says something
    else than before from which day on it is kept, and was. Raises: StoreError.
    """
    with file_lock(folder.evaluation_lock):
        before = read_told(folder)
        told = {
            name: replace(one, kept_from=min(one.kept_from, today, *partition_days(folder, table(name))))
            for name, one in before.items()
        }
        if told != before:
            _write(folder, told)
    changed = {name: (told[name].kept_from, one.kept_from) for name, one in before.items()}
    return {name: (now, then) for name, (now, then) in changed.items() if now != then}


def _older_than(folder: DataFolder, spec: Table, first: date, age: int) -> Expiring | None:
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
    Raises: StoreError, also for a folder that is a symbolic link; what is left goes with the next run.
    """
    going = list(found)
    # No evaluation copies meanwhile what goes (greensward.settled), and no two runs tell each other's days.
    with file_lock(folder.evaluation_lock):
        _refuse_links(folder, going)
        _clear_copies(folder, going)
        _tell(folder, going, now)
        for one in going:
            spec = table(one.table_name)
            for day in one.days:
                shutil.rmtree(_damaged(folder, spec, day), ignore_errors=True)
                remove_partition(folder, spec, day)
    clear_trash(folder)


def _clear_copies(folder: DataFolder, going: Iterable[Expiring]) -> None:
    """Remove copies of old days: before the days by which a next run would know of them, and where the disk is full.

    The register takes some room too, before anything of the lake makes any.
    """
    with store_errors(f"clearing {folder.settled}"):
        for one in going:
            for copy in folder.settled.glob(f"{one.table_name}-*.parquet"):
                copy.unlink(missing_ok=True)


def _refuse_links(folder: DataFolder, going: Iterable[Expiring]) -> None:
    """Refuse folders that were moved elsewhere by hand: their names would go and their files stay, or neither."""
    for one in going:
        for path in (folder.table(one.table_name), *(folder.partition(one.table_name, day) for day in one.days)):
            if path.is_symlink():
                raise StoreError(
                    f"{path} is a symbolic link: deleting by rule takes files of the lake's own file system only, and "
                    "deleted nothing. Move the folder back into the lake, or take link and files away yourself."
                )


def _tell(folder: DataFolder, going: Iterable[Expiring], now: datetime) -> None:
    """Say in the register from when on tables are kept; a day that was told once stays told.

    All tables of a rule, also those that have nothing old: a late message may bring rows of several.
    """
    before = read_told(folder)
    told = dict(before)
    for one in going:
        for name in next(rule for rule in _RULES if one.table_name in rule):
            if name not in told or told[name].kept_from < one.kept_from:
                told[name] = Told(one.kept_from, one.days_kept, now)
    if told != before:
        _write(folder, told)


def _write(folder: DataFolder, told: Mapping[str, Told]) -> None:
    rows = [
        {"table_name": name, "kept_from_date": one.kept_from, "days": one.days_kept, "deleted_at": one.told_at}
        for name, one in told.items()
    ]
    replace_register(folder, RETENTION, to_arrow(table(RETENTION), rows))
