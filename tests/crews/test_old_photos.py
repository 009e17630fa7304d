"""Photos go when all is said about their issue, and never one that a report may still name."""

from __future__ import annotations

import hashlib
import time
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from crews.action import Action
from crews.apply import apply_flags
from crews.issue import ActionRefusedError, Photo
from crews.issue_page import render_issue
from crews.ledger import Ledger
from crews.lists import list_of_one
from crews.old_photos import delete_old_photos, find_old_photos
from crews.perform import perform
from crews.photos import find_photo, keep_photos, photo_types
from greensward.evaluation import export_events
from ingest.errors import StoreError
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.made import DAY, HOUR, NOW, flag, plot
from tests.crews.test_web import jpeg

PLOT = plot("P1", "龙门东道绿带", 117.13, 39.22)
CHECKED = {"reason": "photo_checked"}


@pytest.fixture
def place(ledger: Ledger, tmp_path: Path) -> DataFolder:
    """Return a folder with two photos of an issue that its crew has done."""
    folder = DataFolder(tmp_path)
    apply_flags(ledger, [flag("P1", "drought", NOW)], [PLOT], NOW)
    report(ledger, folder, NOW + HOUR, 1, 2)
    return folder


def report(ledger: Ledger, folder: DataFolder, at: datetime, *numbers: int) -> None:
    (issue,) = ledger.open_issues()
    roles = ("before", "after")
    photos = [Photo(sha256(number), role) for number, role in zip(numbers, roles, strict=True)]
    action = Action(
        f"done-{at:%m%d%H}", issue.issue_id, "done", "crew:一队", water_used_litres=6400.0, photos=(*photos,)
    )
    perform(ledger, action, at, lambda: keep_photos(ledger, folder, [*map(jpeg, numbers)], "一队", at))


def sha256(number: int) -> str:
    return hashlib.sha256(jpeg(number)).hexdigest()


def close(ledger: Ledger, at: datetime) -> str:
    (issue,) = ledger.open_issues()
    ledger.append(issue, "closed", at, "王工", CHECKED)
    return issue.issue_id


def on(at: datetime) -> date:
    return BEICHEN.local_date(at)


def left(folder: DataFolder) -> int:
    return len(list(folder.photos.glob("photo-*")))


def test_photos_of_an_issue_that_is_open_stay_for_ever(ledger: Ledger, place: DataFolder) -> None:
    assert delete_old_photos(ledger, place, on(NOW + 4_000 * DAY)) == []
    assert left(place) == 2


def test_photos_are_counted_from_the_end_of_their_issue_and_go_whole(ledger: Ledger, place: DataFolder) -> None:
    issue_id = close(ledger, NOW + 10 * DAY)
    assert find_old_photos(ledger, place, on(NOW + 10 * DAY)) == []
    assert find_old_photos(ledger, place, None) == [], "no rule"
    later = on(NOW + 11 * DAY)
    found = find_old_photos(ledger, place, later)
    assert [(one.size_bytes, one.ended_on) for one in found] == [(len(jpeg(1)), on(NOW + 10 * DAY))] * 2
    assert left(place) == 2
    assert delete_old_photos(ledger, place, later) == found
    assert left(place) == 0
    assert find_photo(ledger, place, sha256(1)) is None
    page = render_issue(
        list_of_one(ledger, issue_id, {"P1": PLOT}, NOW + 20 * DAY, 8000.0),
        ledger.history(issue_id),
        photo_types(ledger, place, [sha256(1), sha256(2)]),
        "zh",
    )
    assert page.count("照片已按保存期限删除") == 2
    assert "/photos/" not in page.split('class="photos"')[1].split("</div>")[0]


def test_photos_of_an_issue_that_waits_for_its_look_back_stay(ledger: Ledger, place: DataFolder) -> None:
    (issue,) = ledger.open_issues()
    ledger.append(issue, "closed", NOW + DAY, "王工", CHECKED | {"look_back_on": "2026-07-20"})
    later = on(NOW + 4_000 * DAY)
    assert delete_old_photos(ledger, place, later) == []
    ledger.append(ledger.issue(issue.issue_id), "looked_back", NOW + 30 * DAY, "王工", {})
    assert len(delete_old_photos(ledger, place, later)) == 2


def test_a_photo_that_is_gone_proves_no_later_work_and_is_kept_again_where_it_may_come_again(
    ledger: Ledger, place: DataFolder
) -> None:
    close(ledger, NOW + DAY)
    delete_old_photos(ledger, place, on(NOW + 99 * DAY))
    apply_flags(ledger, [flag("P1", "drought", NOW + 100 * DAY)], [PLOT], NOW + 100 * DAY)
    with pytest.raises(ActionRefusedError) as refused:
        report(ledger, place, NOW + 101 * DAY, 1, 2)
    assert refused.value.code == "photo_used"
    report(ledger, place, NOW + 102 * DAY, 1, 3)
    assert find_photo(ledger, place, sha256(1)) is not None
    assert delete_old_photos(ledger, place, on(NOW + 4_000 * DAY)) == [], "it is of an open issue now"


def test_half_written_photos_go_after_a_day_and_what_no_report_names_by_rule_only(
    ledger: Ledger, place: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = place.photos / f"photo-{'0' * 32}.jpg"
    part = place.photos / ".staging" / "0.part"
    for path in (orphan, part):
        path.write_bytes(jpeg(9))
    today = BEICHEN.local_date(datetime.now(UTC))
    assert find_old_photos(ledger, place, None) == []
    assert find_old_photos(ledger, place, today) == []
    day_later = time.time() + timedelta(days=1, seconds=1).total_seconds()
    monkeypatch.setattr(time, "time", lambda: day_later)
    assert [one.path for one in delete_old_photos(ledger, place, None)] == [part]
    assert [one.path for one in delete_old_photos(ledger, place, today + timedelta(days=2))] == [orphan]
    assert (orphan.exists(), part.exists(), left(place)) == (False, False, 2)


def test_photos_that_a_lost_ledger_named_stay_while_the_lake_names_them(
    ledger: Ledger, place: DataFolder, tmp_path: Path
) -> None:
    export_events(place, BEICHEN, ledger)
    later = BEICHEN.local_date(datetime.now(UTC)) + timedelta(days=4_000)
    with Ledger(tmp_path / "new" / "ledger.db", BEICHEN) as anew:
        assert delete_old_photos(anew, place, later) == []
        rows = ledger.run("select * from photos", ())
        for row in rows:  # as an older ledger has them, whose report was not yet told
            anew.run("insert into photos values (?, ?, ?, ?, ?)", tuple(row))
        assert delete_old_photos(anew, place, later) == []
        for file in place.table("issue_events").rglob("*.parquet"):
            file.write_bytes(b"PAR1 is not all of it")
        with pytest.raises(StoreError, match="greensward lake check"):
            delete_old_photos(anew, place, later)
    assert left(place) == 2


def test_many_photos_go_some_at_a_time(ledger: Ledger, place: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crews.old_photos._AT_ONCE", 2)
    orphans = [place.photos / f"photo-{n:032}.jpg" for n in range(5)]
    for path in orphans:
        path.write_bytes(jpeg(9))
    begun, real = list[int](), ledger.transaction

    def counted() -> AbstractContextManager[None]:
        begun.append(left(place))
        return real()

    monkeypatch.setattr(ledger, "transaction", counted)
    deleted = delete_old_photos(ledger, place, date.max)
    assert [one.path for one in deleted] == orphans
    assert begun == [7, 5, 3], "a report may come in between"
