"""Uplinks of known models that surely fit, many at once, straight into columns, whichever network server sent them.

As in `soil_columns`: what is plain has the rows that `uplink` would make of it, which
tests/decode/test_chirpstack_columns.py and test_things_stack_columns.py hold both to; everything else is left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.decode.column_values import are_possible, is_within, numbers
from ingest.decode.envelope import LARGEST_COUNTER, LARGEST_PORT
from ingest.decode.field_columns import Payloads, read_payloads
from ingest.decode.growing_shape import GrowingShape
from ingest.decode.json_columns import chosen, simple
from ingest.decode.soil_rows import NO_DEPTH, PlainSoil, Said, nothing_plain, soil_rows
from ingest.messages import Flags, Integers, Messages

_FEWEST = 16
"""Messages of one kind that are worth columns: of so few, columns cost as much as to read them one by one."""
_MOST_KINDS = 64
"""Kinds that are read by columns in one batch, the most frequent: each one costs some milliseconds by itself."""
_MOST_LESSONS, _MOST_LESSONS_OF_KIND = 64, 4
"""How often one batch is learned from, at some milliseconds each: what is learned of a few messages fits the others, or
who sends them brings ever new keys. More is learned of the next batch."""
_MOST_SHAPES, _MOST_TOPICS = 128, 100_000
_RSSI_DBM, _SNR_DB = (-200, 50), (-50, 50)


@dataclass(frozen=True, slots=True)
class Around:
    """What envelopes say around their payloads, one entry a message; as in `uplink_message.Uplink`.

    is_plain: whether all that is said may be kept as it is
    names: what the network server calls the model, best first
    payloads: the decoded payloads; None where not one of the messages has one
    gateways: lists of `rssi` and `snr`
    status: further columns of device_status
    """

    is_plain: Flags
    device_id: pa.StringArray
    heard_at_us: Integers
    key: pa.StringArray
    names: Sequence[pa.StringArray]
    payloads: pa.Array | None
    seq: pa.Int64Array
    port: pa.Int64Array
    gateways: pa.ListArray
    status: Mapping[str, pa.Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of network server.

    device_on: the device that the topic of an uplink names; None for every other topic
    limit_bytes: longest payload
    shape: what is read of an envelope, but for the decoded payload, whose fields are the model's
    kind, kind_in: what tells models apart, whose payloads have different shapes: as an expression with a group `kind`
        that finds it in a payload, and in what was read
    around: what envelopes say, given the device that each one's topic names
    """

    device_on: Callable[[str], str | None]
    limit_bytes: int
    shape: pa.StructType
    kind: str
    kind_in: Callable[[pa.StructArray], pa.StringArray]
    around: Callable[[pa.StructArray, pa.StringArray], Around]


