"""Runs of MQTT PUBLISH packets as bytes: told apart all at once, without an object for each.

A packet is taken here only when it is at QoS 0 or 1, whole, of a usual size and well-formed (section 3.3 of MQTT 3.1.1
and of MQTT 5). What is anything else is left where it is, for paho. Properties of MQTT 5 are passed over: nothing here
needs them. A topic alias cannot occur, since we never allow the broker any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec
import numpy as np
import pyarrow as pa

from ingest.messages import Integers, Messages

MAXIMUM_PACKET_BYTES = 1_048_576
"""Told to MQTT 5 brokers: they drop what is larger. MQTT 3.1.1 has no such limit: what is larger comes, and is cut."""

READ_BYTES = 262_144
"""Read at once. The shortest packet has 5 bytes: one read brings fewer packets than a group of the inbox holds."""

_MARK = b"\xc1"
"""Begins a packed run; MessagePack never uses this byte, so it tells a run from a list of messages."""
_COMPRESSED = b"\xc1\xc1"
"""Begins one whose bytes are compressed, as all are now: docs/decisions/0022-the-inbox-is-compressed.md"""
_PUBLISH, _PUBLISH_MASK = 0x30, 0xF4
"""First byte of a PUBLISH at QoS 0 or 1, without DUP, RETAIN and the lower bit of QoS."""
_RETAIN, _HAS_ID, _DUP = 0x01, 0x02, 0x08
_MORE = 0x80
_LENGTH_DIGITS = 3
"""Of the largest packet that is taken here."""
_LENGTH_BYTES = 4


_codec = pa.Codec("lz4_raw")
_MOST_TIMES = 255
"""What LZ4 makes of a byte at most, as its block format has it: a larger claim is never worth the memory."""


class _Compressed(msgspec.Struct, array_like=True, frozen=True):
    """A run in the inbox.

    data_bytes, data: how many bytes the packets have, and these, compressed
    count, lengths: how many packets there are; the length of each one's fixed header, then that of each packet, as
        little-endian 32-bit integers, compressed
    received: pairs of count and instant
    """

    is_five: bool
    data_bytes: int
    data: bytes
    count: int
    lengths: bytes
    received: list[tuple[int, int]]


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    """A run as earlier versions left it in the inbox; offsets as little-endian 32-bit integers."""

    is_five: bool
    data: bytes
    body_at: bytes
    end: bytes
    received: list[tuple[int, int]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Compressed)
_decoder_of_earlier = msgspec.msgpack.Decoder(_Packed)


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """One or more PUBLISH packets, end to end.

    data: their bytes
    body_at, end: where the topic's length stands in each, and where each ends
    received: how many came at one instant, and that instant in microseconds since 1970, UTC; in order
    ids: what `packet_ids` returns, where that was found already
    """

    is_five: bool
    data: bytes
    body_at: Integers
    end: Integers
    received: Sequence[tuple[int, int]]
    ids: Integers | None = None

    @classmethod
    def joined(cls, runs: Sequence[Frames]) -> Frames:
        """Return the packets of all `runs` (of one version of MQTT) in their order."""
        if len(runs) == 1:
            return runs[0]
        before = np.cumsum([0, *(len(run.data) for run in runs[:-1])])
        return cls(
            runs[0].is_five,
            b"".join(run.data for run in runs),
            np.concatenate([run.body_at + start for run, start in zip(runs, before, strict=True)]),
            np.concatenate([run.end + start for run, start in zip(runs, before, strict=True)]),
            [pair for run in runs for pair in run.received],
        )

    @classmethod
    def unpacked(cls, packed: bytes) -> Self:
        """Return what `packed` made bytes of.

        Raises: ValueError, OSError, MemoryError, msgspec.MsgspecError, pa.ArrowException when these are other bytes.
        """
        if packed[: len(_COMPRESSED)] != _COMPRESSED:
            earlier = _decoder_of_earlier.decode(packed[len(_MARK) :])
            body_at, end = (
                np.frombuffer(offsets, "<u4").astype(np.int64) for offsets in (earlier.body_at, earlier.end)
            )
            _check(earlier.data, body_at, end, earlier.received)
            return cls(earlier.is_five, earlier.data, body_at, end, earlier.received)
        found = _decoder.decode(memoryview(packed)[len(_COMPRESSED) :])
        if found.data_bytes > _MOST_TIMES * len(found.data) or found.count > _MOST_TIMES * len(found.lengths):
            raise ValueError(f"{len(found.data)} bytes cannot be {found.data_bytes} compressed")
        data = _codec.decompress(found.data, found.data_bytes, asbytes=True)
        lengths = _codec.decompress(found.lengths, 2 * _LENGTH_BYTES * found.count, asbytes=True)
        headers, packets = np.frombuffer(lengths, "<u4").astype(np.int64).reshape(2, found.count)
        end = np.cumsum(packets)
        body_at = end - packets + headers
        _check(data, body_at, end, found.received)
        return cls(found.is_five, data, body_at, end, found.received)

    def packed(self) -> bytes:
        """Return it as bytes that `is_packed` knows; messages of one kind take a tenth of the room."""
        packets = np.diff(self.end, prepend=0)
        lengths = np.stack([self.body_at - (self.end - packets), packets]).astype("<u4").tobytes()
        data, lengths = _codec.compress(self.data, asbytes=True), _codec.compress(lengths, asbytes=True)
        return _COMPRESSED + _encoder.encode(
            _Compressed(self.is_five, len(self.data), data, len(self.end), lengths, list(self.received))
        )

    @property
    def size_bytes(self) -> int:
        """How many bytes it takes in memory, and will again when it is unpacked."""
        return len(self.data) + 2 * _LENGTH_BYTES * len(self.end)

    def packet_ids(self) -> Integers:
        """Return the ids of those at QoS 1, in their order: what is to be acknowledged."""
        if self.ids is not None:
            return self.ids
        return _Fields(self.data, self.body_at, self.end, is_five=self.is_five).ids()

    def messages(self, first_seq: int) -> Messages:
        """Return the messages, numbered from `first_seq`; topics with U+FFFD for bytes that are no UTF-8."""
        fields = _Fields(self.data, self.body_at, self.end, is_five=self.is_five)
        names = _parts(self.data, self.body_at + 2, fields.topic_end).dictionary_encode()
        count = len(self.end)
        return Messages(
            message_seq=first_seq + np.arange(count, dtype=np.int64),
            received_at_us=np.repeat([at_us for _, at_us in self.received], [times for times, _ in self.received]),
            topics=pa.DictionaryArray.from_arrays(names.indices, _as_texts(names.dictionary)),
            payloads=_parts(self.data, fields.payload_at, self.end),
            redelivered=(fields.first_byte & _DUP) > 0,
            retained=(fields.first_byte & _RETAIN) > 0,
        )

    def __len__(self) -> int:
        """Return how many packets there are."""
        return len(self.end)


def _as_texts(names: pa.BinaryArray) -> pa.StringArray:
    try:
        return names.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([name.decode("utf-8", errors="replace") for name in names.to_pylist()], pa.string())


def _check(data: bytes, body_at: Integers, end: Integers, received: Sequence[tuple[int, int]]) -> None:
    """Raises: ValueError when lengths and counts do not belong to the bytes."""
    if not len(end) or len(end) != len(body_at) or end[-1] != len(data):
        raise ValueError(f"the packets do not end where their {len(data)} bytes do")
    if sum(times for times, _ in received) != len(end):
        raise ValueError(f"not as many packets as came: {len(end)}")


def is_packed(data: bytes) -> bool:
    """Say whether these bytes are a packed run."""
    return data[:1] == _MARK


def cut_frames(data: bytes, at_us: int, *, is_five: bool) -> tuple[Frames | None, bytes, bool]:
    """Take PUBLISH packets off the front of `data`, which came at `at_us`.

    Returns them (None when there is none), the bytes that remain, and whether these begin with something that is never
    taken here; if not, they are the beginning of a packet whose end has not come.
    """
    found, is_other = _ends(data)
    if not found:
        return None, data, is_other
    ends = np.array(found, np.int64)
    bodies = _bodies(data, ends)
    fields = _Fields(data, bodies, ends, is_five=is_five)
    ids = fields.ids()
    wrong = np.flatnonzero(~fields.is_whole)
    if len(wrong):
        before = int(wrong[0])
        bodies, ends, is_other = bodies[:before], ends[:before], True
        ids = ids[: np.count_nonzero(fields.has_id[:before])]
        if not len(ends):
            return None, data, True
    length = int(ends[-1])
    return Frames(is_five, data[:length], bodies, ends, [(len(ends), at_us)], ids), data[length:], is_other


def _ends(data: bytes) -> tuple[list[int], bool]:
    """Return where the leading PUBLISH packets end, and whether another kind stops them."""
    ends: list[int] = []
    at, size = 0, len(data)
    try:
        while data[at] & _PUBLISH_MASK == _PUBLISH:
            length = data[at + 1]
            body = at + 2
            if length & _MORE:
                digit = data[body]
                body += 1
                length += (digit - 1) << 7
                if digit & _MORE:
                    digit = data[body]
                    body += 1
                    length += (digit - 1) << 14
                    if digit & _MORE or length > MAXIMUM_PACKET_BYTES:
                        return ends, True
            at = body + length
            if at > size:
                return ends, False
            ends.append(at)
    except IndexError:  # the rest has not come yet
        return ends, False
    return ends, True


def _bodies(data: bytes, ends: Integers) -> Integers:
    """Return where the fixed header of each packet ends."""
    octets = np.frombuffer(data, np.uint8)
    bodies = np.concatenate([np.zeros(1, np.int64), ends[:-1]]) + 2
    for _ in range(_LENGTH_DIGITS - 1):
        bodies += octets[bodies - 1] >= _MORE
    return bodies


class _Fields:
    """Where everything stands in each packet.

    first_byte, has_id, packet_id, topic_end, payload_at: one a packet; packet_id is 0 where there is none
    is_whole: whether topic, id and properties lie within the packet
    """

    def __init__(self, data: bytes, body_at: Integers, end: Integers, *, is_five: bool) -> None:
        octets = np.frombuffer(data, np.uint8)

        def number(at: Integers) -> Integers:
            return octets.take(at, mode="clip").astype(np.int64) << 8 | octets.take(at + 1, mode="clip")

        starts = np.concatenate([np.zeros(1, np.int64), end[:-1]])
        self.first_byte = octets[starts]
        self.has_id: np.ndarray[Any, np.dtype[np.bool_]] = (self.first_byte & _HAS_ID) > 0
        self.topic_end = body_at + 2 + number(body_at)
        self.packet_id = np.where(self.has_id, number(self.topic_end), 0)
        self.payload_at = self.topic_end + 2 * self.has_id
        self.is_whole = (body_at + 2 <= end) & (self.payload_at <= end) & (self.has_id == (self.packet_id > 0))
        if not is_five:
            self.is_whole &= self.topic_end > body_at + 2  # without a topic, which only an alias of MQTT 5 may replace
        else:
            self._pass_over_properties(data, octets, end)

    def ids(self) -> Integers:
        """Return the ids of the packets at QoS 1, in their order."""
        found: Integers = self.packet_id[self.has_id]
        return found

    def _pass_over_properties(self, data: bytes, octets: np.ndarray[Any, np.dtype[np.uint8]], end: Integers) -> None:
        length = octets.take(self.payload_at, mode="clip").astype(np.int64)
        is_long = self.is_whole & (length >= _MORE)
        self.payload_at = self.payload_at + np.where(is_long, 0, length + 1)
        for place in np.flatnonzero(is_long).tolist():
            try:
                self.payload_at[place] = end_of_properties(data, int(self.payload_at[place]), int(end[place]))
            except IndexError:
                self.is_whole[place] = False
        self.is_whole &= self.payload_at <= end


def end_of_properties(packet: bytes | bytearray, at: int, size: int) -> int:
    """Return where the properties that begin at `at` end. Raises: IndexError when they end after `size`."""
    length = 0
    for place in range(4):
        byte = packet[at + place]
        length |= (byte & 0x7F) << 7 * place
        if not byte & _MORE:
            end = at + place + 1 + length
            if end > size:
                raise IndexError(end)
            return end
    raise IndexError(at)


def _parts(data: bytes, begin: Integers, end: Integers) -> pa.BinaryArray:
    """Return the parts of `data` from `begin` to `end`, which lie behind each other.

    All of `data` is a column of parts and of what is between them, of which every second entry is taken.
    """
    offsets = np.zeros(2 * len(begin) + 1, np.int32)
    offsets[1::2], offsets[2::2] = begin, end
    both = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    return both.take(pa.array(np.arange(1, len(offsets) - 1, 2)))
