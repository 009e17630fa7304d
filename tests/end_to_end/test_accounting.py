"""Every published message is counted once: stored, duplicate, rejected or ignored."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from tests.end_to_end.running import (
    asked,
    assert_each_reading_once,
    publish,
    reading,
    rows_in_lake,
    soil_topic,
    working,
)
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

_STOPS = 5
_READINGS, _JOINS, _BROKEN = 3_000, 600, 400


def stream() -> list[tuple[str, bytes]]:
    """Return 4,000 messages, each another one: readings, joins of a network server (ignored), broken ones."""
    messages = [(soil_topic(f"gs-{n % 7}"), reading(-n)) for n in range(_READINGS)]
    messages += [("application/a/device/24e124136b502217/event/join", b'{"n":%d}' % n) for n in range(_JOINS)]
    messages += [(soil_topic("gs-8"), b"{%d" % n) for n in range(_BROKEN)]
    return [messages[n * 1_777 % len(messages)] for n in range(len(messages))]


@contextmanager
def published(mosquitto: Mosquitto, messages: list[tuple[str, bytes]]) -> Iterator[threading.Thread]:
    """Publish in a thread; leaves when the broker has them all."""
    thread = threading.Thread(target=publish, args=(mosquitto, messages), daemon=True)
    thread.start()
    yield thread
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_each_message_is_counted_once_although_ingest_is_stopped_and_started_in_the_stream(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    messages = stream()
    with working(mosquitto, folder):
        pass  # from now on the broker keeps what comes while nobody listens
    part = len(messages) // _STOPS
    for start in range(0, len(messages), part):
        with working(mosquitto, folder) as worker, published(mosquitto, messages[start : start + part]) as publisher:
            wait_until(lambda: worker.status().messages > 0 or not publisher.is_alive(), "the stream flows")
            worker.stop()
    with working(mosquitto, folder):
        wait_until(lambda: rows_in_lake(folder, "raw_messages") >= len(messages), "all are sealed")
    outcomes = dict(asked(folder, "select outcome, count(*) from raw_messages group by outcome"))
    assert outcomes == {"stored": _READINGS, "ignored": _JOINS, "rejected": _BROKEN}
    assert_each_reading_once(folder, _READINGS)


def test_a_pause_for_a_full_disk_lets_what_came_be_acknowledged_first(
    mosquitto: Mosquitto, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Inbox.append
    committing, disk_answers = threading.Event(), threading.Event()

    def slow_append(self: Inbox, arrivals: list[Arrival]) -> None:
        committing.set()
        assert disk_answers.wait(PATIENCE_S)
        append(self, arrivals)

    monkeypatch.setattr(Inbox, "append", slow_append)
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [(soil_topic("gs-01"), reading(n)) for n in range(100)])
        assert committing.wait(PATIENCE_S)
        worker._session.pause()
        disk_answers.set()
        wait_until(lambda: not worker.status().connected, "it has left")
        worker._session.resume()
        wait_until(lambda: worker.status().connected, "it is back")
        publish(mosquitto, [(soil_topic("gs-01"), reading(100))])
        worker.wait_until_idle(101, PATIENCE_S)
        assert worker.status().stale_acks_dropped == 0
    assert asked(folder, "select outcome, count(*) from raw_messages group by outcome") == [("stored", 101)]