class UplinkColumns:
    """Reads uplinks of one kind of network server; remembers what shape those of each kind of device had."""

    def __init__(self, server: Server, fewest: int = _FEWEST) -> None:
        """Begin without any.

        fewest: messages of one kind in a batch; where there are fewer, all of them are left to the careful way
        """
        self._server = server
        self._fewest = fewest
        self._shapes: dict[str, GrowingShape] = {}
        self._kinds: dict[str, str] = {}

    def read(self, messages: Messages, model_of: Mapping[str, str]) -> PlainSoil:
        """Return the rows of the messages that are plain, and which these are.

        model_of: as in `context.DecodeContext`
        """
        topics = messages.topics
        named = [self._server.device_on(topic) for topic in topics.dictionary.to_pylist()]
        if not any(named):
            return nothing_plain(len(messages))
        devices = pa.array(named, pa.string()).take(topics.indices)
        lengths = np.asarray(pc.binary_length(messages.payloads))
        asked = np.flatnonzero(np.asarray(devices.is_valid()) & (lengths <= self._server.limit_bytes))
        asked = asked[simple(chosen(messages.payloads, asked))]
        latest = messages.latest_at_us()
        parts: list[_Part] = []
        for place, envelopes in self._envelopes(messages, asked):
            around = self._server.around(envelopes, devices.take(pa.array(place)))
            parts.append(_part(place, around, model_of, latest[place]))
        return _joined(parts, len(messages))

    def _envelopes(self, messages: Messages, asked: Integers) -> Iterator[tuple[Integers, pa.StructArray]]:
        """Yield places and what was read there, each kind of device by itself: its payloads have one shape.

        Who sends a kind of its own with each message must not cost more than the careful way does: only kinds with
        many messages are read, and only so many kinds.
        """
        topics = messages.topics
        known = pa.array([self._kinds.get(topic) for topic in topics.dictionary.to_pylist()], pa.string())
        kinds = known.take(topics.indices).take(pa.array(asked))
        is_news = np.asarray(kinds.is_null())
        if is_news.any():
            texts = chosen(messages.payloads, asked).cast(pa.string())
            kinds = pc.coalesce(kinds, pc.extract_regex(texts, self._server.kind).field("kind"), "")
        if len(self._kinds) > _MOST_TOPICS:
            self._kinds.clear()
        by_kind = kinds.dictionary_encode()
        numbered = np.asarray(by_kind.indices)
        counts = np.bincount(numbered, minlength=len(by_kind.dictionary))
        grouped, ends = np.argsort(numbered, kind="stable"), np.cumsum(counts)
        frequent = np.argsort(-counts, kind="stable")[:_MOST_KINDS]
        lessons = _MOST_LESSONS
        for number in frequent[counts[frequent] >= self._fewest].tolist():
            kind = by_kind.dictionary[number].as_py()
            of_kind = grouped[ends[number] - counts[number] : ends[number]]
            places = asked[of_kind]
            shape, texts = self._shape(kind), chosen(messages.payloads, places)
            for some, envelopes in shape.read(texts, _may_fit, min(lessons, _MOST_LESSONS_OF_KIND)):
                said = pc.fill_null(self._server.kind_in(envelopes), "")
                is_other = np.asarray(pc.not_equal(said, kind))
                news = np.flatnonzero(is_news[of_kind[some]] | is_other)
                where = topics.indices.take(pa.array(places[some][news]))
                self._kinds |= dict(
                    zip(topics.dictionary.take(where).to_pylist(), said.take(pa.array(news)).to_pylist(), strict=True)
                )
                yield places[some], envelopes
            lessons -= shape.lessons

    def _shape(self, kind: str) -> GrowingShape:
        """Return the shape of this kind; of too many, that is forgotten which was asked for longest ago."""
        shape = self._shapes.pop(kind, None) or GrowingShape(self._server.shape)
        self._shapes[kind] = shape
        if len(self._shapes) > _MOST_SHAPES:
            del self._shapes[next(iter(self._shapes))]
        return shape


def _may_fit(payload: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(payload), dict)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


@dataclass(frozen=True, slots=True)
class _Part:
    """What some uplinks say; `place` is that of each message."""

    place: Integers
    is_odd: Flags
    said: Said


def _part(place: Integers, around: Around, model_of: Mapping[str, str], latest: Integers) -> _Part:
    is_plain = around.is_plain & are_possible(around.heard_at_us, latest)
    is_plain &= is_within(around.seq, (0, LARGEST_COUNTER)) & is_within(around.port, (0, LARGEST_PORT))
    payloads = _payloads(around, model_of)
    rssi_dbm, snr_db = _best_gateway(around.gateways)
    order = np.argsort(_end_to_end(payloads.message), kind="stable")
    said = Said(
        device_id=around.device_id,
        measured_at_us=around.heard_at_us,
        once={
            **{name: pa.array(column, mask=np.isnan(column)) for name, column in payloads.status.items()},
            "rssi_dbm": rssi_dbm,
            "snr_db": snr_db,
            "device_seq": pc.fill_null(around.seq, 0),
            **around.status,
        },
        message=_end_to_end(payloads.message)[order],
        code=_end_to_end(payloads.code)[order],
        value=np.concatenate([np.zeros(0), *payloads.value])[order],
        depth_cm=np.full(len(order), NO_DEPTH),
        channel=_end_to_end(payloads.channel)[order],
        time_source="network",
        beside={"model": payloads.models(), "uplink_key": around.key},
        always_status=True,
    )
    return _Part(place, ~is_plain | payloads.is_odd, said)


