"""Whatever MQTT allows in a message comes through, and what is too large comes cut; a paho that changed is noticed."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import random
import socket
from importlib.metadata import version

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import ingest.decode
from ingest.frames import MAXIMUM_PACKET_BYTES
from ingest.mqtt.broker import Broker
from ingest.mqtt.client import KEPT_BYTES, Client
from ingest.observation import Reply, Whole
from tests.mosquitto import Mosquitto
from tests.mqtt.scripted_broker import CONNECT, DISCONNECT, PUBLISH, SUBSCRIBE, ScriptedBroker, packet, variable_length
from tests.mqtt.sessions import TOPIC, Session, broker_of, publish, running
from tests.waiting import PATIENCE_S, wait_until

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
REASON = b"\x1f" + b"\x00\x04" + BOM.encode() + b"!"
"""A reason string (property 31) that paho refuses."""


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_property_with_a_byte_order_mark_costs_neither_the_message_nor_the_connection(
    mosquitto: Mosquitto, qos: int
) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = ("b", BOM + "x")
    properties.ContentType = BOM
    properties.CorrelationData = bytes(range(256)) * 100
    properties.MessageExpiryInterval = 3600
    with running(Session(broker_of(mosquitto))) as session:
        wait_until(lambda: session.session.health.subscribed, "it is subscribed")
        probe = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="modern", protocol=mqtt.MQTTv5)
        probe.connect("127.0.0.1", mosquitto.port)
        probe.loop_start()
        sent = probe.publish(TOPIC, b"\xef\xbb\xbf payload", qos=qos, retain=True, properties=properties)
        sent.wait_for_publish(PATIENCE_S)
        probe.disconnect()
        probe.loop_stop()
        publish(mosquitto, [b"after"])
        wait_until(lambda: len(session.got) == 2, "both came")
        assert session.payloads() == [b"\xef\xbb\xbf payload", b"after"]
        first, ticket = session.got[0]
        assert (first.topic, first.redelivered, first.retained, first.whole) == (TOPIC, False, False, None)
        assert (ticket is None) == (qos == 0), "QoS 2 is handed on at the QoS 1 that we subscribe with"
        assert session.session.health.epoch == 1, "on the first connection"
    with running(Session(Broker("127.0.0.1", mosquitto.port, "another"))) as later:
        wait_until(lambda: len(later.got) == 1, "it is there for a new subscriber too")
        assert later.got[0][0].retained
        assert later.payloads() == [b"\xef\xbb\xbf payload"]


def test_properties_that_paho_refuses_in_any_answer_of_a_broker_cost_nothing() -> None:
    message = TOPIC.encode()
    publishes = packet(
        0x3A, len(message).to_bytes(2, "big") + message + b"\x00\x07" + b"\x07" + REASON[:3] + b"\0\0\0\0x"
    )
    block = variable_length(len(REASON)) + REASON

    def answer(kind: int, body: bytes) -> bytes:
        if kind == CONNECT:
            return packet(0x20, b"\x01\x00" + block)
        if kind == SUBSCRIBE:
            return packet(0x90, body[:2] + block + b"\x01") + publishes
        if kind == PUBLISH:
            length = int.from_bytes(body[:2], "big")
            return packet(0x40, body[2 + length : 4 + length] + b"\x00" + block)
        return b"" if kind == DISCONNECT else packet(0xD0, b"")

    with (
        ScriptedBroker(answer) as broker,
        running(Session(Broker("127.0.0.1", broker.port, "worker-1"))) as session,
    ):
        wait_until(lambda: session.session.health.subscribed, "it is subscribed")
        wait_until(lambda: session.payloads() == [b"x"], "the message came")
        assert session.got[0][0].redelivered
        session.session.reply([Reply("t", b"thanks")])
        wait_until(lambda: not session.session._replies, "the reply is sent")
        wait_until(lambda: not session.session._client._out_messages, "and its acknowledgement was understood")
        assert (session.session.health.epoch, broker.connections) == (1, 1)


def handed_on(protocol: MQTTProtocolVersion, sent: bytes, count: int) -> list[tuple[bytes, Whole | None, int]]:
    """Return payload, what it was cut from, and packet id of the first messages of `sent`, which comes in parts."""
    chance = random.Random(3)
    got: list[tuple[bytes, Whole | None, int]] = []
    client = Client(CallbackAPIVersion.VERSION2, protocol=protocol, manual_ack=True)
    client.on_message = lambda _client, _data, message: got.append((bytes(message.payload), client.whole, message.mid))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0)
        theirs.settimeout(0)
        client._sock = ours
        to_send = memoryview(sent)
        while len(got) < count:
            if to_send:
                to_send = to_send[theirs.send(to_send[: chance.choice((1, 3, 1_000, 100_000))]) :]
            code = client.loop_read()
            assert code == mqtt.MQTT_ERR_SUCCESS, repr(code)
        client._sock = None
    return got


@pytest.mark.parametrize("protocol", [mqtt.MQTTv311, mqtt.MQTTv5])
@pytest.mark.parametrize("qos", [0, 1])
def test_a_message_too_large_to_keep_is_cut_and_its_size_and_digest_are_known(
    protocol: MQTTProtocolVersion, qos: int
) -> None:
    chance = random.Random(7)
    long = chance.randbytes(3 * MAXIMUM_PACKET_BYTES + 11)
    kept = chance.randbytes(MAXIMUM_PACKET_BYTES - 200)
    properties = b"\x80\x01" + (b"\x03\x00\x7d" + b"c" * 125) if protocol == mqtt.MQTTv5 else b""
    variable = b"\x00\x01t" + (b"\x00\x09" if qos else b"") + properties
    sent = b"".join(packet(0x30 | qos << 1, variable + payload) for payload in (long, kept, b"x"))
    got = handed_on(protocol, sent, 3)
    mid = 9 if qos else 0
    whole = Whole(len(long), hashlib.sha256(long).hexdigest())
    assert got == [(long[:KEPT_BYTES], whole, mid), (kept, None, mid), (b"x", None, mid)]


def test_properties_alone_do_not_make_a_message_too_large() -> None:
    properties = b"".join(b"\x26\x00\x01k\xff\xff" + b"v" * 65_535 for _ in range(20))
    sent = packet(0x30, b"\x00\x01t" + variable_length(len(properties)) + properties + b"x")
    assert len(sent) > MAXIMUM_PACKET_BYTES
    assert handed_on(mqtt.MQTTv5, sent, 1) == [(b"x", None, 0)]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x00",
        b"\x00\x09t",
        b"\x00\x01t\x00",
        b"\x00\x01t\x00\x07",
        b"\x00\x01t\x00\x07\x05",
        b"\x00\x01t\x00\x07\xff\xff\xff\xff\x01",
    ],
)
def test_a_packet_that_ends_too_early_is_an_error_of_the_protocol_and_no_message(broken: bytes) -> None:
    with pytest.raises(AssertionError, match="MQTT_ERR_PROTOCOL"):
        handed_on(mqtt.MQTTv5, packet(0x32, broken), 1)


def test_what_is_kept_of_a_long_message_is_too_large_for_every_decoder() -> None:
    limits = {
        module.name: limit
        for module in pkgutil.iter_modules(ingest.decode.__path__)
        if (limit := getattr(importlib.import_module(f"ingest.decode.{module.name}"), "LIMIT_BYTES", None))
    }
    assert len(limits) >= 5
    assert max(limits.values()) < KEPT_BYTES < MAXIMUM_PACKET_BYTES


def test_paho_still_has_the_private_methods_that_we_override_and_calls_them() -> None:
    assert version("paho-mqtt").split(".")[:2] == ["2", "2"], "read paho's _packet_read and _handle_publish again"
    for name, arguments in (
        ("_sock_recv", ["self", "bufsize"]),
        ("_packet_handle", ["self"]),
        ("_handle_publish", ["self"]),
    ):
        assert list(inspect.signature(getattr(mqtt.Client, name)).parameters) == arguments, name
    assert {"command", "packet", "to_process"} <= set(Client(CallbackAPIVersion.VERSION2)._in_packet)
    assert "self._sock_recv(self._in_packet['to_process'])" in inspect.getsource(mqtt.Client._packet_read)
