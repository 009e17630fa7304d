"""The same reading twice, from any cause, is one row."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

from ingest.lake.layout import DataFolder
from ingest.mqtt.broker import Broker
from ingest.site import BEICHEN
from ingest.worker import Worker
from tests.end_to_end.running import (
    QUICK,
    asked,
    assert_each_reading_once,
    plain,
    publish,
    reading,
    soil_topic,
    working,
)
from tests.mosquitto import Mosquitto
from tests.mqtt.scripted_broker import CONNECT, DISCONNECT, SUBSCRIBE, ScriptedBroker, packet
from tests.waiting import PATIENCE_S

EUI = "a84041000181f0c1"
_PUBACK = 4


def things_stack_uplink(received_at: str, gateway: str) -> tuple[str, bytes]:
    """Return one and the same LSE01 uplink, as heard by `gateway`."""
    said: dict[str, Any] = {
        "end_device_ids": {"device_id": "probe-1", "dev_eui": EUI.upper(), "application_ids": {"application_id": "a"}},
        "received_at": received_at,
        "uplink_message": {
            "session_key_id": "AYfqmb0pc/1uRZv9xUydgQ==",
            "f_port": 2,
            "f_cnt": 20,
            "frm_payload": base64.b64encode(bytes.fromhex("0d3800000a2d0bc3001010")).decode(),
            "decoded_payload": {"water_SOIL": "26.05", "temp_SOIL": "30.11", "conduct_SOIL": "16"},
            "rx_metadata": [{"gateway_ids": {"gateway_id": gateway}, "rssi": -42, "snr": 5.8}],
            "received_at": received_at,
        },
    }
    return "v3/parks@beichen/devices/probe-1/up", json.dumps(said).encode()


def test_one_uplink_that_two_gateways_forwarded_a_second_apart_is_one_row(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [things_stack_uplink("2026-07-02T03:50:00.1Z", "a")])
        worker.wait_until_idle(1, PATIENCE_S)
        publish(mosquitto, [things_stack_uplink("2026-07-02T03:50:01.3Z", "b")])
        worker.wait_until_idle(2, PATIENCE_S)
    assert asked(folder, "select count(*) from soil_readings") == [(1,)]
    assert plain(folder, "select count(*) from lake") == [(1,)]
    assert asked(folder, "select rows_duplicate from raw_messages order by message_seq") == [(0,), (1,)]


def test_the_two_gateways_in_one_seal_are_one_row_too(mosquitto: Mosquitto, folder: DataFolder) -> None:
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [things_stack_uplink(f"2026-07-02T03:50:0{n}Z", str(n)) for n in range(4)])
        worker.wait_until_idle(4, PATIENCE_S)
    assert asked(folder, "select count(*) from soil_readings") == [(1,)]


def test_a_reading_sent_again_later_alone_or_in_a_batch_is_one_row(mosquitto: Mosquitto, folder: DataFolder) -> None:
    samples = [{name: json.loads(reading(n))[name] for name in ("measured_at", "readings")} for n in range(5)]
    batch = json.dumps({"schema": "greening.soil_reading/1", "samples": [*samples, *samples]}).encode()
    topic = soil_topic("gs-01")
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [(topic, reading(n)) for n in (0, 0, 1, 2)])
        worker.wait_until_idle(4, PATIENCE_S)
    with working(mosquitto, folder, QUICK) as worker:
        # After a restart, as a device that found no answer sends its day again.
        publish(mosquitto, [(topic, batch), (topic, batch), (topic, reading(4)), (soil_topic("gs-02"), reading(0))])
        worker.wait_until_idle(4, PATIENCE_S)
    assert_each_reading_once(folder, 6)
    outcomes = asked(folder, "select outcome, count(*) from raw_messages group by all order by all")
    assert outcomes == [("duplicate", 3), ("stored", 5)]


def test_what_an_impatient_broker_sends_twice_is_waited_for_once(folder: DataFolder) -> None:
    """The second message comes only after the first seal, which held the first one twice."""
    sealed_once = threading.Event()
    acknowledged: list[bytes] = []

    def published(packet_id: int, minute: int, *, again: bool = False) -> bytes:
        topic = soil_topic("gs-01").encode()
        body = len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big") + reading(minute)
        return packet(0x3A if again else 0x32, body)

    def answer(kind: int, body: bytes) -> bytes:
        if kind == CONNECT:
            return packet(0x20, b"\x00\x00")
        if kind == SUBSCRIBE:
            granted = packet(0x90, body[:2] + b"\x01" * _filters(body[2:]))
            return granted + published(1, 0) + published(1, 0, again=True)
        if kind == _PUBACK:
            acknowledged.append(body)
            if acknowledged.count(b"\x00\x01") == 2 and sealed_once.wait(PATIENCE_S):
                acknowledged.clear()
                return published(2, 1)
        return b"" if kind == DISCONNECT else packet(0xD0, b"")

    with ScriptedBroker(answer) as broker:
        worker = Worker(
            folder, BEICHEN, Broker("127.0.0.1", broker.port, "worker-1", mqtt_version="3.1.1"), QUICK, "test",
            on_sealed=lambda _sealed: sealed_once.set(),
        )  # fmt: skip
        with worker:
            worker.wait_until_idle(2, PATIENCE_S)
            assert (dict(worker.outcomes), worker.redelivered) == ({"stored": 2, "duplicate": 1}, 1)
    assert_each_reading_once(folder, 2)


def _filters(body: bytes) -> int:
    """Return how many filters a SUBSCRIBE holds behind its packet id."""
    count = 0
    while body:
        body = body[2 + int.from_bytes(body[:2], "big") + 1 :]
        count += 1
    return count
