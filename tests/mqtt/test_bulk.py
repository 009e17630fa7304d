"""Many packets at once are the same messages as one by one; what paho must see it sees; acknowledgements are whole."""

from __future__ import annotations

import inspect
import random
import socket
import time
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from bench.flood import packets_of, reading
from ingest.frames import MAXIMUM_PACKET_BYTES, Frames, cut_frames
from ingest.inbox import Arrival, arrivals_of
from ingest.mqtt.bulk import BulkClient
from ingest.mqtt.client import Client
from tests.mqtt.scripted_broker import packet, variable_length

Heard = tuple[str, bytes, bool, bool, int]


def heard_by(kind: type[Client], protocol: MQTTProtocolVersion, sent: bytes, pieces: random.Random) -> list[object]:
    """Return the messages of `sent`, and how the connection ended, when it comes in pieces of any size."""
    got: list[object] = []

    def one(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        topic = bytes(message._topic).decode("utf-8", "replace")
        got.append((topic, bytes(message.payload), message.dup, message.retain, message.mid, client.whole))

    def many(frames: Frames) -> None:
        ids = iter(frames.packet_ids().tolist())
        starts = [0, *frames.end[:-1].tolist()]
        for arrival, start in zip(arrivals_of(frames), starts, strict=True):
            mid = next(ids) if frames.data[start] & 0x06 else 0
            got.append((arrival.topic, arrival.payload, arrival.redelivered, arrival.retained, mid, None))

    client = kind(CallbackAPIVersion.VERSION2, protocol=protocol, manual_ack=True)
    client.on_message = one
    client.on_socket_register_write = lambda *_: None
    if isinstance(client, BulkClient):
        client.on_frames = many
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0)
        client._sock = ours
        waiting = memoryview(sent)
        while waiting:
            waiting = waiting[theirs.send(waiting[: pieces.choice((1, 2, 7, 300, 60_000))]) :]
            if not _read_all(client, ours, got):
                break
        else:
            theirs.shutdown(socket.SHUT_WR)
            _read_all(client, ours, got)
        client._sock = None
    return got


def _read_all(client: Client, ours: socket.socket, got: list[object]) -> bool:
    """Read until nothing more is there; False when the connection is over, whose reason is noted."""
    for _ in range(100_000):
        before = len(got)
        code = client.read_bulk()[0] if isinstance(client, BulkClient) else client.loop_read()
        if code != mqtt.MQTT_ERR_SUCCESS:
            got.append(MQTTErrorCode(code))
            return False
        if client.socket() is None:
            return False
        try:
            ours.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            if len(got) == before:
                return True
        except OSError:
            return False
    raise AssertionError("it never ends")


def stream(chance: random.Random, *, is_five: bool) -> Iterator[bytes]:
    """Yield packets as brokers send them, and a few as none should."""
    for number in range(chance.randrange(1, 60)):
        draw = chance.random()
        if draw < 0.06:
            yield packet(0xD0, b"")
        elif draw < 0.12:
            yield packet(0x90, b"\x00\x01" + (b"\x00" if is_five else b"") + b"\x01")
        elif draw < 0.14:
            yield packet(0x34, publish_body(chance, number, 2, is_five=is_five))
        elif draw < 0.15:
            yield packet(0x32, b"\x00\x01t\x00\x07" + b"\0" * is_five + b"x" * (MAXIMUM_PACKET_BYTES + 5))
        elif draw < 0.16:
            yield packet(0x32, publish_body(chance, number, 1, is_five=is_five)[: chance.randrange(9)])
        else:
            qos = chance.randrange(2)
            first = 0x30 | qos << 1 | chance.choice((0, 0, 0x01, 0x08 * qos))
            yield packet(first, publish_body(chance, number, qos, is_five=is_five))


def publish_body(chance: random.Random, number: int, qos: int, *, is_five: bool) -> bytes:
    topic = chance.choice((b"t", b"greensward/v1/beichen/gs-01/soil", b"\xff\xfe", "北辰".encode() * 30))
    if chance.random() < 0.01:
        topic = b""
    properties = b""
    if is_five:
        size = chance.choice((0, 0, 0, 1, 30, 200, 20_000))
        properties = variable_length(3 * size) + b"\x26\0\0" * size
    payload = chance.randbytes(chance.choice((0, 1, 100, 200, 20_000)))
    packet_id = (number + 1).to_bytes(2, "big") if qos else b""
    return len(topic).to_bytes(2, "big") + topic + packet_id + properties + payload


