"""Old days leave the lake whole, and none of their readings come back alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from greensward.backup.create import backup_of, create
from greensward.settled import keep_copies, list_with_copies
from ingest.errors import StoreError
from ingest.lake import write
from ingest.lake.compact import compact_lake
from ingest.lake.expire import (
    PICTURES,
    READINGS,
    Expiring,
    days_of_lake,
    delete_expiring,
    find_expiring,
    find_left,
    take_back,
)
from ingest.lake.files import partition_days, partition_files
from ingest.lake.kept import Told, kept_from
from ingest.lake.layout import DataFolder
from ingest.lake.locks import swapping
from ingest.lake.ownership import ensure_layout
from ingest.lake.read import open_lake, retrying
from ingest.lake.tables import table
from ingest.lake.write import replace_partition, to_arrow, write_rows
from ingest.observation import Message
from ingest.registers.snapshot import Registers
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from tests.lake.rows import NOON, soil, soil_row
from tests.waiting import wait_until

SOIL, REJECTED = table("soil_readings"), table("rejected")
DAY = NOON.date()
DAYS = 12
TODAY = DAY + timedelta(days=DAYS - 1)
LATER = NOON + timedelta(days=DAYS)
RULE = dict.fromkeys(READINGS, 4)
STAY = [DAY + timedelta(days=n) for n in range(DAYS - 5, DAYS)]


@pytest.fixture
def kept(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """Return a lake with readings of twelve days, two files a day."""
    monkeypatch.setattr("ingest.lake.locks._TRASH_S", -1.0)
    for n in range(DAYS):
        for part in range(2):
            add(folder, n, part)
    return folder


def add(folder: DataFolder, day: int, minutes: int = 0) -> Path:
    row = soil_row(day * 1440 + minutes, message_seq=day)
    return write_rows(folder, SOIL, DAY + timedelta(days=day), soil(row), f"part-{day}-{day}")


def find(folder: DataFolder, rule: dict[str, int], today: date = TODAY) -> list[Expiring]:
    return list(find_expiring(folder, rule, today))


def expire(folder: DataFolder, rule: dict[str, int], today: date = TODAY) -> None:
    delete_expiring(folder, find(folder, rule, today), LATER)


def test_nothing_is_old_where_no_rule_is_set_and_looking_deletes_nothing(kept: DataFolder) -> None:
    assert find(kept, {}) == []
    (found,) = find(kept, RULE)
    assert (found.table_name, found.days[0], found.days[-1], found.kept_from) == (
        SOIL.name, DAY, DAY + timedelta(days=6), STAY[0],
    )  # fmt: skip
    files = [path for day in found.days for path in partition_files(kept, SOIL, day)]
    assert (found.files, found.rows) == (14, 14)
    assert found.size_bytes == sum(path.stat().st_size for path in files)
    assert len(partition_days(kept, SOIL)) == DAYS
    assert kept_from(kept) == {}


def test_what_is_old_goes_whole_and_the_register_says_from_when_on_the_table_is_kept(kept: DataFolder) -> None:
    damaged = kept.damaged / SOIL.name / f"date={DAY}"
    damaged.mkdir(parents=True)
    (damaged / "part-0-0-x.parquet").write_bytes(b"x")
    assert find(kept, RULE)[0].files == 15
    expire(kept, RULE)
    assert partition_days(kept, SOIL) == STAY
    assert not damaged.exists()
    assert list(kept.trash.iterdir()) == []
    assert find(kept, RULE) == []
    with open_lake(kept, BEICHEN) as lake:
        told = lake.execute("select table_name, kept_from_date, days from retention").fetchall()
        assert told == [(name, STAY[0], 4) for name in sorted(READINGS)], "all that a late message may bring rows of"
        assert lake.execute("select count(*), min(date) from soil_readings").fetchall() == [(10, STAY[0])]


def test_a_clock_that_jumped_ahead_makes_nothing_old(kept: DataFolder) -> None:
    assert find(kept, {SOIL.name: DAYS - 1}, today=TODAY + timedelta(days=4_000)) == []
    assert find(kept, {SOIL.name: DAYS - 2}, today=TODAY + timedelta(days=4_000))[0].days == (DAY,)


def test_what_our_own_clock_dated_while_it_was_ahead_costs_as_many_old_days_and_no_more(kept: DataFolder) -> None:
    ahead = NOON + timedelta(days=500)
    last_will = Message(1, ahead, "greensward/v1/beichen/gs-02/state", b"offline")
    Sealer(kept, BEICHEN, "test").seal([last_will], Registers(kept).current())
    assert partition_days(kept, table("device_status")) == [BEICHEN.local_date(ahead)]
    assert find(kept, RULE)[0].kept_from == STAY[0], "the clock is right again"
    assert find(kept, RULE, today=ahead.date())[0].kept_from == STAY[1]
    assert find(kept, {SOIL.name: DAYS}, today=ahead.date()) == []
    expire(kept, RULE, today=ahead.date())
    add(kept, DAYS - 1, 5)  # what is measured now is taken


def test_what_one_rule_deleted_makes_nothing_older_or_younger_for_another(kept: DataFolder) -> None:
    flight = {"drone_poses": 9}
    pose = table("drone_poses")
    for n in (0, 1, 2, 6):
        at = NOON + timedelta(days=n)
        row = {"drone_id": "m3e-1", "posed_at": at, "received_at": at, "source": "osd", "message_seq": n}
        write_rows(kept, pose, DAY + timedelta(days=n), to_arrow(pose, [row]), f"part-{n}-{n}")
    before = find(kept, flight)
    assert [one.days for one in before] == [(DAY, DAY + timedelta(days=1))]
    expire(kept, RULE)
    assert find(kept, flight) == before
    assert days_of_lake(kept, TODAY).first_kept(300) == TODAY - timedelta(days=300)


def test_a_register_that_was_told_by_a_wrong_clock_makes_nothing_older(kept: DataFolder) -> None:
    wrong = Expiring("drone_poses", (), TODAY - timedelta(days=3), 9, 0, 0, 0)
    delete_expiring(kept, [wrong], LATER)
    assert kept_from(kept) == dict.fromkeys(PICTURES, TODAY - timedelta(days=3))
    assert days_of_lake(kept, TODAY).first_kept(DAYS) is None
    assert days_of_lake(kept, TODAY).first_kept(4) == STAY[0]


def cut_short(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run delete the first three days of seven."""
    real = Path.rename

    def failing(path: Path, to: Path) -> Path:
        if path.name == "date=2026-07-05":
            raise OSError(5, "Input/output error", str(path))
        return real(path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", failing)
        with pytest.raises(StoreError, match="removing soil_readings of 2026-07-05"):
            expire(folder, RULE)
    assert partition_days(folder, SOIL)[0] == date(2026, 7, 5), "each day is there whole or gone"


def test_a_run_that_was_cut_short_is_finished_by_the_next(kept: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_short(kept, monkeypatch)
    (left,) = find(kept, RULE)
    assert (left.days_kept, len(left.days)) == (4, 4)
    expire(kept, RULE)
    assert partition_days(kept, SOIL) == STAY


def test_days_that_a_run_told_and_did_not_reach_stay_where_the_rule_keeps_them_now(
    kept: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_short(kept, monkeypatch)
    for rule in ({}, dict.fromkeys(READINGS, 1100), dict.fromkeys(READINGS, 8)):
        assert find(kept, rule) == []
    (left,) = find_left(kept, dict.fromkeys(READINGS, 8), TODAY)
    there = tuple(date(2026, 7, day) for day in range(5, 9))
    assert (left.table_name, left.days, left.told) == (SOIL.name, there, Told(STAY[0], 4, LATER))
    assert list(find_left(kept, RULE, TODAY)) == [], "they go with the next run"
    with pytest.raises(StoreError, match="was deleted by"):
        add(kept, 6, 3)
    take_back(kept, TODAY)
    assert kept_from(kept)[SOIL.name] == there[0], "what is gone stays deleted"
    assert list(find_left(kept, {}, TODAY)) == []
    add(kept, 6, 3)
    with pytest.raises(StoreError, match="was deleted by"):
        add(kept, 2)


def test_a_register_that_tells_of_days_to_come_is_noticed_and_taken_back(kept: DataFolder) -> None:
    delete_expiring(kept, [Expiring(REJECTED.name, (), TODAY + timedelta(days=400), 30, 0, 0, 0)], LATER)
    (left,) = find_left(kept, {}, TODAY)
    assert (left.table_name, left.days) == (REJECTED.name, ())
    take_back(kept, TODAY)
    assert kept_from(kept) == {REJECTED.name: TODAY}
    assert list(find_left(kept, {}, TODAY)) == []


def test_a_row_of_a_deleted_day_is_refused_by_every_writer(kept: DataFolder) -> None:
    expire(kept, RULE)
    with pytest.raises(StoreError, match="was deleted by"):
        add(kept, 0)
    with swapping(kept), pytest.raises(StoreError, match="was deleted by"):
        replace_partition(kept, SOIL, DAY, soil(soil_row()), "part-1-1")
    assert partition_days(kept, SOIL) == STAY
    add(kept, DAYS - 5, 3)


def test_a_register_that_cannot_be_read_stops_writing_with_a_word(kept: DataFolder) -> None:
    expire(kept, RULE)
    (file,) = kept.table("retention").glob("*.parquet")
    file.rename(file.with_name("other.parquet")).write_bytes(b"PAR1 is not all of it")
    with pytest.raises(StoreError, match="Restore it from a backup"):
        add(kept, DAYS - 1, 5)


def test_a_day_that_was_told_once_stays_told_when_the_rule_becomes_longer(kept: DataFolder) -> None:
    expire(kept, RULE)
    expire(kept, dict.fromkeys(READINGS, 9))
    assert kept_from(kept) == dict.fromkeys(READINGS, STAY[0])


def test_refused_messages_go_by_the_day_they_came_and_one_that_waited_long_is_kept(kept: DataFolder) -> None:
    def refuse(seq: int) -> None:
        row = {"message_seq": seq, "received_at": NOON, "topic": "t", "scope": "message", "pointer": "", "code": "c"}
        row |= {"faults_json": "[]", "payload": b"x", "payload_sha256": str(seq), "software_version": "0"}
        write_rows(kept, REJECTED, DAY, to_arrow(REJECTED, [row]), f"part-{seq}-{seq}")

    refuse(1)
    rule = {REJECTED.name: DAYS - 2}
    expire(kept, rule)
    assert partition_days(kept, REJECTED) == []
    refuse(2)
    assert find(kept, rule)[0].rows == 1, "nothing that was acknowledged is lost; it goes with the next run"


@pytest.mark.parametrize("moved", ["soil_readings", "soil_readings/date=2026-07-03"])
def test_what_was_moved_to_another_disk_by_hand_is_refused_before_anything_goes(
    kept: DataFolder, tmp_path: Path, moved: str
) -> None:
    link = kept.lake / moved
    link.rename(tmp_path / "elsewhere").joinpath("kept").touch()
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a symbolic link"):
        expire(kept, RULE)
    assert (kept_from(kept), len(partition_days(kept, SOIL))) == ({}, DAYS)


@pytest.mark.parametrize("before", [{}, dict.fromkeys(READINGS, 10)], ids=["nothing told", "told before"])
def test_a_backup_that_was_begun_before_a_day_went_tells_of_it(
    kept: DataFolder, tmp_path: Path, before: dict[str, int]
) -> None:
    ensure_layout(kept)
    expire(kept, before)
    copying = create(kept, backup_of(tmp_path / "shelf", LATER))
    first = next(one for one in copying if one.name.startswith(f"lake/{SOIL.name}/"))
    expire(kept, RULE)
    list(copying)
    (backup,) = (tmp_path / "shelf").glob("2*")
    assert (backup / first.name).exists()
    assert len(list((backup / "lake" / "retention").iterdir())) == 1
    assert kept_from(DataFolder(backup)) == dict.fromkeys(READINGS, STAY[0])


def test_copies_of_old_days_go_with_them(kept: DataFolder) -> None:
    others = {"retention", "weather_readings"}
    keep_copies(kept, list_with_copies(kept, others), LATER.date())
    assert list(kept.settled.glob("soil_readings-*"))
    expire(kept, RULE)
    assert list(kept.settled.glob("soil_readings-*")) == []
    with open_lake(kept, BEICHEN, listed=list_with_copies(kept, others)) as lake:
        assert lake.execute("select count(*) from soil_readings").fetchall() == [(10,)]


def test_on_a_full_disk_copies_make_room_for_the_register(kept: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_copies(kept, list_with_copies(kept, {"retention", "weather_readings"}), LATER.date())
    real = write._write_parquet

    def write_where_there_is_room(folder: DataFolder, *what: Any) -> Path:
        if list(folder.settled.glob("*.parquet")):
            raise StoreError("No space left on device")
        return real(folder, *what)

    monkeypatch.setattr(write, "_write_parquet", write_where_there_is_room)
    expire(kept, RULE)
    assert partition_days(kept, SOIL) == STAY


def rows_by_day(folder: DataFolder) -> list[tuple[date, int]]:
    with open_lake(folder, BEICHEN) as lake:
        query = "select date, count(*) from soil_readings group by date order by date"
        found: list[tuple[date, int]] = lake.execute(query).fetchall()
    return found


def is_whole(days: list[tuple[date, int]]) -> bool:
    return all(rows == 2 for _, rows in days) and [day for day, _ in days[-5:]] == STAY


def test_readers_compaction_and_backups_meanwhile_see_each_day_whole_or_not_at_all(
    kept: DataFolder, tmp_path: Path
) -> None:
    ensure_layout(kept)
    for path in kept.lake.rglob("*.parquet"):
        os.utime(path, (1, 1))
    stop, seen, shelf = threading.Event(), list[bool](), tmp_path / "shelf"

    def merge() -> None:
        with suppress(StoreError):  # a day went under it; the next round knows
            list(compact_lake(kept, TODAY, 1))

    def back_up() -> None:
        list(create(kept, backup_of(shelf, LATER + timedelta(seconds=len(list(shelf.glob("2*")))))))

    def again_and_again(work: Callable[[], object]) -> None:
        while not stop.is_set():
            work()

    def read() -> None:
        seen.append(is_whole(retrying(kept, lambda: rows_by_day(kept))))

    with ThreadPoolExecutor() as pool:
        running = [pool.submit(again_and_again, work) for work in (read, read, merge, back_up)]
        for days in range(DAYS - 2, 3, -1):
            wanted = len(seen) + 2
            expire(kept, {SOIL.name: days})
            wait_until(lambda: len(seen) > wanted, "somebody read")  # noqa: B023
        stop.set()
        for one in running:
            one.result()
    assert all(seen)
    assert all(is_whole(rows_by_day(DataFolder(backup))) for backup in shelf.glob("2*"))
