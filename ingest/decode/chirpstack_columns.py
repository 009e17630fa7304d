"""ChirpStack uplinks of known models that surely fit, many at once, straight into columns.

As in `soil_columns`: what is plain has the rows that `chirpstack` would make of it, which
tests/decode/test_chirpstack_columns.py holds both to; everything else is left to it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.decode.chirpstack import LIMIT_BYTES, TOPIC
from ingest.decode.column_values import are_possible, instants_us, is_within, numbers
from ingest.decode.envelope import LARGEST_COUNTER, LARGEST_PORT, LONGEST_TEXT, dev_eui_of
from ingest.decode.field_columns import Payloads, read_payloads
from ingest.decode.growing_shape import GrowingShape
from ingest.decode.json_columns import chosen, simple
from ingest.decode.soil_rows import NO_DEPTH, PlainSoil, Said, nothing_plain, soil_rows
from ingest.messages import Flags, Integers, Messages

_EVENT = pa.struct(
    [
        ("deduplicationId", pa.string()),
        ("time", pa.string()),
        (
            "deviceInfo",
            pa.struct(
                [
                    ("deviceProfileName", pa.string()),
                    ("devEui", pa.string()),
                    ("tags", pa.struct([("model", pa.string())])),
                ]
            ),
        ),
        ("devAddr", pa.string()),
        ("fCnt", pa.int64()),
        ("fPort", pa.int64()),
        ("data", pa.string()),
        ("rxInfo", pa.list_(pa.struct([("rssi", pa.float64()), ("snr", pa.float64())]))),
    ]
)
"""What `chirpstack` reads of an event, but for the decoded payload, whose fields are the model's."""

_RARE = ("devEUI", "objectJSON", "deviceProfileName", "simulated")
"""What version 3 wrote, and what marks an event that is none; `chirpstack` reads these."""
_SNR_OF_VERSION_3 = "loRaSNR"
_BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_PROFILE = r'"deviceProfileName"\s*:\s*"(?P<profile>[^"]*)"'
_MOST_SHAPES, _MOST_DEVICES = 64, 100_000
_RSSI_DBM, _SNR_DB = (-200, 50), (-50, 50)


class ChirpStackColumns:
    """Reads events; remembers what shape the events of each device profile had."""

    def __init__(self) -> None:
        """Begin without any."""
        self._shapes: dict[str, GrowingShape] = {}
        self._profiles: dict[str, str | None] = {}

    def read(self, messages: Messages, model_of: Mapping[str, str]) -> PlainSoil:
        """Return the rows of the messages that are plain, and which these are.

        model_of: as in `context.DecodeContext`
        """
        topics = messages.topics
        named = [_device(topic) for topic in topics.dictionary.to_pylist()]
        if not any(named):
            return nothing_plain(len(messages))
        devices = pa.array(named, pa.string()).take(topics.indices)
        registered = pa.array([model_of.get(device or "") for device in named], pa.string()).take(topics.indices)
        lengths = np.asarray(pc.binary_length(messages.payloads))
        asked = np.flatnonzero(np.asarray(devices.is_valid()) & (lengths <= LIMIT_BYTES))
        asked = asked[simple(chosen(messages.payloads, asked))]
        latest = messages.latest_at_us()
        parts: list[_Part] = []
        for place, events in self._events(messages.payloads, devices, asked):
            at = pa.array(place)
            parts.append(_part(place, events, devices.take(at), registered.take(at), latest[place]))
        return _joined(parts, len(messages))

    def _events(
        self, payloads: pa.BinaryArray, devices: pa.StringArray, asked: Integers
    ) -> Iterator[tuple[Integers, pa.StructArray]]:
        """Yield places and what was read there, each profile by itself: its payloads have one shape."""
        known = devices.dictionary_encode()
        profiles = pa.array([self._profiles.get(device) for device in known.dictionary.to_pylist()], pa.string())
        profiles = profiles.take(known.indices).take(pa.array(asked))
        is_news = np.asarray(profiles.is_null())
        if is_news.any():
            texts = chosen(payloads, asked).cast(pa.string())
            profiles = pc.coalesce(profiles, pc.extract_regex(texts, _PROFILE).field("profile"), "")
        if len(self._profiles) > _MOST_DEVICES:
            self._profiles.clear()
        by_profile = profiles.dictionary_encode()
        for number, profile in enumerate(by_profile.dictionary.to_pylist()):
            of_profile = np.flatnonzero(np.asarray(by_profile.indices) == number)
            places = asked[of_profile]
            if len(self._shapes) >= _MOST_SHAPES and profile not in self._shapes:
                self._shapes.clear()
            shape = self._shapes.setdefault(profile, GrowingShape(_EVENT))
            for some, events in shape.read(chosen(payloads, places), _may_fit):
                place = places[some]
                said = events.field("deviceInfo").field("deviceProfileName")
                is_other = np.asarray(pc.fill_null(pc.not_equal(said, profile), fill_value=True))
                self._learn(np.flatnonzero(is_news[of_profile[some]] | is_other), devices.take(pa.array(place)), said)
                yield place, events

    def _learn(self, some: Integers, devices: pa.StringArray, profiles: pa.StringArray) -> None:
        """Remember the profiles of those devices of which another one was known, or none."""
        at = pa.array(some)
        self._profiles |= dict(zip(devices.take(at).to_pylist(), profiles.take(at).to_pylist(), strict=True))


