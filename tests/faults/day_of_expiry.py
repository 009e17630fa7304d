"""Old days, photos and what failed reports left are deleted by rule, and a test can kill that anywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from crews.action import Action
from crews.apply import apply_flags
from crews.issue import Photo
from crews.ledger import Ledger
from crews.old_photos import delete_old_photos
from crews.perform import perform
from crews.photos import keep_photos, photo_hash
from ingest.lake.durable import hash_is_right, write_new_file
from ingest.lake.expire import READINGS, delete_expiring, find_expiring
from ingest.lake.files import partition_days, partition_files
from ingest.lake.kept import kept_from
from ingest.lake.layout import DataFolder
from ingest.lake.locks import clear_trash
from ingest.lake.ownership import own
from ingest.lake.read import open_lake
from ingest.lake.tables import table
from ingest.lake.write import write_rows
from ingest.registers.snapshot import Registers
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from tests.crews import made
from tests.faults.crashes import WATCHED, Judged, Scenario
from tests.lake.rows import NOON, soil, soil_row
from tests.seal.test_sealer import message

_SOIL = table("soil_readings")
_DAYS = 6
_STAY = [NOON.date() + timedelta(days=n) for n in range(_DAYS - 3, _DAYS)]
_TODAY = _STAY[-1]
_RULE = dict.fromkeys(READINGS, 2)
_PHOTO = b"\xff\xd8\xff\xe0photo" * 200
_YEARS = timedelta(days=800)
_LATE = message(1)
"""A reading of the first day, which is one of those that go."""
_TOLD = dict.fromkeys(READINGS, _STAY[0])


def prepare(place: Path) -> None:
    """Make six days of two files, a copy of old days, an issue that ended with its photo, and a photo of no report."""
    folder = DataFolder(place / WATCHED)
    with own(folder):
        for day in range(_DAYS):
            for part in range(2):
                rows = soil(soil_row(day * 1440 + part, message_seq=-1 - day))
                write_rows(folder, _SOIL, NOON.date() + timedelta(days=day), rows, f"part-{day}-{part}")
    write_new_file(folder.staging, folder.settled, _SOIL.name, ".parquet", lambda sink: sink.write(b"copy"))
    write_new_file(folder.staging, folder.photos, "photo", ".jpg", lambda sink: sink.write(b"of no report"))
    with Ledger(folder.ledger, BEICHEN) as ledger:
        plot = made.plot("P1", "P1", 117.13, 39.22)
        apply_flags(ledger, [made.flag("P1", "drought", made.NOW)], [plot], made.NOW)
        (issue,) = ledger.open_issues()
        at = made.NOW + made.HOUR
        photos = (Photo(photo_hash(_PHOTO), "after"),)
        done = Action("done-0001", issue.issue_id, "done", "crew:一队", water_used_litres=6400.0, photos=photos)
        issue = perform(ledger, done, at, lambda: keep_photos(ledger, folder, [_PHOTO], "一队", at)).issue
        ledger.append(issue, "closed", at + made.DAY, "王工", {"reason": "photo_checked"})


@contextmanager
def _two_days_later() -> Iterator[None]:
    """Let files be as old as they must be to go."""
    later = time.time() + timedelta(days=2).total_seconds()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: later)
        yield


def work(place: Path) -> None:
    """Delete what is old, and then seal a reading that comes late for a day that is gone."""
    folder = DataFolder(place / WATCHED)
    delete_expiring(folder, find_expiring(folder, _RULE, _TODAY), NOON)
    with _two_days_later():
        with Ledger(folder.ledger, BEICHEN) as ledger:
            delete_old_photos(ledger, folder, (NOON + _YEARS).date())
        clear_trash(folder)
    with own(folder):
        sealed = Sealer(folder, BEICHEN, "test").seal([_LATE], Registers(folder).current())
    assert not sealed.outcomes["stored"], sealed.outcomes


def check_what_a_reader_meets(place: Path) -> None:
    """Assert that each day is there whole, or gone and told; and that no file is half there."""
    folder = DataFolder(place / WATCHED)
    with open_lake(folder, BEICHEN) as lake:
        days = dict(lake.execute("select date, count(*) from soil_readings group by date").fetchall())
    assert set(days.values()) == {2}, days
    assert set(_STAY) <= days.keys(), days
    gone = {NOON.date() + timedelta(days=day) for day in range(_DAYS)} - days.keys()
    assert not gone or kept_from(folder) == _TOLD, "a day is gone, and nothing says so"
    assert all(hash_is_right(path) for path in folder.lake.rglob("*.parquet"))


def check_what_the_office_meets(place: Path) -> None:
    """Assert that a photo that is there is whole."""
    assert all(hash_is_right(path) for path in DataFolder(place / WATCHED).photos.glob("photo-*"))


def check(place: Path) -> None:
    """Assert that all that was old is gone, all else there, and that the late reading was refused and kept."""
    folder = DataFolder(place / WATCHED)
    assert partition_days(folder, _SOIL) == _STAY
    assert all(len(partition_files(folder, _SOIL, day)) == 2 for day in _STAY)
    assert kept_from(folder) == _TOLD
    for left in (folder.settled, folder.photos, folder.trash, folder.staging):
        assert [path for path in left.iterdir() if path.name != ".staging"] == [], left
    with Ledger(folder.ledger, BEICHEN) as ledger:
        assert ledger.run("select sha256 from photos", ())[0][0] == photo_hash(_PHOTO), "it was sent before"
    with open_lake(folder, BEICHEN) as lake:
        refused = lake.execute("select code, payload from rejected").fetchall()
    assert refused == [("day_expired", _LATE.payload)]


DAY_OF_EXPIRY = Scenario(
    "expiry: old days and photos are deleted by rule",
    prepare=prepare,
    work=work,
    met=(
        Judged((f"{WATCHED}/lake",), check_what_a_reader_meets),
        Judged((f"{WATCHED}/ledger/photos",), check_what_the_office_meets),
    ),
    settled=Judged((WATCHED,), check),
)
