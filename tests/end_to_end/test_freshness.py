"""How soon a reading can be asked for."""

from __future__ import annotations

import time

import pytest

from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.mqtt.broker import Broker
from ingest.seal.pace import Pace
from ingest.site import BEICHEN
from ingest.worker import Worker
from tests.end_to_end.running import Watched, publish, reading, rows_in_lake, soil_topic, working
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


def test_a_backlog_is_sealed_in_one_go_and_merging_waits_for_it(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty seals' worth, and a worker that would rest for an hour between two."""
    monkeypatch.setattr("ingest.seal.loop._TURN_S", 3_600.0)
    when_merging: list[int] = []
    monkeypatch.setattr("ingest.seal.loop.keep_house", lambda *_: when_merging.append(rows_in_lake(folder)))
    with Inbox(folder.inbox) as inbox:
        for n in range(20):
            inbox.append(
                [Arrival(1_800_000_000_000_000, soil_topic("gs-01"), reading(n), redelivered=False, retained=False)]
            )
    with Worker(folder, BEICHEN, Broker("127.0.0.1", 1, "w"), Pace(seal_bytes=200, min_free_bytes=1), "test"):
        wait_until(lambda: len(when_merging) > 0, "files are merged")
    assert when_merging[0] == 20
