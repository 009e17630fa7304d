"""`greensward lake expire`: what is older than [retention] allows, listed, and deleted when asked to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from crews.ledger import Ledger
from crews.old_photos import OldPhoto, delete_old_photos, find_old_photos, find_unnamed_photos
from greensward.console import EXIT_OK, Common, counted, err, out, show
from greensward.described import describe_lake
from greensward.settings import Settings
from ingest.lake.expire import Expiring, delete_expiring, find_expiring, newest_day
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


def expire(
    *,
    delete: Annotated[bool, Parameter(help="Delete what is listed.", negative="")] = False,
    common: Common | None = None,
) -> int:
    """List what is older than [retention] of the settings allows; with --delete, delete it.

    Everything may run meanwhile. Ages are local days, counted from the newest on which anything was measured, so that a
    clock that jumped ahead deletes nothing. Photos that no report names, left by one that failed, go after a day. What
    comes late for a deleted day is refused (day_expired). Backups keep what they hold: remove old ones yourself.
    """
    common = common or Common()
    settings = common.settings()
    folder = settings.existing_folder()
    now = settings.now()
    today = newest_day(folder, settings.place().local_date(now))
    found = list(find_expiring(folder, settings.retention.by_table(), settings.place().local_date(now)))
    if delete:
        delete_expiring(folder, found, now)
    going = [_of_table(one, settings) for one in found] + _of_photos(folder, settings, today, delete=delete)
    if delete:
        describe_lake(settings)  # of a table that is empty now, or of the first days that were deleted
    show({"deleted": delete, "going": going}, as_json=common.json, render=_printed(going, deleted=delete))
    return EXIT_OK


def _of_table(one: Expiring, settings: Settings) -> Going:
    key = settings.retention.key_of(one.table_name)
    why = f"[retention] {key} = {one.days_kept}" if one.days_kept else "left by a run that was cut short"
    return Going(one.table_name, one.days[0], one.days[-1], one.files, one.rows, one.size_bytes, why)


def _of_photos(folder: DataFolder, settings: Settings, today: date | None, *, delete: bool) -> list[Going]:
    if not folder.ledger.exists():
        return []
    days_kept = settings.retention.photos_days if today is not None else 0
    day = today or date.min
    with Ledger(folder.ledger, settings.place()) as ledger:
        if delete:
            photos = delete_old_photos(ledger, folder, days_kept, day)
        else:
            photos = [*find_old_photos(ledger, folder, days_kept, day), *find_unnamed_photos(ledger, folder)]
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


def _printed(going: Sequence[Going], *, deleted: bool) -> Callable[[], None]:
    def render() -> None:
        if not going:
            err.print("Nothing is older than [retention] allows.")
            return
        table = Table("table", "from", "to", "files", "rows", "bytes", "why")
        for one in going:
            rows = "" if one.rows is None else f"{one.rows:,}"
            days = [str(day or "") for day in (one.first_day, one.last_day)]
            table.add_row(one.table, *days, f"{one.files:,}", rows, f"{one.bytes:,}", one.why.replace("[", r"\["))
        out.print(table)
        total = f"{counted(sum(one.files for one in going), 'file')}, {sum(one.bytes for one in going):,} bytes"
        err.print(
            f"{total} deleted." if deleted else f"{total} would go. Delete them with: greensward lake expire --delete"
        )

    return render
