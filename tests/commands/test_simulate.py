"""`greensward simulate` and its publishing, against a real broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from greensward.broker import BuiltInBroker
from greensward.canary import BrokerUnreachableError
from greensward.commands.simulate import simulate
from greensward.console import EXIT_OK, EXIT_USAGE
from greensward.simulate import TimedMessage, invent_district
from greensward.simulate.pattern import vary
from greensward.simulate.publish import at_rate, at_their_times, publish
from ingest.errors import ConfigError

END = datetime.fromisoformat("2026-03-28T07:00:00+08:00")
PATTERN = {
    "schema": "greening.soil_reading/1",
    "device_id": "my-probe",
    "seq": 41,
    "measured_at": "2026-01-01T00:00:00+08:00",
    "readings": [{"quantity": "soil_temperature", "depth_cm": 10, "value": 8.0, "unit": "Cel"}],
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltInBroker]:
    with BuiltInBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running


def messages(count: int) -> list[TimedMessage]:
    return [TimedMessage(END, f"greensward/v1/beichen/t-{n % 7}/soil", b"%d" % n) for n in range(count)]


class Listener:
    """Counts what arrives on the topics of one test."""

    def __init__(self, broker: BuiltInBroker, topic: str) -> None:
        self.got: list[tuple[str, bytes]] = []
        self._changed = threading.Condition()
        granted = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, f"listener-{topic.replace('/', '-')}")
        self._client.on_subscribe = lambda *_: granted.set()
        self._client.on_message = self._keep
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self._client.subscribe(topic, 1)
        assert granted.wait(10)

    def _keep(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.got.append((message.topic, bytes(message.payload)))
            self._changed.notify_all()

    def wait(self, count: int) -> list[tuple[str, bytes]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.got) >= count, 30), f"{len(self.got)} of {count} came"
        self._client.disconnect()
        self._client.loop_stop()
        return self.got


def test_everything_published_is_acknowledged_and_arrives_once(broker: BuiltInBroker) -> None:
    listener = Listener(broker, "greensward/v1/beichen/+/soil")
    seen: list[int] = []
    assert publish(messages(3_500), broker.host, broker.port, on_acknowledged=seen.append) == 3_500
    assert seen[-1] == 3_500
    assert {payload for _, payload in listener.wait(3_500)} == {b"%d" % n for n in range(3_500)}


def test_no_broker_is_said_in_one_sentence_and_is_a_connection_error() -> None:
    port = BuiltInBroker.free_port()
    with pytest.raises(BrokerUnreachableError, match=f"127.0.0.1:{port}") as caught:
        publish(messages(1), "127.0.0.1", port)
    assert isinstance(caught.value, ConnectionError)


def test_a_rate_spaces_the_messages_evenly() -> None:
    waits: list[float] = []
    list(at_rate(messages(5), 0.01, waits.append))
    assert [round(wait, -1) for wait in waits] == [100, 200, 300, 400]


def test_a_speedup_of_sixty_makes_an_hour_of_a_minute() -> None:
    hourly = [TimedMessage(END.replace(hour=hour), "t", b"") for hour in (7, 8, 9)]
    waits: list[float] = []
    list(at_their_times(hourly, 60.0, waits.append))
    assert [round(wait) for wait in waits] == [60, 120]


def test_the_command_publishes_a_pattern_and_says_how_many(
    broker: BuiltInBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(PATTERN), encoding="utf-8")
    listener = Listener(broker, "greensward/v1/beichen/my-probe/soil")
    assert simulate(like=file, count=3, broker=f"127.0.0.1:{broker.port}") == EXIT_OK
    assert "Published 3 messages" in capsys.readouterr().out
    assert [json.loads(payload)["seq"] for _, payload in listener.wait(3)] == [41, 42, 43]


def test_two_ways_of_pacing_at_once_are_refused() -> None:
    assert simulate(rate=5.0, live=True, broker="127.0.0.1:1") == EXIT_USAGE
    assert simulate(rate=0.0, broker="127.0.0.1:1") == EXIT_USAGE


@pytest.mark.parametrize("address", ["host:", "host:0", "host:99999", ":1883", "host:mqtt"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(ConfigError, match="host:port"):
        simulate(broker=address)


def test_without_any_broker_the_command_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="--broker host:port"):
        simulate()


def test_too_few_days_for_the_stories_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 10"):
        simulate(days=3, broker="127.0.0.1:1")


def test_variations_keep_the_form_and_change_times_counter_and_values() -> None:
    now = datetime(2026, 3, 28, tzinfo=UTC)
    step = END - END.replace(minute=0, hour=6)
    found = [json.loads(m.payload) for m in vary(json.dumps(PATTERN).encode(), count=4, end=now, step=step, seed=1)]
    assert [message["seq"] for message in found] == [41, 42, 43, 44]
    assert found[-1]["measured_at"] == "2026-03-28T08:00:00+08:00"
    values = [message["readings"][0]["value"] for message in found]
    assert len(set(values)) == 4
    assert all(7.84 <= value <= 8.16 for value in values)
    assert all(message["readings"][0]["depth_cm"] == 10 for message in found)


@pytest.mark.parametrize("pattern", [b"{", b"[1]", b"\xff", b'{"a":1}'])
def test_a_pattern_that_is_no_message_is_refused(pattern: bytes) -> None:
    with pytest.raises(ConfigError):
        list(vary(pattern, count=1, end=END, step=END - END, seed=1))


def test_a_district_can_be_published_from_its_iterator(broker: BuiltInBroker) -> None:
    district = invent_district(3, END, 10)
    assert publish(islice(district.messages(), 500), broker.host, broker.port) == 500
