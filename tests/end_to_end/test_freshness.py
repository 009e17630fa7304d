"""How soon a reading can be asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, repeat
from typing import Any

import pyarrow as pa
import pytest

from ingest.inbox import Arrival, Inbox
from ingest.lake import compact
from ingest.lake.files import partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.merge import rows_in_order
from ingest.lake.tables import table
from ingest.lake.write import write_rows
from ingest.mqtt.broker import Broker
from ingest.seal.pace import Pace
from ingest.site import BEICHEN
from ingest.worker import Worker
from tests.end_to_end.running import Watched, publish, reading, rows_in_lake, soil_topic, working
from tests.lake.rows import NOON, soil, soil_row
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until


def test_at_the_settings_as_delivered_a_reading_shows_in_sql_within_fifteen_seconds(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    with working(mosquitto, folder, Pace()) as worker, Watched(worker):
        began = time.monotonic()
        publish(mosquitto, [(soil_topic("gs-01"), reading(n)) for n in range(10)])
        wait_until(lambda: rows_in_lake(folder) == 10, "all ten rows show", timeout_s=15)
        assert time.monotonic() - began < 15


def test_a_backlog_is_sealed_in_one_go_and_merging_and_giving_memory_back_wait_for_it(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty seals' worth, and a worker that would rest for an hour between two."""
    monkeypatch.setattr("ingest.seal.loop._TURN_S", 3_600.0)
    when_merging: list[int] = []
    monkeypatch.setattr("ingest.seal.loop.keep_house", lambda *_: when_merging.append(rows_in_lake(folder)))
    when_given_back: list[int] = []
    monkeypatch.setattr("ingest.seal.loop.give_back", lambda: when_given_back.append(rows_in_lake(folder)))
    with Inbox(folder.inbox) as inbox:
        for n in range(20):
            inbox.append(
                [Arrival(1_800_000_000_000_000, soil_topic("gs-01"), reading(n), redelivered=False, retained=False)]
            )
    with Worker(folder, BEICHEN, Broker("127.0.0.1", 1, "w"), Pace(seal_bytes=200, min_free_bytes=1), "test"):
        wait_until(lambda: len(when_merging) > 0, "files are merged")
    assert when_merging[0] == 20
    assert when_given_back == [20]


def a_merge_that_takes_long(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> list[pa.Table]:
    """Put down a day that is to be merged, and let that go on and on; return the parts of it that were taken so far."""
    for n in range(100, 103):
        write_rows(folder, table("soil_readings"), NOON.date(), soil(soil_row(n, message_seq=n)), f"part-{n}-{n}")
    monkeypatch.setattr("ingest.seal.housekeeping._SETTLED_S", 0.0)
    taken: list[pa.Table] = []

    def slowly(*given: Any) -> Iterator[pa.Table]:
        nothing = soil()
        for part in chain(rows_in_order(*given), repeat(nothing)):
            taken.append(part)
            yield part

    monkeypatch.setattr(compact, "rows_in_order", slowly)
    return taken


def test_while_a_long_day_is_merged_readings_show_and_a_stop_does_not_wait(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = a_merge_that_takes_long(folder, monkeypatch)
    before = partition_files(folder, table("soil_readings"), NOON.date())
    pace = Pace(seal_every_s=0.05, min_free_bytes=1)
    with Worker(folder, BEICHEN, Broker("127.0.0.1", 1, "w"), pace, "test"):
        wait_until(lambda: len(parts) > 0, "the day is being merged")
        with Inbox(folder.inbox) as inbox:
            at_us = int((NOON + timedelta(minutes=1)).timestamp() * 1_000_000)
            inbox.append([Arrival(at_us, soil_topic("gs-02"), reading(1), redelivered=False, retained=False)])
        wait_until(lambda: rows_in_lake(folder) == 4, "the new reading shows")
    assert set(before) < set(partition_files(folder, table("soil_readings"), NOON.date())), "the merge was left"
    assert list(folder.staging.iterdir()) == []