@pytest.mark.parametrize("protocol", [mqtt.MQTTv311, mqtt.MQTTv5])
def test_whatever_comes_in_whatever_pieces_is_heard_as_paho_hears_it(protocol: MQTTProtocolVersion) -> None:
    messages = 0
    for seed in range(40):
        sent = b"".join(stream(random.Random(seed), is_five=protocol == mqtt.MQTTv5))
        alone = heard_by(Client, protocol, sent, random.Random(seed))
        assert heard_by(BulkClient, protocol, sent, random.Random(seed + 1)) == alone, seed
        messages += len(alone)
    assert messages > 500


def test_packets_that_came_together_are_taken_together_up_to_the_first_that_is_not_ours() -> None:
    ours = packet(0x32, b"\x00\x01t\x00\x07x")
    for other in (packet(0xD0, b""), packet(0x34, b"\x00\x01t\x00\x08x"), packet(0x32, b"\x00\x09t")):
        frames, rest, is_other = cut_frames(ours * 3 + other + ours, 1, is_five=False)
        assert frames is not None
        assert (len(frames), rest, is_other) == (3, other + ours, True)
    frames, rest, is_other = cut_frames(ours * 2 + ours[:-1], 1, is_five=False)
    assert frames is not None
    assert (len(frames), rest, is_other) == (2, ours[:-1], False)


def test_a_message_without_an_id_or_with_the_id_0_is_left_to_paho() -> None:
    for body in (b"\x00\x01t", b"\x00\x01t\x00", b"\x00\x01t\x00\x00x"):
        assert cut_frames(packet(0x32, body), 1, is_five=False) == (None, packet(0x32, body), True)


def test_every_id_is_acknowledged_once_in_order_however_little_the_socket_takes_at_a_time() -> None:
    client = BulkClient(CallbackAPIVersion.VERSION2, manual_ack=True)
    client.on_socket_register_write = lambda *_: None
    ids = np.random.default_rng(5).permutation(np.arange(1, 65_536))
    ours, theirs = socket.socketpair()
    got = b""
    with ours, theirs:
        ours.settimeout(0)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        client._sock = ours
        client.acknowledge(ids[:40_000])
        client.acknowledge(ids[40_000:])
        while len(got) < 4 * len(ids):
            if client.want_write():
                assert client.loop_write() == mqtt.MQTT_ERR_SUCCESS
            got += theirs.recv(1_000_000)
        client._sock = None
    assert got == b"".join(b"\x40\x02" + int(packet_id).to_bytes(2, "big") for packet_id in ids)


def test_what_was_read_ahead_on_an_old_connection_is_forgotten_on_the_next() -> None:
    client = BulkClient(CallbackAPIVersion.VERSION2, manual_ack=True)
    client._ahead = b"\x32"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(OSError, match="refused"):
            client.connect("127.0.0.1", port)
    assert client._ahead == b""


def test_messages_in_bulk_are_a_sign_of_life_as_any_packet_is() -> None:
    client = BulkClient(CallbackAPIVersion.VERSION2, manual_ack=True)
    got: list[int] = []
    client.on_frames = lambda frames: got.append(len(frames))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0)
        client._sock = ours
        client._last_bytes_received = 0.0
        theirs.send(packet(0x30, b"\x00\x01tx") * 5)
        assert client.read_bulk()[0] == mqtt.MQTT_ERR_SUCCESS
        client._sock = None
    assert got == [5]
    assert time.monotonic() - client._last_bytes_received < 60


