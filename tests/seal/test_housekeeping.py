"""Housekeeping gives the disk back whatever else fails, and one bad day stops none of the others."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.errors import StoreError
from ingest.inbox import Arrival, Inbox
from ingest.lake.compact import MergeLeftError
from ingest.lake.durable import write_new_file
from ingest.lake.files import partition_days, partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import to_arrow, write_rows
from ingest.seal.housekeeping import keep_house
from ingest.seal.loop import SealLoop
from ingest.seal.pace import Pace
from ingest.site import BEICHEN
from tests.lake.rows import NOON, soil, soil_row
from tests.waiting import wait_until

SOIL, STATUS, RAW = table("soil_readings"), table("device_status"), table("raw_messages")
DAY = NOON.date()
LATER = NOON + timedelta(days=60)
PACE = Pace(raw_days=2, min_free_bytes=1)


@pytest.fixture
def kept(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """Return a lake with much to do: a closed day of two files, four days of raw messages, something in the trash."""
    monkeypatch.setattr("ingest.lake.locks._TRASH_S", -1.0)
    row = {"received_at": NOON, "topic": "t", "payload": b"x", "redelivered": False, "retained": False}
    row |= {"outcome": "stored", "rows_stored": 1, "rows_duplicate": 0, "rows_rejected": 0}
    for n in range(4):
        write_rows(folder, RAW, DAY + timedelta(days=n), to_arrow(RAW, [row | {"message_seq": n}]), f"part-{n}-{n}")
    two_files(folder, 0)
    (folder.trash / "old").mkdir(parents=True)
    return folder


def two_files(folder: DataFolder, days: int) -> None:
    for n in range(2):
        write_rows(folder, SOIL, DAY + timedelta(days=days), soil(soil_row(n, message_seq=n)), f"part-{n}-{n}")
    for path in folder.lake.rglob("*.parquet"):
        os.utime(path, (1, 1))


def state(folder: DataFolder) -> dict[str, int]:
    return {
        "raw days": len(partition_days(folder, RAW)),
        "files": len(partition_files(folder, SOIL, DAY)),
        "trash": len(list(folder.trash.iterdir())),
    }


def test_a_day_that_cannot_be_merged_stops_no_other_and_is_told_in_the_end(kept: DataFolder) -> None:
    instants = pa.table({"device_id": ["gs-1"], "reported_at": ["some time in July"]})
    for n in range(2):
        write_new_file(
            kept.staging,
            kept.partition(STATUS.name, DAY),
            f"part-{n}-{n}",
            ".parquet",
            lambda sink: pq.write_table(instants, pa.PythonFile(sink, mode="w")),
        )
    for path in kept.lake.rglob("*.parquet"):
        os.utime(path, (1, 1))
    for _ in range(2):
        with pytest.raises(StoreError, match="merging device_status"):
            keep_house(kept, BEICHEN, LATER, PACE)
    assert state(kept) == {"raw days": 2, "files": 1, "trash": 0}
    assert len(partition_files(kept, STATUS, DAY)) == 2


def test_what_is_old_goes_also_while_no_merge_comes_to_its_end(kept: DataFolder) -> None:
    """As on a full disk, where no seal succeeds."""

    def turned() -> None:
        raise MergeLeftError

    for _ in range(2):
        with pytest.raises(MergeLeftError):
            keep_house(kept, BEICHEN, LATER, PACE, turned)
    assert state(kept) == {"raw days": 2, "files": 2, "trash": 0}


def test_a_round_that_merges_the_whole_lake_does_not_keep_it_in_the_trash(kept: DataFolder) -> None:
    for days in range(1, 6):
        two_files(kept, days)
    in_trash = []
    keep_house(kept, BEICHEN, LATER, PACE, lambda: in_trash.append(len(list(kept.trash.iterdir()))))
    assert state(kept) == {"raw days": 2, "files": 1, "trash": 0}
    assert len(in_trash) > 6
    assert max(in_trash) == 0


def test_a_merge_leaves_free_what_ingest_needs_to_go_on(kept: DataFolder) -> None:
    free = shutil.disk_usage(kept.root).free
    keep_house(kept, BEICHEN, LATER, Pace(raw_days=2, min_free_bytes=2 * free))
    assert state(kept)["files"] == 2
    keep_house(kept, BEICHEN, LATER, PACE)
    assert state(kept)["files"] == 1


@contextmanager
def sealing(folder: DataFolder, troubles: list[str]) -> Iterator[SealLoop]:
    loop = SealLoop(folder, BEICHEN, Pace(seal_every_s=3600.0, raw_days=2), "1", lambda _: None, troubles.append)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield loop
    finally:
        loop.stop()
        thread.join()


def test_old_messages_go_also_before_what_waits_in_the_inbox_is_sealed(
    kept: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the full disk that keeps it from being sealed; merging waits, or it hides what that seal wrote."""
    merged: list[object] = []
    monkeypatch.setattr("ingest.seal.loop.keep_house", lambda *given: merged.append(given))
    at_us = int(LATER.timestamp() * 1_000_000)
    with Inbox(kept.inbox) as inbox:
        inbox.append([Arrival(at_us, "greensward/v1/beichen/gs-1/soil", b"{", redelivered=False, retained=False)])
    with sealing(kept, []):
        wait_until(lambda: state(kept)["raw days"] == 2, "old messages are gone")
    assert not merged


def test_a_file_that_a_merge_finds_damaged_is_told_of(kept: DataFolder) -> None:
    """While there are still raw messages to replay."""
    bad = partition_files(kept, SOIL, DAY)[0]
    flipped = bytearray(bad.read_bytes())
    flipped[60] ^= 1
    bad.write_bytes(flipped)
    os.utime(bad, (1, 1))
    with sealing(kept, []) as loop:
        wait_until(lambda: len(list(kept.damaged.rglob("*.parquet"))) > 0, "the file is set aside")
    assert loop.damaged == [str(bad.relative_to(kept.lake))]


def test_a_replay_that_fails_does_not_keep_the_house_from_being_kept(
    kept: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr("ingest.seal.loop.replay", full)
    kept.replay_request.write_text("")
    troubles: list[str] = []
    with sealing(kept, troubles):
        wait_until(lambda: state(kept) == {"raw days": 2, "files": 1, "trash": 0}, "all is done")
    assert troubles == ["disk full"]
