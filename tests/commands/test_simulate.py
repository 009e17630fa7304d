"""`greensward simulate` and its publishing, against a real broker."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from greensward.broker import BuiltInBroker
from greensward.canary import BrokerUnreachableError
from greensward.commands.simulate import simulate
from greensward.console import EXIT_OK, EXIT_USAGE
from greensward.overheard.message import Heard
from greensward.simulate import TimedMessage, invent_district
from greensward.simulate.moved import moved
from greensward.simulate.pattern import vary
from greensward.simulate.publish import at_rate, at_their_times, plain, publish
from greensward.simulate.recording import bring, read_recording
from ingest.decode.context import DecodeContext
from ingest.decode.route import decode
from ingest.errors import ConfigError
from ingest.observation import Message, SoilReading
from ingest.site import BEICHEN
from tests.decode.lorawan import CHIRPSTACK, THINGS_STACK, chirpstack, things_stack
from tests.mosquitto import free_port
from tests.waiting import PATIENCE_S

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
        assert granted.wait(PATIENCE_S)

    def _keep(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.got.append((message.topic, bytes(message.payload)))
            self._changed.notify_all()

    def wait(self, count: int) -> list[tuple[str, bytes]]:
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.got) >= count, PATIENCE_S)
        assert came, f"{len(self.got)} of {count} came"
        self._client.disconnect()
        self._client.loop_stop()
        return self.got


def test_everything_published_is_acknowledged_and_arrives_once(broker: BuiltInBroker) -> None:
    listener = Listener(broker, "greensward/v1/beichen/+/soil")
    seen: list[int] = []
    assert publish(messages(3_500), plain(broker.host, broker.port), on_acknowledged=seen.append) == 3_500
    assert seen[-1] == 3_500
    assert {payload for _, payload in listener.wait(3_500)} == {b"%d" % n for n in range(3_500)}


def test_no_broker_is_said_in_one_sentence_and_is_a_connection_error() -> None:
    port = free_port()
    with pytest.raises(BrokerUnreachableError, match=f"127.0.0.1:{port}") as caught:
        publish(messages(1), plain("127.0.0.1", port))
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
    found = [
        json.loads(m.payload) for m in vary("t", json.dumps(PATTERN).encode(), count=4, end=now, step=step, seed=1)
    ]
    assert [message["seq"] for message in found] == [41, 42, 43, 44]
    assert found[-1]["measured_at"] == "2026-03-28T08:00:00+08:00"
    values = [message["readings"][0]["value"] for message in found]
    assert len(set(values)) == 4
    assert all(7.84 <= value <= 8.16 for value in values)
    assert all(message["readings"][0]["depth_cm"] == 10 for message in found)


def test_variations_of_a_batch_keep_the_time_between_its_samples_and_what_is_no_json_stays() -> None:
    samples = [{"measured_at": f"2026-01-01T0{hour}:00:00Z"} for hour in (1, 3, 2)]
    (batch,) = vary("t", json.dumps({"samples": samples}).encode(), count=1, end=END, step=timedelta(0), seed=1)
    hours = [datetime.fromisoformat(sample["measured_at"]) - END for sample in json.loads(batch.payload)["samples"]]
    assert hours == [timedelta(hours=-2), timedelta(0), timedelta(hours=-1)]
    (frame,) = vary("t", b"\x01\xff", count=1, end=END, step=timedelta(0), seed=1)
    assert frame.payload == b"\x01\xff"


def test_each_variation_of_an_uplink_is_another_uplink() -> None:
    uplink = json.dumps(chirpstack({"soil_moisture": 20})).encode()
    found = vary(CHIRPSTACK, uplink, count=5, end=UPLINK_AT, step=timedelta(seconds=10), seed=1)
    rows = [row for one in found for row in soil_of(one.topic, one.payload, one.at)]
    assert len({row.uplink_key for row in rows}) == len({row.measured_at for row in rows}) == 5


@pytest.mark.parametrize("pattern", [b"{", b"[1]", b"\xff", b'{"a":1}', b""])
def test_a_pattern_that_is_no_message_is_refused(pattern: bytes, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_bytes(pattern)
    with pytest.raises(ConfigError, match="--topic"):
        simulate(like=tmp_path / "mine.json", broker="127.0.0.1:1")


def soil_of(topic: str, payload: bytes, at: datetime) -> tuple[SoilReading, ...]:
    return decode(Message(1, at, topic, payload), DecodeContext(BEICHEN, {})).soil


UPLINK_AT = datetime(2026, 7, 2, 3, 50, 1, tzinfo=UTC)
_MS = int(UPLINK_AT.timestamp() * 1000)
_HISTORY = {"moisture": 20, "history": [{"timestamp": _MS // 1000 - 3600, "moisture": 30.0}]}
_OF_EACH_FORMAT: list[tuple[str, Any]] = [
    ("greensward/v1/beichen/my-probe/soil", PATTERN | {"measured_at": "2026-07-02T11:50:01+08:00"}),
    ("greensward/v1/beichen/gs-01/senml", [{"bt": _MS / 1000, "n": "10cm/soil_moisture", "u": "%", "v": 18.3},
                                          {"t": -60, "n": "10cm/soil_moisture", "u": "%", "v": 18.4}]),
    (CHIRPSTACK, chirpstack({"soil_moisture": 20})),
    (CHIRPSTACK, chirpstack(_HISTORY, profile="EM500-SMTC")),
    (THINGS_STACK, things_stack({"soil_moisture": 20})),
    ("/sys/a1/gs-01/thing/event/property/post",
     {"id": "1", "version": "1.0", "params": {"soil_moisture": {"value": 20.5, "time": _MS}},
      "method": "thing.event.property.post"}),
    ("$oc/devices/gs-01/sys/properties/report",
     {"services": [{"service_id": "soil", "properties": {"soil_moisture": 20.5}, "event_time": "20260702T035001Z"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "said"), _OF_EACH_FORMAT)
def test_a_recorded_message_of_each_format_is_read_as_if_it_were_sent_now(topic: str, said: Any) -> None:
    payload = json.dumps(said).encode()
    later = timedelta(days=40, hours=3, seconds=7)
    then = soil_of(topic, payload, UPLINK_AT)
    now = soil_of(topic, moved(payload, later), UPLINK_AT + later)
    assert then
    assert [row.measured_at - later for row in now] == [row.measured_at for row in then]
    values = [[(row.volumetric_water_content, row.soil_temperature_c) for row in rows] for rows in (then, now)]
    assert values[0] == values[1]


@pytest.mark.parametrize(
    "payload", [b"{", b"\xff\x00", b'{"seq": 1782940200, "value": 1}', b'{ "timestamp": 7, "time": "noon" }', b"online"]
)
def test_what_has_no_instant_stays_byte_for_byte(payload: bytes) -> None:
    assert moved(payload, timedelta(days=1)) == payload


def recorded(*minutes: int, **how: Any) -> list[Heard]:
    said = [json.dumps(PATTERN | {"seq": n, "measured_at": (END + timedelta(minutes=n)).isoformat()}) for n in minutes]
    topic = "greensward/v1/beichen/my-probe/soil"
    at = [END + timedelta(minutes=n, seconds=2) for n in minutes]
    return [Heard(received_at=at, topic=topic, payload=one.encode(), **how) for at, one in zip(at, said, strict=True)]


def as_lines(messages: list[Heard]) -> bytes:
    return b"".join(msgspec.json.encode(one.as_values()) + b"\n" for one in messages)


def test_a_recording_goes_out_once_more_with_its_times_at_now(
    broker: BuiltInBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = [Heard(received_at=END, topic="greensward/v1/beichen/my-probe/reply", payload=b"{}")]
    lines = as_lines([*recorded(10, 0, 20), *recorded(1, retained=True), *answer])
    (tmp_path / "gs.jsonl").write_bytes(b'{"form": "greensward_acceptance/1"}\n' + lines + b'{"ended": "done"}\n')
    rows = [[one.received_at, one.topic, one.payload.decode()] for one in recorded(0, 20)]
    with (tmp_path / "gs.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["received_at", "topic", "payload"], *rows])
    for name, sequence in (("gs.jsonl", [0, 10, 20]), ("gs.csv", [0, 20])):
        listener = Listener(broker, "greensward/v1/beichen/my-probe/soil")
        before = datetime.now(UTC)
        assert simulate(like=tmp_path / name, broker=f"127.0.0.1:{broker.port}") == EXIT_OK
        came = [json.loads(payload) for _, payload in listener.wait(len(sequence))]
        assert [one["seq"] for one in came] == sequence
        late = datetime.fromisoformat(came[-1]["measured_at"]) - before + timedelta(seconds=2)
        assert timedelta(0) <= late < timedelta(seconds=60)
    assert "2 messages go to" in capsys.readouterr().err


def test_a_recording_that_is_played_live_begins_now() -> None:
    first, last = bring(recorded(0, 20), first=END + timedelta(days=3))
    assert (first.at, last.at - first.at) == (END + timedelta(days=3), timedelta(minutes=20))
    assert json.loads(first.payload)["measured_at"] == (first.at - timedelta(seconds=2)).isoformat()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (as_lines(recorded(1, retained=True)), "no message in it"),
        (as_lines(recorded(1)) + b'{"topic": "a"}\n', "line 2: expected a message as `greensward device tail --json`"),
        (b"received_at,topic,payload\nyesterday,a,b\n", "line 2: received_at 'yesterday'"),
        (b"received_at,topic,payload\n2026-07-02T01:00:00Z,,b\n", "line 2: topic is empty"),
        (b'received_at,topic,payload\n2026-07-02T01:00:00Z,a,"b\n', "expected CSV in UTF-8"),
        (b"received_at,topic,payload\n\xff,a,b\n", "expected CSV in UTF-8"),
    ],
)
def test_a_recording_that_is_wrong_is_refused_with_its_line(content: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_recording(content, "gs")


def test_a_line_that_a_kill_cut_off_is_left_out_and_one_without_its_end_is_not() -> None:
    whole = as_lines(recorded(1, 2))
    assert read_recording(whole + whole[: len(whole) // 3], "gs") == read_recording(whole, "gs")
    assert read_recording(whole.rstrip(b"\n"), "gs") == read_recording(whole, "gs")


def test_options_of_a_sample_are_refused_without_one_and_with_a_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate(count=3, broker="127.0.0.1:1") == EXIT_USAGE
    assert "go with --like" in capsys.readouterr().err
    (tmp_path / "gs.jsonl").write_bytes(as_lines(recorded(1)))
    with pytest.raises(ConfigError, match="is a recording"):
        simulate(like=tmp_path / "gs.jsonl", count=3, broker="127.0.0.1:1")


def test_a_district_can_be_published_from_its_iterator(broker: BuiltInBroker) -> None:
    district = invent_district(3, END, 10)
    assert publish(islice(district.messages(), 500), plain(broker.host, broker.port)) == 500