def test_paho_still_has_the_private_names_that_bulk_reading_relies_on() -> None:
    assert version("paho-mqtt").split(".")[:2] == ["2", "2"], "read paho's _packet_read and _packet_write again"
    arguments = ["self", "command", "packet", "mid", "qos", "info"]
    assert list(inspect.signature(mqtt.Client._packet_queue).parameters) == arguments
    reads, writes = inspect.getsource(mqtt.Client._packet_read), inspect.getsource(mqtt.Client._packet_write)
    assert "if self._in_packet['command'] == 0:" in reads, "a packet begins with its command"
    assert '"command": 0' in reads, "and leaves 0 behind"
    assert "with self._msgtime_mutex:\n            self._last_bytes_received = time_func()" in reads
    assert "packet['packet'][packet['pos']:]" in writes, "it sends what it was given, in as many parts as it takes"
    assert "_last_bytes_received" in inspect.getsource(mqtt.Client._check_keepalive)
    assert mqtt.time_func is time.monotonic


def test_a_run_of_packets_is_the_same_messages_after_the_inbox() -> None:
    body = b"\x00\x02\xff\xfe\x00\x07" + b"\x03\x26\0\0" + b"payload"
    sent = packet(0x3B, body) + packet(0x32, body)
    frames, _, _ = cut_frames(sent, 1_782_964_800_123_457, is_five=True)
    assert frames is not None
    again = Frames.unpacked(Frames.joined([frames, frames]).packed())
    first = Arrival(1_782_964_800_123_457, "\ufffd\ufffd", b"payload", redelivered=True, retained=True)
    second = Arrival(1_782_964_800_123_457, "\ufffd\ufffd", b"payload", redelivered=False, retained=False)
    assert arrivals_of(again) == [first, second, first, second]
    assert again.packet_ids().tolist() == [7] * 4


def test_a_run_that_an_earlier_version_left_is_read_as_it_was() -> None:
    """Bytes by hand, after MessagePack's specification: five values, the offsets as little-endian 32-bit integers."""
    sent = b"\x32\x07\x00\x01t\x00\x05xx" + b"\x30\x05\x00\x01uyy"
    offsets = b"\xc4\x08" + b"\x02\0\0\0\x0b\0\0\0" + b"\xc4\x08" + b"\x09\0\0\0\x10\0\0\0"
    left = b"\xc1\x95\xc2" + b"\xc4\x10" + sent + offsets + b"\x91\x92\x02\x2a"
    assert arrivals_of(Frames.unpacked(left)) == [
        Arrival(42, "t", b"xx", redelivered=False, retained=False),
        Arrival(42, "u", b"yy", redelivered=False, retained=False),
    ]


def test_messages_of_every_length_are_the_same_after_the_inbox() -> None:
    sent = b"".join(packets_of(("t" * (1 + size % 7), b"x" * size) for size in (0, 1, 120, 121, 130, 20_000, 5)))
    frames, _, _ = cut_frames(sent, 7, is_five=False)
    assert frames is not None
    assert arrivals_of(Frames.unpacked(frames.packed())) == arrivals_of(frames)


def test_readings_of_one_kind_take_a_sixth_of_their_bytes_on_the_disk_and_noise_no_more_than_it_has() -> None:
    readings = b"".join(packets_of(map(reading, range(1_000))))
    noise = b"".join(packets_of(("t", random.Random(n).randbytes(1_000)) for n in range(100)))
    for sent, most in ((readings, len(readings) / 6), (noise, len(noise) * 1.01 + 1_000)):
        frames, _, _ = cut_frames(sent, 0, is_five=False)
        assert frames is not None
        assert len(frames.packed()) < most
        assert Frames.unpacked(frames.packed()).data == sent
        assert frames.size_bytes >= len(sent), "what waits is counted as it will be in memory"


def test_only_what_was_taken_is_acknowledged() -> None:
    """At QoS 0, at QoS 1, one whose topic is longer than itself, and one more, which paho may meet or may not."""
    at_0, at_1, wrong = b"\x30\x05\x00\x01txx", b"\x32\x07\x00\x01t\x00\x05xx", b"\x32\x05\x00\xffabc"
    frames, left, is_other = cut_frames(at_0 + at_1 + wrong + at_1, 0, is_five=False)
    assert frames is not None
    assert (frames.data, left, is_other) == (at_0 + at_1, wrong + at_1, True)
    assert frames.packet_ids().tolist() == [5]
    assert Frames.unpacked(frames.packed()).packet_ids().tolist() == [5]
