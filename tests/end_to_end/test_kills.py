"""Killed, restarted, cut off: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from tests.end_to_end.running import (
    Program,
    Watched,
    assert_each_reading_once,
    publish,
    reading,
    rows_in_lake,
    soil_topic,
    working,
)
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

_STREAM = 2_000
_KILLS = 5


def test_ingest_killed_five_times_in_a_stream_loses_nothing_and_doubles_nothing(
    mosquitto: Mosquitto, folder: DataFolder, tmp_path: Path
) -> None:
    with Program(mosquitto, folder, tmp_path) as ingest:
        for start in range(0, _STREAM, _STREAM // _KILLS):
            # Killed with messages in the socket, in the journal and on their way into the lake.
            numbers = range(start, start + _STREAM // _KILLS)
            publish(mosquitto, [(soil_topic(f"gs-{n % 7}"), reading(n)) for n in numbers], midway=ingest.kill)
            ingest.start()
            ingest.wait_until_connected()
        wait_until(lambda: rows_in_lake(folder) >= _STREAM, "all are sealed")
    assert_each_reading_once(folder, _STREAM)


def test_a_broker_that_restarts_in_the_middle_of_a_stream_costs_nothing(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    with working(mosquitto, folder) as worker, Watched(worker) as watched:
        publish(mosquitto, [(soil_topic("gs-01"), reading(n)) for n in range(300)])
        mosquitto.stop()
        mosquitto.start()
        publish(mosquitto, [(soil_topic("gs-01"), reading(n)) for n in range(300, 600)])
        wait_until(lambda: rows_in_lake(folder) == 600, "both halves are sealed")
        assert worker.status().sessions_lost == 0
        assert watched.error is None
    assert_each_reading_once(folder, 600)


def test_a_broker_that_lost_our_session_is_an_alarm_and_takes_no_stale_acknowledgement(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    with working(mosquitto, folder) as worker, Watched(worker) as watched:
        publish(mosquitto, [(soil_topic("gs-01"), reading(n)) for n in range(50)])
        wait_until(lambda: rows_in_lake(folder) == 50, "the first are sealed")
        mosquitto.kill()
        (mosquitto._folder / "mosquitto.db").unlink(missing_ok=True)
        mosquitto.start()
        wait_until(lambda: worker.status().sessions_lost == 1, "the loss is an alarm")
        assert "lost our session" in worker.status().last_problem
        worker.wait_until_subscribed(PATIENCE_S)
        publish(mosquitto, [(soil_topic("gs-01"), reading(n)) for n in range(50, 100)])
        wait_until(lambda: rows_in_lake(folder) == 100, "new messages flow")
        assert watched.error is None
    assert_each_reading_once(folder, 100)


def test_a_commit_that_ends_after_the_broker_lost_our_session_acknowledges_nothing_of_the_new_one(
    mosquitto: Mosquitto, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Inbox.append
    committing, disk_answers = threading.Event(), threading.Event()

    def slow_append(self: Inbox, arrivals: list[Arrival]) -> None:
        committing.set()
        assert disk_answers.wait(PATIENCE_S)
        append(self, arrivals)

    monkeypatch.setattr(Inbox, "append", slow_append)
    with working(mosquitto, folder) as worker, Watched(worker):
        publish(mosquitto, [(soil_topic("gs-01"), reading(0))])
        assert committing.wait(PATIENCE_S)
        mosquitto.kill()
        (mosquitto._folder / "mosquitto.db").unlink(missing_ok=True)
        mosquitto.start()
        wait_until(lambda: worker.status().sessions_lost == 1, "the loss is an alarm")
        worker.wait_until_subscribed(PATIENCE_S)
        # It gets the packet id of the first one, whose acknowledgement is still to come.
        publish(mosquitto, [(soil_topic("gs-01"), reading(1))])
        disk_answers.set()
        wait_until(lambda: rows_in_lake(folder) == 2, "both are stored")
        assert worker.status().stale_acks_dropped == 1
    assert_each_reading_once(folder, 2)