def _payloads(around: Around, model_of: Mapping[str, str]) -> Payloads:
    count = len(around.device_id)
    payloads = around.payloads
    if payloads is None or not pa.types.is_struct(payloads.type):
        payloads = pa.array([{}] * count, pa.struct([]))
    devices = around.device_id.dictionary_encode()
    registered = pa.array([model_of.get(device) for device in devices.dictionary.to_pylist()], pa.string())
    called = [column.dictionary_encode() for column in (registered.take(devices.indices), *around.names)]
    codes = np.zeros(count, np.int64)
    for column in called:
        codes = codes * (len(column.dictionary) + 1) + numbers(column.indices, len(column.dictionary))
    _, first, kind = np.unique(codes, return_index=True, return_inverse=True)
    named = []
    for at in first.tolist():
        model, *names = (column[at].as_py() for column in called)
        named.append((model, tuple(name for name in names if name is not None)))
    return read_payloads(payloads, kind.reshape(-1), named)


def _best_gateway(gateways: pa.ListArray) -> tuple[pa.DoubleArray, pa.DoubleArray]:
    """Return rssi and snr of the gateway that heard each device loudest, as `Envelope.best_gateway` does."""
    count = len(gateways)
    message = np.repeat(np.arange(count), np.diff(np.asarray(gateways.offsets)))
    each = gateways.flatten()
    # A zero has no sign here: JSON's -0 is one as a whole number, and minus zero as any other.
    rssi, snr = numbers(each.field("rssi"), np.nan) + 0.0, numbers(each.field("snr"), np.nan) + 0.0
    heard = np.flatnonzero((_RSSI_DBM[0] <= rssi) & (rssi <= _RSSI_DBM[1]))
    # The loudest first of each message, of equally loud ones the first that is named.
    heard = heard[np.lexsort((heard, -rssi[heard], message[heard]))]
    found, first = np.unique(message[heard], return_index=True)
    best = heard[first]
    loud, clear = np.full(count, np.nan), np.full(count, np.nan)
    loud[found] = rssi[best]
    clear[found] = np.where((_SNR_DB[0] <= snr[best]) & (snr[best] <= _SNR_DB[1]), snr[best], np.nan)
    return pa.array(loud, mask=np.isnan(loud)), pa.array(clear, mask=np.isnan(clear))


def _joined(parts: list[_Part], looked_at: int) -> PlainSoil:
    """Return the rows of all parts."""
    if not parts:
        return nothing_plain(looked_at)
    before = np.cumsum([0, *(len(part.place) for part in parts[:-1])])
    said = [part.said for part in parts]
    everything = Said(
        device_id=pa.concat_arrays([one.device_id for one in said]),
        measured_at_us=np.concatenate([one.measured_at_us for one in said]),
        once={name: pa.concat_arrays([one.once[name] for one in said]) for name in said[0].once},
        message=np.concatenate([one.message + start for one, start in zip(said, before, strict=True)]),
        code=np.concatenate([one.code for one in said]),
        value=np.concatenate([one.value for one in said]),
        depth_cm=np.concatenate([one.depth_cm for one in said]),
        channel=np.concatenate([one.channel for one in said]),
        time_source=said[0].time_source,
        beside={name: pa.concat_arrays([one.beside[name] for one in said]) for name in said[0].beside},
        always_status=said[0].always_status,
    )
    is_odd = np.concatenate([part.is_odd for part in parts])
    return soil_rows(everything, is_odd, np.concatenate([part.place for part in parts]), looked_at)


def _end_to_end(parts: list[Integers]) -> Integers:
    return np.concatenate([np.zeros(0, np.int64), *parts])
