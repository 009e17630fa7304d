"""`greensward lake expire`: what is older than [retention] allows, listed, and deleted when asked to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from crews.ledger import Ledger
from crews.old_photos import OldPhoto, delete_old_photos, find_old_photos
from greensward.console import EXIT_OK, Common, Listing, counted, err, print_table, show
from greensward.described import describe_lake
from greensward.settings import Settings
from ingest.errors import ConfigError
from ingest.lake.expire import Expiring, Left, days_of_lake, delete_expiring, find_expiring, find_left
from ingest.lake.expire import take_back as take_back_told
from ingest.lake.kept import read_told
from ingest.lake.layout import DataFolder

PHOTOS = "photos"


@dataclass(frozen=True, slots=True)
class Going:
    """What goes of a table, or of the crews' photos.

    first_day, last_day: local days; of photos those on which their issues ended, None where no report names them
    rows: None for photos
    """

    table: str
    first_day: date | None
    last_day: date | None
    files: int
    rows: int | None
    bytes: int
    why: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Days that are there, though they were told to be deleted, and that [retention] keeps.

    first_day, last_day: None where the register tells of days to come, and nothing of today is taken
    """

    table: str
    first_day: date | None
    last_day: date | None
    days: int
    kept_from: date
    told_at: datetime


def expire(
    *,
    delete: Annotated[bool, Parameter(help="Delete what is listed.", negative="")] = False,
    take_back: Annotated[bool, Parameter(help="Keep tables from the first day that is there.", negative="")] = False,
    today_is: Annotated[
        str | None, Parameter(name="--today", help="With --take-back: says that the clock's day (2026-07-02) is right.")
    ] = None,
    common: Common | None = None,
) -> int:
    """List what is older than [retention] of the settings allows; with --delete, delete it.

    Everything may run meanwhile. Ages are local days of which the lake has anything, counted from the newest on which
    anything was measured: a clock that jumped ahead costs a few old days, never all. Half-written photos, left by a
    report that failed, go after a day. What comes late for a deleted day is refused (day_expired). Backups keep what
    they hold: remove old ones yourself.

    A run that was cut short is finished only as far as [retention] says so still. With --take-back each table is kept
    again from its first day on that is there: after such a run, a wrong clock, or days put back by hand. A clock that
    is behind a telling would reopen days that are gone: then nothing is taken back without --today.
    """
    if today_is is not None and not take_back:
        raise ConfigError("--today goes with --take-back: it says that the clock is right.")
    if delete and take_back:
        raise ConfigError("--delete and --take-back are two things: take back, look at the list, and then delete.")
    common = common or Common()
    settings = common.settings()
    folder = settings.existing_folder()
    now = settings.now()
    today = settings.place().local_date(now)
    if take_back:
        _check_clock(folder, now, today, today_is)
        _say_taken_back(take_back_told(folder, today))
    found = list(find_expiring(folder, settings.retention.by_table(), today))
    photos_from = days_of_lake(folder, today).first_kept(settings.retention.photos_days)
    if delete:
        delete_expiring(folder, found, now)
    going = [_of_table(one, settings) for one in found] + _of_photos(folder, settings, photos_from, delete=delete)
    if delete:
        describe_lake(settings)  # of a table that is empty now, or of the first days that were deleted
    left = [_left(one) for one in find_left(folder, settings.retention.by_table(), today)]
    result = {"deleted": delete, "going": going, "left": left}
    show(result, as_json=common.json, render=_printed(going, left, now, today, deleted=delete))
    return EXIT_OK


