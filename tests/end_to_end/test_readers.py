"""Whoever asks while ingest seals and folders are swapped gets a right answer, or asks again: never a wrong one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ingest.seal.loop
from ingest.lake.compact import compact_partition
from ingest.lake.durable import exchange_folders
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.seal.pace import Pace
from tests.end_to_end.readers import our_reader, plain_glob
from tests.end_to_end.running import (
    NOON,
    assert_each_reading_once,
    publish,
    reading,
    rows_in_lake,
    soil_topic,
    working,
)
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

_DEPTHS_CM = (10, 20, 30, 40, 50)
_MESSAGES = 120
_SLICE = 8


@contextmanager
def repeating(action: Callable[[], None]) -> Iterator[list[Exception]]:
    """Do `action` over and over in a thread of its own; yields what it raised."""
    over = threading.Event()
    errors: list[Exception] = []

    def repeat() -> None:
        while not over.is_set():
            try:
                action()
            except Exception as error:  # noqa: BLE001 - looked at by the test
                errors.append(error)
                return

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield errors
    finally:
        over.set()
        thread.join()


def test_no_reader_sees_a_wrong_count_while_files_are_added_and_merged(
    mosquitto: Mosquitto, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.seal.loop, "_HOUSEKEEPING_EVERY_S", 0.2)
    ours = our_reader(folder, len(_DEPTHS_CM))
    globbed = plain_glob(folder, len(_DEPTHS_CM))
    merged: list[int] = []

    def merge() -> None:
        # As `greensward lake compact` and other writers do, beside the worker.
        merged.append(compact_partition(folder, table("soil_readings"), NOON.date(), more_than=1))

    pace = Pace(seal_every_s=0.05, min_free_bytes=1)
    with working(mosquitto, folder, pace) as worker:
        publish(mosquitto, [(soil_topic("gs-01"), reading(0, _DEPTHS_CM))])
        wait_until(lambda: rows_in_lake(folder) == len(_DEPTHS_CM), "there is something to read")
        with (
            repeating(ours.look) as failed,
            repeating(globbed.look) as broken,
            repeating(merge) as unmerged,
        ):
            for start in range(1, _MESSAGES + 1, _SLICE):
                numbers = range(start, start + _SLICE)
                publish(mosquitto, [(soil_topic("gs-01"), reading(n, _DEPTHS_CM)) for n in numbers])
                sealed_by_now = start + _SLICE
                wait_until(lambda: worker.outcomes.total() >= sealed_by_now, "the slice is sealed")  # noqa: B023
                worker.check()
            wait_until(lambda: min(ours.answers, globbed.answers) > 10, "both have read often enough")
    assert (ours.wrong, globbed.wrong) == ([], [])
    assert (failed, broken, unmerged) == ([], [], [])
    assert sum(count > 1 for count in merged) > 10
    assert_each_reading_once(folder, (_MESSAGES + 1) * len(_DEPTHS_CM))


def test_a_file_that_is_added_while_a_folder_is_being_merged_does_not_vanish_with_the_old_folder(
    mosquitto: Mosquitto, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, may_swap = threading.Event(), threading.Event()

    def wait_then_exchange(staged: Path, target: Path, trash: Path) -> None:
        built.set()
        assert may_swap.wait(PATIENCE_S)
        exchange_folders(staged, target, trash)

    with working(mosquitto, folder) as worker:
        for n in range(3):
            publish(mosquitto, [(soil_topic("gs-01"), reading(n, _DEPTHS_CM))])
            worker.wait_until_idle(n + 1, PATIENCE_S)
        monkeypatch.setattr("ingest.lake.write.exchange_folders", wait_then_exchange)
        merging = threading.Thread(target=compact_partition, args=(folder, table("soil_readings"), NOON.date(), 1))
        merging.start()
        assert built.wait(PATIENCE_S)
        publish(mosquitto, [(soil_topic("gs-01"), reading(3, _DEPTHS_CM))])
        deadline = time.monotonic() + 1.5
        wait_until(lambda: worker.outcomes.total() == 4 or time.monotonic() > deadline, "the seal has had its chance")
        assert worker.outcomes.total() == 3, "the seal waits for the swap"
        may_swap.set()
        merging.join()
        worker.wait_until_idle(4, PATIENCE_S)
    assert_each_reading_once(folder, 4 * len(_DEPTHS_CM))