@functools.lru_cache(maxsize=32_768)
def _device(topic: str) -> str | None:
    """Return the device of an uplink's topic; None for every other."""
    found = TOPIC.fullmatch(topic)
    return dev_eui_of(found.group(1)) if found is not None and found.group(2) == "up" else None


def _may_fit(payload: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(payload), dict)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


@dataclass(frozen=True, slots=True)
class _Part:
    """What some events say; `place` is that of each message."""

    place: Integers
    is_odd: Flags
    said: Said


def _part(
    place: Integers, events: pa.StructArray, device_id: pa.StringArray, registered: pa.StringArray, latest: Integers
) -> _Part:
    device = events.field("deviceInfo")
    profile, tag = device.field("deviceProfileName"), device.field("tags").field("model")
    heard_at_us = instants_us(events.field("time"))
    once = events.field("deduplicationId")
    is_plain = are_possible(heard_at_us, latest)
    is_plain &= _true(pc.equal(pc.utf8_lower(device.field("devEui")), device_id))
    is_plain &= _true(pc.and_(pc.greater(pc.utf8_length(once), 0), pc.less_equal(pc.utf8_length(once), LONGEST_TEXT)))
    for text in (profile, events.field("devAddr")):
        is_plain &= is_within(pc.utf8_length(text), (0, LONGEST_TEXT))
    is_plain &= is_within(events.field("fCnt"), (0, LARGEST_COUNTER)) & is_within(
        events.field("fPort"), (0, LARGEST_PORT)
    )
    is_plain &= ~_has_gateways_of_version_3(events.field("rxInfo"))
    data = events.field("data")
    is_plain &= np.asarray(data.is_null()) | _true(pc.match_substring_regex(data, _BASE64))
    for name in _RARE:
        if events.type.get_field_index(name) >= 0:
            is_plain &= np.asarray(events.field(name).is_null())
    payloads = _payloads(events, registered, profile, tag)
    rssi_dbm, snr_db = _best_gateway(events.field("rxInfo"))
    order = np.argsort(_end_to_end(payloads.message), kind="stable")
    keys = pc.binary_join_element_wise("chirpstack", device_id, pc.fill_null(once, ""), "/")
    said = Said(
        device_id=device_id,
        measured_at_us=heard_at_us,
        once={
            **{name: pa.array(column, mask=np.isnan(column)) for name, column in payloads.status.items()},
            "rssi_dbm": rssi_dbm,
            "snr_db": snr_db,
            "device_seq": pc.fill_null(events.field("fCnt"), 0),
        },
        message=_end_to_end(payloads.message)[order],
        code=_end_to_end(payloads.code)[order],
        value=np.concatenate([np.zeros(0), *payloads.value])[order],
        depth_cm=np.full(len(order), NO_DEPTH),
        channel=_end_to_end(payloads.channel)[order],
        time_source="network",
        beside={"model": payloads.models(), "uplink_key": keys},
        always_status=True,
    )
    return _Part(place, ~is_plain | payloads.is_odd, said)


def _payloads(
    events: pa.StructArray, registered: pa.StringArray, profile: pa.StringArray, tag: pa.StringArray
) -> Payloads:
    at = events.type.get_field_index("object")
    objects = events.field(at) if at >= 0 else None
    if objects is None or not pa.types.is_struct(objects.type):
        objects = pa.array([{}] * len(events), pa.struct([]))
    models, profiles, tags = (column.dictionary_encode() for column in (registered, profile, tag))
    codes = np.zeros(len(events), np.int64)
    for column in (models, profiles, tags):
        codes = codes * (len(column.dictionary) + 1) + numbers(column.indices, len(column.dictionary))
    _, first, kind = np.unique(codes, return_index=True, return_inverse=True)
    named = [
        (registered[at].as_py(), tuple(name for name in (profile[at].as_py(), tag[at].as_py()) if name is not None))
        for at in first.tolist()
    ]
    return read_payloads(objects, kind.reshape(-1), named)


def _has_gateways_of_version_3(gateways: pa.ListArray) -> Flags:
    found = np.zeros(len(gateways), np.bool_)
    each = gateways.flatten()
    if each.type.get_field_index(_SNR_OF_VERSION_3) >= 0:
        message = np.repeat(np.arange(len(gateways)), np.diff(np.asarray(gateways.offsets)))
        found[message[np.asarray(each.field(_SNR_OF_VERSION_3).is_valid())]] = True
    return found


def _best_gateway(gateways: pa.ListArray) -> tuple[pa.DoubleArray, pa.DoubleArray]:
    """Return rssi and snr of the gateway that heard each device loudest, as `Envelope.best_gateway` does."""
    count = len(gateways)
    message = np.repeat(np.arange(count), np.diff(np.asarray(gateways.offsets)))
    each = gateways.flatten()
    rssi, snr = numbers(each.field("rssi"), np.nan), numbers(each.field("snr"), np.nan)
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


def _true(column: pa.BooleanArray) -> Flags:
    """Say what is true and there."""
    return np.asarray(pc.fill_null(column, fill_value=False))