def _check_clock(folder: DataFolder, now: datetime, today: date, said: str | None) -> None:
    """Refuse to take back by a clock that is behind, where nobody says that it is right. Raises: ConfigError."""
    if said is not None:
        if said != today.isoformat():
            raise ConfigError(f"--today {said}: by this machine's clock it is {today}. Set the clock right first.")
        return
    later = {name: one for name, one in read_told(folder).items() if one.kept_from > today and one.told_at > now}
    if later:
        name, told = max(later.items(), key=lambda item: item[1].told_at)
        raise ConfigError(
            f"By this machine's clock it is {today}, and {name} was told on {told.told_at:%Y-%m-%d} that days before "
            f"{told.kept_from} go: one of the two clocks is wrong, and if it is today's, days that are gone would be "
            f"open again. Nothing was taken back. Set the clock right; where {today} is today: greensward lake expire "
            f"--take-back --today {today}"
        )


def _say_taken_back(changed: Mapping[str, tuple[date, date]]) -> None:
    for name, (now, then) in changed.items():
        err.print(f"{name}: kept from {now} on again, no longer from {then} on.")
    if not changed:
        err.print("Nothing is to be taken back.")


def _of_table(one: Expiring, settings: Settings) -> Going:
    key = settings.retention.key_of(one.table_name)
    why = f"[retention] {key} = {one.days_kept}"
    return Going(one.table_name, one.days[0], one.days[-1], one.files, one.rows, one.size_bytes, why)


def _left(one: Left) -> Kept:
    first, last = (one.days[0], one.days[-1]) if one.days else (None, None)
    return Kept(one.table_name, first, last, len(one.days), one.told.kept_from, one.told.told_at)


def _of_photos(folder: DataFolder, settings: Settings, first: date | None, *, delete: bool) -> list[Going]:
    if not folder.ledger.exists():
        return []
    days_kept = settings.retention.photos_days
    kept_from = first if days_kept else None
    with Ledger(folder.ledger, settings.place()) as ledger:
        photos = (delete_old_photos if delete else find_old_photos)(ledger, folder, kept_from)
    old = [one for one in photos if one.ended_on is not None]
    unnamed = [one for one in photos if one.ended_on is None]
    return [
        *_photos(old, f"[retention] photos_days = {days_kept}, since their issue ended"),
        *_photos(unnamed, "no report names them"),
    ]


def _photos(photos: Sequence[OldPhoto], why: str) -> list[Going]:
    if not photos:
        return []
    days = sorted(one.ended_on for one in photos if one.ended_on is not None)
    size = sum(one.size_bytes for one in photos)
    return [Going(PHOTOS, days[0] if days else None, days[-1] if days else None, len(photos), None, size, why)]


def _said_of(kept: Kept, now: datetime, today: date) -> str:
    told = f"{kept.table}: told on {kept.told_at:%Y-%m-%d} that days before {kept.kept_from} go."
    if kept.days:
        told += f" {counted(kept.days, 'day')} from {kept.first_day} on are there and stay."
    if kept.kept_from > today:  # a clock that is behind would call back what is gone
        confirmed = f" --today {today}" if kept.told_at > now else ""
        return f"{told} All of them is refused. Where {today} is today: greensward lake expire --take-back{confirmed}"
    return f"{told} What comes late for them is refused until: greensward lake expire --take-back"


def _printed(
    going: Sequence[Going], left: Sequence[Kept], now: datetime, today: date, *, deleted: bool
) -> Callable[[], None]:
    def render() -> None:
        for kept in left:
            err.print(_said_of(kept, now, today))
        if not going:
            err.print(escape("Nothing is older than [retention] allows."))
            return
        table = Listing("table", "from", "to", "files", "rows", "bytes", "why")
        for one in going:
            rows = "" if one.rows is None else f"{one.rows:,}"
            days = [str(day or "") for day in (one.first_day, one.last_day)]
            table.add_row(one.table, *days, f"{one.files:,}", rows, f"{one.bytes:,}", escape(one.why))
        print_table(table)
        total = f"{counted(sum(one.files for one in going), 'file')}, {sum(one.bytes for one in going):,} bytes"
        err.print(
            f"{total} deleted." if deleted else f"{total} would go. Delete them with: greensward lake expire --delete"
        )

    return render
