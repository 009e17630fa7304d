"""A dead or stuck thread is noticed, memory is bounded, and a data folder has one writer."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

import ingest.worker
from greensward.console import EXIT_IN_USE
from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import AlreadyOwnedError
from ingest.mqtt.broker import Broker
from ingest.mqtt.journal import Journal
from ingest.mqtt.ticket import Ticket
from ingest.site import BEICHEN
from ingest.worker import Worker, WorkerFailedError
from tests.end_to_end.replay_scenario import run_replay
from tests.end_to_end.running import (
    NOON,
    QUICK,
    Program,
    Watched,
    asked,
    assert_each_reading_once,
    make_worker,
    publish,
    publish_zeros,
    reading,
    rows_in_lake,
    soil_topic,
    working,
)
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

_HUGE_BYTES = 200 * 1024 * 1024


def test_a_network_thread_that_dies_ends_the_worker_within_five_seconds(
    mosquitto: Mosquitto, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    died_at: list[float] = []

    def explode(_self: Journal, _arrival: Arrival, _ticket: Ticket | None) -> None:
        died_at.append(time.monotonic())
        raise MemoryError("no room for a message")

    monkeypatch.setattr(Journal, "deliver", explode)
    with working(mosquitto, folder) as worker, Watched(worker) as watched:
        publish(mosquitto, [(soil_topic("gs-01"), reading(0))])
        wait_until(lambda: watched.error is not None, "the worker ends")
        assert time.monotonic() - died_at[0] < 5
        assert isinstance(watched.error, WorkerFailedError)
        assert "no room for a message" in str(watched.error)
    monkeypatch.undo()
    with working(mosquitto, folder):
        wait_until(lambda: rows_in_lake(folder) == 1, "the message was never acknowledged and comes again")


def test_a_journal_that_hangs_in_a_commit_is_noticed(
    mosquitto: Mosquitto, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.worker, "_STALL_S", 2.0)
    disk_answers = threading.Event()
    append = Inbox.append

    def hang(self: Inbox, arrivals: list[Arrival]) -> None:
        disk_answers.wait(PATIENCE_S)
        append(self, arrivals)

    monkeypatch.setattr(Inbox, "append", hang)
    with working(mosquitto, folder) as worker, Watched(worker) as watched:
        publish(mosquitto, [(soil_topic("gs-01"), reading(0))])
        wait_until(lambda: watched.error is not None, "the stuck thread is noticed")
        assert "the journal thread of ingest is stuck" in str(watched.error)
        assert worker.status().waiting_messages == 0, "nothing was acknowledged as if it were on disk"
        disk_answers.set()
        wait_until(lambda: rows_in_lake(folder) == 1, "nothing is lost by it")


def batch(first_minute: int, step_minutes: int, count: int) -> bytes:
    """Return a message of `count` samples, `step_minutes` apart."""
    instants = (NOON - timedelta(minutes=first_minute + n * step_minutes) for n in range(count))
    measured = {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.2, "unit": "m3/m3"}
    samples = [{"measured_at": at.isoformat(), "readings": [measured]} for at in instants]
    return json.dumps({"schema": "greening.soil_reading/1", "samples": samples}, separators=(",", ":")).encode()


def test_a_backlog_of_years_takes_its_time_and_is_not_called_stuck(
    mosquitto: Mosquitto, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.worker, "_STALL_S", 1.5)
    with working(mosquitto, folder) as worker, Watched(worker) as watched:
        publish(mosquitto, [(soil_topic("gs-01"), batch(0, 24 * 60, 400))])
        wait_until(lambda: worker.outcomes.total() == 1 or watched.error is not None, "it is sealed")
        assert watched.error is None
    assert_each_reading_once(folder, 400)


def test_a_long_backlog_of_one_probe_costs_its_length_and_not_its_square(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [(soil_topic("gs-01"), batch(n * 400, 1, 400)) for n in range(60)])
        worker.wait_until_idle(60, PATIENCE_S)
    assert_each_reading_once(folder, 60 * 400)


def test_two_hundred_megabytes_in_one_message_are_dropped_by_the_broker_and_memory_stays_small(
    mosquitto: Mosquitto, folder: DataFolder, tmp_path: Path
) -> None:
    with Program(mosquitto, folder, tmp_path) as ingest:
        publish_zeros(mosquitto.port, soil_topic("gs-01"), _HUGE_BYTES)
        publish(mosquitto, [(soil_topic("gs-02"), reading(n)) for n in range(100)])
        wait_until(lambda: rows_in_lake(folder) == 100, "the others are not held up")
        wait_until(lambda: ingest.status().messages == 100, "the huge one was never handed on")
        assert ingest.peak_mb().own < 100


def test_two_hundred_megabytes_from_a_broker_without_a_limit_are_refused_and_memory_stays_small(
    mosquitto: Mosquitto, folder: DataFolder, tmp_path: Path
) -> None:
    with Program(mosquitto, folder, tmp_path, BROKER__MQTT_VERSION="3.1.1") as ingest:
        publish_zeros(mosquitto.port, soil_topic("gs-01"), _HUGE_BYTES)
        publish(mosquitto, [(soil_topic("gs-02"), reading(n)) for n in range(100)])
        wait_until(lambda: rows_in_lake(folder) == 100, "the others are not held up")
        wait_until(lambda: rows_in_lake(folder, "rejected") == 1, "the huge one is refused")
        assert ingest.peak_mb().own < 100
    run_replay(folder)
    refused = asked(
        folder, "select topic, device_id, code, faults_json, octet_length(payload), payload_sha256 from rejected"
    )
    topic, device_id, code, faults, kept_bytes, digest = refused[0]
    assert (len(refused), topic, device_id, code) == (1, soil_topic("gs-01"), "gs-01", "too_large")
    assert json.loads(faults)[0]["got"] == "209715200 bytes, of which the first 262145 are kept"
    # head -c 209715200 /dev/zero | sha256sum
    assert digest == "72abf2ca8f36943ebe2e49ca3a51d409ca5f0bfcffab6c9d25643c17c32889da"
    assert kept_bytes == 262_145


def test_a_message_cut_at_its_blanks_is_not_taken_for_its_beginning_now_or_at_a_replay(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    broker = Broker("127.0.0.1", mosquitto.port, "worker-1", mqtt_version="3.1.1", keepalive_s=5)
    with Worker(folder, BEICHEN, broker, QUICK, "test") as worker:
        worker.wait_until_subscribed(PATIENCE_S)
        publish(mosquitto, [(soil_topic("gs-01"), reading(0) + b" " * 2_000_000)])
        worker.wait_until_idle(1, PATIENCE_S)
    run_replay(folder)
    assert asked(folder, "select outcome, reason from raw_messages") == [("rejected", "too_large")]
    assert rows_in_lake(folder) == 0


def test_a_second_worker_on_the_same_folder_refuses_and_names_the_first(
    mosquitto: Mosquitto, folder: DataFolder, tmp_path: Path
) -> None:
    second = Program(mosquitto, folder, tmp_path)
    with Program(mosquitto, folder, tmp_path) as first:
        assert first.process is not None
        holder = f"process {first.process.pid} on"
        with second.popen() as other:
            try:
                said = other.communicate(timeout=PATIENCE_S)[1]
            finally:
                other.kill()  # one that goes on would be waited for for ever
        assert other.returncode == EXIT_IN_USE, said
        assert holder in " ".join(said.split())
        with pytest.raises(AlreadyOwnedError, match=holder):
            make_worker(mosquitto, folder).start()
        publish(mosquitto, [(soil_topic("gs-01"), reading(0))])
        wait_until(lambda: rows_in_lake(folder) == 1, "the first goes on")
    with working(mosquitto, folder):
        publish(mosquitto, [(soil_topic("gs-01"), reading(1))])
        wait_until(lambda: rows_in_lake(folder) == 2, "a killed holder holds nothing")
    assert_each_reading_once(folder, 2)
