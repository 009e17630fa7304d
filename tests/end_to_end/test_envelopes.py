"""Alink, IoTDA, SenML and Sparkplug B through a real broker: each message in one place, each answer after its rows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from greensward.broker import BuiltInBroker
from ingest.decode.sparkplug_payload import read_payload
from ingest.lake.layout import DataFolder
from ingest.mqtt.broker import Broker
from ingest.site import BEICHEN
from ingest.worker import Worker
from tests.decode.sparkplug import DBIRTH, DDATA, GROUP, NBIRTH, NDEATH_7, moisture, payload
from tests.end_to_end.running import NOON, QUICK, asked, publish, working
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

_ALINK = "/sys/a1ILGykZVhP/probe-7/thing/event/property/post"
_IOTDA = "$oc/devices/probe_8/sys/properties/report"
_SENML = "greensward/v1/beichen/probe-9/senml"
_GOOD = (
    (_ALINK, {"id": "1", "params": {"soil_moisture": {"value": 20.5, "time": int(NOON.timestamp() * 1000)}}}),
    (_IOTDA, {"services": [{"service_id": "soil", "properties": {"vwc": 21}, "event_time": "20260702T040000Z"}]}),
    (_SENML, [{"n": "10cm/soil_moisture", "u": "%", "v": 22.5, "t": int(NOON.timestamp())}]),
)
_TIMELESS = f"{_IOTDA}?request_id=7", b'{"services":[{"service_id":"soil","properties":{"vwc":23}}]}'
_SPARKPLUG = (
    (f"{GROUP}/NBIRTH/gw-1", NBIRTH),
    (f"{GROUP}/DBIRTH/gw-1/probe-7", DBIRTH),
    (f"{GROUP}/DDATA/gw-1/probe-7", DDATA),
    (f"{GROUP}/NDEATH/gw-1", NDEATH_7),
)
_UNBORN = f"{GROUP}/DDATA/gw-2/probe-8", payload(moisture(18.1))
_BROKEN = (
    (_ALINK, b'{"id":"2","params":{"soil_moisture":{"value":20,"time":1}}}'),
    (_IOTDA, b"{"),
    (_SENML, b'[{"n":"x","v":1}]'),
    (f"{GROUP}/DDATA/gw-1/probe-7", b"\xff"),
)


@contextmanager
def hearing(port: int, *topics: str) -> Iterator[list[tuple[str, bytes]]]:
    """Yield what comes on `topics` meanwhile."""
    heard: list[tuple[str, bytes]] = []
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener")
    client.on_message = lambda _client, _data, message: heard.append((message.topic, bytes(message.payload)))
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.subscribe([(topic, 1) for topic in topics])
    client.loop_start()
    assert ready.wait(PATIENCE_S)
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def test_every_message_of_every_envelope_ends_in_exactly_one_place(mosquitto: Mosquitto, folder: DataFolder) -> None:
    good = [(topic, json.dumps(said).encode()) for topic, said in _GOOD]
    first = [*good, _TIMELESS, *_SPARKPLUG, _UNBORN, *_BROKEN]
    again = [*good, _TIMELESS, *_SPARKPLUG[:3]]
    with working(mosquitto, folder) as worker, hearing(mosquitto.port, f"{_ALINK}_reply", "+/+/NCMD/#") as heard:
        publish(mosquitto, first)
        worker.wait_until_idle(len(first), PATIENCE_S)
        wait_until(lambda: len(heard) >= 3, "all are answered")
        publish(mosquitto, again)
        worker.wait_until_idle(len(first) + len(again), PATIENCE_S)
    outcomes = dict(asked(folder, "select outcome, count(*) from raw_messages group by outcome"))
    assert outcomes == {
        "stored": len(good) + 1 + len(_SPARKPLUG),
        "rejected": 1 + len(_BROKEN),
        "duplicate": len(again),
    }
    answers = [json.loads(sent) for topic, sent in heard if topic.startswith("/sys/")]
    assert [(body["id"], body["code"]) for body in answers[:2]] == [("1", 200), ("2", 460)]
    commands = [(topic, read_payload(sent).metrics[0].name) for topic, sent in heard if topic.startswith(GROUP)]
    assert commands == [(f"{GROUP}/NCMD/gw-2", "Node Control/Rebirth")]
    rows = asked(
        folder,
        "select device_id, depth_cm, round(volumetric_water_content, 4), time_source from soil_readings "
        "where volumetric_water_content is not null order by device_id, measured_at",
    )
    assert rows == [
        ("a1ILGykZVhP.probe-7", None, 0.205, "device"),
        ("parks.gw-1.probe-7", 10.0, 0.183, "device"),
        ("parks.gw-1.probe-7", 10.0, 0.181, "device"),
        ("parks.gw-1.probe-7", 10.0, 0.008, "device"),
        ("probe-9", 10.0, 0.225, "device"),
        ("probe_8", None, 0.21, "device"),
        ("probe_8", None, 0.23, "arrival"),
    ]
    states = asked(folder, "select device_id, state from device_status where state is not null order by reported_at, 1")
    assert states[-2:] == [("parks.gw-1", "offline"), ("parks.gw-1.probe-7", "offline")]
    codes = asked(folder, "select code from rejected order by code")
    assert codes == [
        ("before_2015",),
        ("birth_unknown",),
        ("malformed_json",),
        ("malformed_protobuf",),
        ("unknown_quantity",),
    ]


def test_the_built_in_broker_carries_them_all(folder: DataFolder) -> None:
    with BuiltInBroker(folder.root / "broker") as broker:
        there = Broker("127.0.0.1", broker.port, "worker-1", mqtt_version="3.1.1", keepalive_s=5)
        with Worker(folder, BEICHEN, there, QUICK, "test") as worker:
            worker.wait_until_subscribed(PATIENCE_S)
            # It keeps the order within a topic, not between topics: each birth has come before what needs it is sent.
            sent = 0
            for some in (
                [(topic, json.dumps(said).encode()) for topic, said in _GOOD],
                _SPARKPLUG[:1],
                _SPARKPLUG[1:2],
                _SPARKPLUG[2:3],
            ):
                client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="publisher")
                client.connect("127.0.0.1", broker.port)
                client.loop_start()
                for topic, body in some:
                    client.publish(topic, body, qos=1).wait_for_publish(PATIENCE_S)
                client.disconnect()
                client.loop_stop()
                sent += len(some)
                worker.wait_until_idle(sent, PATIENCE_S)
            assert dict(worker.outcomes) == {"stored": sent}
