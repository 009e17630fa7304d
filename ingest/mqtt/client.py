"""paho's client where it takes less than MQTT allows: properties that it dislikes, and packets too large to keep.

paho 2.2 ends the connection over a property that it cannot read, for example one with U+FEFF in it, which MQTT allows
and brokers forward. The message would come again at once, and again, and nobody's messages would come any more.
Greensward reads no property of a message, so a PUBLISH goes to paho without any, and another packet without those that
paho refuses.

Three private methods of paho are overridden. Its minor version is pinned, and tests/mqtt/test_client.py is red when a
new one no longer calls them.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Mapping
from typing import Self, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.frames import MAXIMUM_PACKET_BYTES, end_of_properties
from ingest.messages import Integers
from ingest.observation import Whole

KEPT_BYTES = 256 * 1024 + 1
"""Kept of a message that is cut: one byte more than any decoder reads, so that it is too large to every one of them,
now and at a replay, and its beginning cannot pass for a message."""

_READ_BYTES = 65_536
_PROPERTIES_AT: Mapping[int, int] = {
    PacketTypes.CONNACK: 2,
    PacketTypes.PUBACK: 3,
    PacketTypes.PUBREC: 3,
    PacketTypes.PUBREL: 3,
    PacketTypes.PUBCOMP: 3,
    PacketTypes.SUBACK: 2,
    PacketTypes.UNSUBACK: 2,
    PacketTypes.DISCONNECT: 1,
}
"""Where the properties begin in a packet of MQTT 5, after the fixed header."""

_NO_PROPERTIES = b"\0"
_UNREADABLE = (MQTTException, struct.error, IndexError, KeyError, ValueError)


class Client(mqtt.Client):
    """A paho client that no property and no size of a message can stop.

    whole: in `on_message`, what the message was if only its beginning is in `payload`; else None. At QoS 2, which we do
        not subscribe with, it is not known.
    """

    whole: Whole | None = None

    def acknowledge(self, packet_ids: Integers) -> None:
        """Queue a PUBACK for each."""
        for packet_id in packet_ids.tolist():
            self.ack(packet_id, 1)

    def _sock_recv(self, bufsize: int) -> bytes:
        """Read a little at a time; a packet that is too large to keep is gathered without its end."""
        packet = self._in_packet
        is_long = packet["to_process"] > MAXIMUM_PACKET_BYTES and _kind(packet) == PacketTypes.PUBLISH
        if is_long and not packet["packet"]:
            packet["packet"] = cast("bytearray", _LongPublish(packet["command"], is_five=self._is_five))
        return self._receive(min(bufsize, _READ_BYTES))

    def _receive(self, size: int) -> bytes:
        """Return at most `size` bytes of the connection."""
        return super()._sock_recv(size)

    def _packet_handle(self) -> MQTTErrorCode:
        """Leave out properties that paho cannot read."""
        kind, packet = _kind(self._in_packet), self._in_packet["packet"]
        at = _PROPERTIES_AT.get(kind)
        if self._is_five and at is not None and len(packet) > at:
            try:
                Properties(kind).unpack(packet[at:])  # type: ignore[no-untyped-call]
            except _UNREADABLE:
                with contextlib.suppress(IndexError):  # paho says what is wrong with it
                    _leave_out_properties(packet, at)
        return super()._packet_handle()

    def _handle_publish(self) -> MQTTErrorCode:
        """Hand the message to `on_message`, without properties, and cut when it is too large."""
        packet = self._in_packet["packet"]
        if isinstance(packet, _LongPublish):
            self.whole = packet.whole()
            self._in_packet["packet"] = packet = packet.beginning
        if self._is_five:
            with contextlib.suppress(IndexError):  # paho says what is wrong with it
                _leave_out_properties(packet, _after_packet_id(self._in_packet["command"], packet))
        try:
            return super()._handle_publish()
        finally:
            self.whole = None

    @property
    def _is_five(self) -> bool:
        return self._protocol == MQTTProtocolVersion.MQTTv5


class _LongPublish:
    """Stands where paho gathers the bytes of a packet: keeps the beginning, counts and digests the whole payload."""

    def __init__(self, command: int, *, is_five: bool) -> None:
        self.beginning = bytearray()
        self._command, self._is_five = command, is_five
        self._payload_at: int | None = None
        self._size = 0
        self._digest = hashlib.sha256()

    def __iadd__(self, data: bytes) -> Self:
        if self._payload_at is None:
            self.beginning += data
            with contextlib.suppress(IndexError):  # not enough of it yet
                self._payload_at = self._find_payload()
                self._take(bytes(self.beginning[self._payload_at :]))
        else:
            self.beginning += data
            self._take(data)
        if self._payload_at is not None:
            del self.beginning[self._payload_at + KEPT_BYTES :]
        return self

    def __len__(self) -> int:
        return len(self.beginning)

    def whole(self) -> Whole | None:
        """Return what the payload was, or None where all of it is kept and something else made the packet long."""
        return Whole(self._size, self._digest.hexdigest()) if self._size > KEPT_BYTES else None

    def _take(self, data: bytes) -> None:
        self._size += len(data)
        self._digest.update(data)

    def _find_payload(self) -> int:
        at = _after_packet_id(self._command, self.beginning)
        return end_of_properties(self.beginning, at, len(self.beginning)) if self._is_five else at


def _kind(packet: Mapping[str, object]) -> int:
    return cast("int", packet["command"]) >> 4


def _after_packet_id(command: int, packet: bytearray) -> int:
    """Return where topic and packet id of a PUBLISH end. Raises: IndexError when the packet ends before."""
    at = 2 + (packet[0] << 8 | packet[1]) + (2 if command & 0x06 else 0)
    if at > len(packet):
        raise IndexError(at)
    return at


def _leave_out_properties(packet: bytearray, at: int) -> None:
    """Put none in the place of those at `at`. Raises: IndexError when the packet ends before they do."""
    packet[at : end_of_properties(packet, at, len(packet))] = _NO_PROPERTIES
