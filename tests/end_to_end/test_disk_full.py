"""The disk fills up, wherever it hurts, and is freed again: nothing is lost, nothing is half there."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingest.errors import StoreError
from ingest.inbox import Inbox
from ingest.lake.layout import DataFolder
from ingest.seal.pace import Pace
from tests.end_to_end.running import (
    Watched,
    assert_each_reading_once,
    publish,
    reading,
    rows_in_lake,
    soil_topic,
    working,
)
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until

_DISK_MB = 48
_BLOCK = bytes(64 * 1024)
_RECOVERY_S = 10.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system of its own for one test."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", place], check=False)
    if mounted.returncode:
        pytest.fail("a small file system is needed: run the tests as root, or in a container that may mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def filled(disk: Path, leaving_bytes: int = 0) -> Iterator[None]:
    """Fill the file system but for `leaving_bytes`, and free it afterwards."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as sink:
            try:
                while sink.write(_BLOCK) == len(_BLOCK):
                    pass
            except OSError:
                pass
            sink.truncate(max(0, sink.tell() - leaving_bytes))
        yield
    finally:
        filler.unlink()


def messages(first: int, last: int) -> list[tuple[str, bytes]]:
    """Return large messages: what a page of the journal had to spare would hide the full disk."""
    return [(soil_topic("gs-01"), reading(n) + _blanks(n)) for n in range(first, last)]


def _blanks(n: int) -> bytes:
    """Return white space that hardly gets smaller when it is compressed."""
    return bytes(random.Random(n).choices(b" \t\r\n", k=20_000))


def assert_no_partial_file(folder: DataFolder) -> None:
    for path in folder.lake.rglob("*"):
        assert path.is_dir() or path.suffix == ".parquet", path
        if path.is_file():
            pq.read_table(path, partitioning=None, page_checksum_verification=True)


def test_below_the_low_water_mark_nothing_is_taken_and_all_is_stored_once_there_is_space(
    mosquitto: Mosquitto, small_disk: Path
) -> None:
    folder = DataFolder(small_disk / "data")
    pace = Pace(seal_every_s=0.2, min_free_bytes=12_000_000)
    with working(mosquitto, folder, pace) as worker, Watched(worker) as watched:
        publish(mosquitto, messages(0, 20))
        wait_until(lambda: rows_in_lake(folder) == 20, "the first are sealed")
        with filled(small_disk):
            wait_until(lambda: worker.status().paused != "" and not worker.status().connected, "reading has stopped")
            assert "disk low" in worker.status().paused
            assert "bytes free, 12,000,000 wanted ([ingest] min_free_bytes); it goes on" in worker.broker_news()
            publish(mosquitto, messages(20, 120))
            began = time.monotonic()
            # Longer than the status file is written and the disk looked at: on a disk with no byte left.
            wait_until(lambda: time.monotonic() - began > 3, "the full disk was met")
            assert worker.status().messages == 20, "nothing is taken and nothing acknowledged"
            assert watched.error is None, "waiting for space is no failure"
            assert_no_partial_file(folder)
        wait_until(lambda: rows_in_lake(folder) == 120, "everything is stored without a restart", _RECOVERY_S)
        assert worker.status().paused == ""
        assert watched.error is None
    assert_each_reading_once(folder, 120)


def test_a_disk_that_fills_during_a_seal_is_waited_for(mosquitto: Mosquitto, small_disk: Path) -> None:
    folder = DataFolder(small_disk / "data")
    with working(mosquitto, folder, Pace(seal_every_s=3600.0, min_free_bytes=1)) as worker, Watched(worker) as watched:
        publish(mosquitto, messages(0, 50))
        wait_until(lambda: worker.status().waiting_messages == 50, "all are on disk in the journal")
        with filled(small_disk):
            worker._sealing.seal_now()
            wait_until(lambda: "No space left" in worker.status().last_problem, "the seal meets the full disk")
            assert watched.error is None, "the worker waits"
            assert worker.status().waiting_messages == 50, "nothing leaves the journal"
            assert_no_partial_file(folder)
            assert not list(folder.staging.glob("*")), "no throw-away file is left"
        worker._sealing.seal_now()
        wait_until(lambda: rows_in_lake(folder) == 50, "sealed without a restart", _RECOVERY_S)
        wait_until(lambda: worker.status().waiting_messages == 0, "the journal is empty")
    assert_each_reading_once(folder, 50)


def test_a_disk_that_fills_under_the_journal_ends_the_worker_and_the_next_one_loses_nothing(
    mosquitto: Mosquitto, small_disk: Path
) -> None:
    folder = DataFolder(small_disk / "data")
    pace = Pace(seal_every_s=3600.0, min_free_bytes=0)  # no low-water mark: the disk fills between two looks
    with working(mosquitto, folder, pace) as worker:
        publish(mosquitto, messages(0, 10))
        wait_until(lambda: worker.status().waiting_messages == 10, "the first are on disk")
        with filled(small_disk), Watched(worker) as watched:
            publish(mosquitto, messages(10, 400))
            wait_until(lambda: watched.error is not None, "the worker says so and ends")
            assert isinstance(watched.error, StoreError)
            assert "inbox" in str(watched.error)
            assert "full" in str(watched.error)
            taken = worker.status().waiting_messages
            assert taken < 400
            assert_no_partial_file(folder)
    with Inbox(folder.inbox) as inbox:
        assert inbox.backlog().messages <= taken, "what could not be committed was not acknowledged either"
    with working(mosquitto, folder):
        wait_until(lambda: rows_in_lake(folder) >= 400, "the broker kept what was not acknowledged")
    assert_each_reading_once(folder, 400)


def test_a_journal_that_cannot_be_emptied_on_a_full_disk_is_emptied_later_and_nothing_doubles(
    mosquitto: Mosquitto, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DataFolder(small_disk / "data")
    remove, refusals = Inbox.remove_through, list[str]()
    with ExitStack() as full:

        def fill_first(self: Inbox, group_seq: int) -> None:
            if not refusals:
                full.enter_context(filled(small_disk))
            try:
                remove(self, group_seq)
            except StoreError as error:
                refusals.append(str(error))
                raise

        monkeypatch.setattr(Inbox, "remove_through", fill_first)
        pace = Pace(seal_every_s=3600.0, min_free_bytes=0)
        with working(mosquitto, folder, pace) as worker, Watched(worker) as watched:
            publish(mosquitto, messages(0, 20))
            wait_until(lambda: worker.status().waiting_messages == 20, "all are on disk in the journal")
            worker._sealing.seal_now()
            wait_until(lambda: len(refusals) == 1, "the seal meets the full disk")
            worker._sealing.seal_now()
            wait_until(lambda: len(refusals) == 2 or watched.error is not None, "it tries again")
            assert watched.error is None, "the worker waits"
            assert "full" in refusals[-1]
            full.close()
            worker._sealing.seal_now()
            wait_until(lambda: worker.outcomes.total() == 20, "sealed in the end")
            assert worker.outcomes == {"stored": 20}, "what it wrote itself is no duplicate"
            assert watched.error is None
    assert_each_reading_once(folder, 20)
    assert rows_in_lake(folder, "raw_messages") == 20
