"""Native soil messages that surely fit the contract, many at once, straight into columns.

A message is *plain* when everything in it can be kept and nobody need be answered: then its rows are those that
`native_soil` would make of it, which tests/decode/test_soil_columns.py holds both to. Whatever is odd in any way, or
merely rare (weather, escapes, values sent twice), is not plain and is left to `native_soil`, which alone says what is
wrong with a message. So this module refuses nothing and knows no fault.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.decode.column_values import are_possible, instants_us, is_within, numbers
from ingest.decode.json_columns import chosen, read_json_columns, simple
from ingest.decode.native_soil import LIMIT_BYTES
from ingest.decode.soil_message import LARGEST_SEQ, MOST_READINGS, SCHEMA, read_without_fault
from ingest.decode.soil_rows import NO_CHANNEL, NO_DEPTH, SOIL, PlainSoil, Said, soil_rows
from ingest.decode.topics import ROOT, device_of, names_another
from ingest.errors import PayloadError
from ingest.messages import Flags, Integers, Messages
from ingest.site import Site

Floats = np.ndarray[Any, np.dtype[np.float64]]

_QUANTITIES = {quantity: number for number, quantity in enumerate(dict.fromkeys(name for (name, _), _ in SOIL))}
_UNITS = {unit: number for number, unit in enumerate(dict.fromkeys(unit for (_, unit), _ in SOIL))}
_UNKNOWN = -1
_CODES = np.full((len(_QUANTITIES) + 1, len(_UNITS) + 1), _UNKNOWN)
"""The place in `SOIL` of each soil quantity in each unit; the last row and column are those that nobody knows."""
for _place, ((_quantity, _unit), _) in enumerate(SOIL):
    _CODES[_QUANTITIES[_quantity], _UNITS[_unit]] = _place
_LOWEST = np.array([conversion.quantity.lowest for _, conversion in SOIL])
_HIGHEST = np.array([conversion.quantity.highest for _, conversion in SOIL])
_CONVERTED = tuple(
    (code, conversion)
    for code, (_, conversion) in enumerate(SOIL)
    if conversion.add or not conversion.multiply == conversion.divide == 1
)

_READINGS = pa.list_(
    pa.struct(
        [
            ("quantity", pa.string()),
            ("value", pa.float64()),
            ("unit", pa.string()),
            ("depth_cm", pa.float64()),
            ("channel", pa.int64()),
        ]
    )
)
_MESSAGE = pa.struct(
    [
        ("schema", pa.string()),
        ("device_id", pa.string()),
        ("seq", pa.int64()),
        ("measured_at", pa.string()),
        ("readings", _READINGS),
        ("samples", pa.list_(pa.struct([("measured_at", pa.string()), ("readings", _READINGS)]))),
        ("battery_v", pa.float64()),
        ("battery_pct", pa.float64()),
        ("rssi_dbm", pa.float64()),
        ("ack", pa.int64()),
    ]
)
"""`soil_message.SoilMessage` as Arrow reads it, without bounds."""
_BOUNDS = {
    "seq": (0, LARGEST_SEQ),
    "battery_v": (0, 100),
    "battery_pct": (0, 100),
    "rssi_dbm": (-200, 50),
    "ack": (0, 0),
}
"""Of what a message may say once; one that wants an answer (ack 1) is not plain."""
_DEPTHS_CM, _CHANNELS = (0, 1000), (1, 64)


def read_plain_soil(messages: Messages, site: Site) -> PlainSoil:
    """Return the rows of the messages that are plain, and which these are."""
    devices = _devices(messages, site)
    lengths = np.asarray(pc.binary_length(messages.payloads))
    asked = np.flatnonzero(np.asarray(devices.is_valid()) & (lengths <= LIMIT_BYTES))
    asked = asked[simple(chosen(messages.payloads, asked))]
    fitting = read_json_columns(chosen(messages.payloads, asked), _MESSAGE, _may_fit)
    place, values = asked[fitting.place], fitting.values
    device_id = devices.take(pa.array(place))

    measured_at_us = instants_us(values.field("measured_at"))
    readings = values.field("readings")
    count = np.diff(np.asarray(readings.offsets))
    is_odd = ~_is_plain(values, device_id) | (count < 1) | (count > MOST_READINGS)
    is_odd |= ~are_possible(measured_at_us, messages.latest_at_us()[place])

    message = np.repeat(np.arange(len(place)), count)
    each = readings.flatten()
    code, depth_cm, channel = _code(each), each.field("depth_cm"), each.field("channel")
    value = _in_own_unit(code, numbers(each.field("value"), np.nan))
    is_fit = (code != _UNKNOWN) & (_LOWEST[code] <= value) & (value <= _HIGHEST[code])
    is_fit &= is_within(depth_cm, _DEPTHS_CM) & is_within(channel, _CHANNELS)
    is_fit &= ~(np.asarray(depth_cm.is_valid()) & np.asarray(channel.is_valid()))
    is_odd[message[~is_fit]] = True

    has_no_place = np.asarray(depth_cm.is_null()) & np.asarray(channel.is_null())
    said = Said(
        device_id=device_id,
        measured_at_us=measured_at_us,
        once={
            "battery_v": values.field("battery_v"),
            "battery_pct": values.field("battery_pct"),
            "rssi_dbm": values.field("rssi_dbm"),
            "device_seq": values.field("seq"),
        },
        message=message,
        code=code,
        value=value,
        depth_cm=numbers(depth_cm, NO_DEPTH),
        channel=np.where(has_no_place, 1, numbers(channel, NO_CHANNEL)),
    )
    return soil_rows(said, is_odd, place, len(messages))


def _may_fit(payload: bytes) -> bool:
    return read_without_fault(payload) is not None


def _devices(messages: Messages, site: Site) -> pa.StringArray:
    """Return the device of each message on a native soil topic of the site's district; null of every other."""
    topics = messages.topics
    devices = pa.array([_soil_device(topic, site) for topic in topics.dictionary.to_pylist()], pa.string())
    return devices.take(topics.indices)


def _soil_device(topic: str, site: Site) -> str | None:
    if not topic.startswith(ROOT) or not topic.endswith("/soil"):
        return None
    try:
        return device_of(topic, site)
    except PayloadError:
        return None


def _is_plain(values: pa.StructArray, device_id: pa.StringArray) -> Flags:
    """Say whether what is said once in each message may be kept as it is."""
    plain: Flags = np.array(pc.fill_null(pc.equal(values.field("schema"), SCHEMA), fill_value=False))
    plain &= np.asarray(values.field("measured_at").is_valid()) & np.asarray(values.field("samples").is_null())
    for name, bounds in _BOUNDS.items():
        plain &= is_within(values.field(name), bounds)
    named = values.field("device_id")
    differs = np.asarray(pc.fill_null(pc.not_equal(named, device_id), fill_value=False))
    for at in np.flatnonzero(differs).tolist():
        plain[at] &= not names_another(named[at].as_py(), device_id[at].as_py())
    return plain


def _code(readings: pa.StructArray) -> Integers:
    """Return the place of each reading's quantity and unit in `SOIL`."""
    found: Integers = _CODES[_known(readings.field("quantity"), _QUANTITIES), _known(readings.field("unit"), _UNITS)]
    return found


def _known(names: pa.StringArray, known: dict[str, int]) -> Integers:
    """Return the number of each name, one beyond the last of a name that is unknown or missing."""
    different = names.dictionary_encode()
    codes = [known.get(name, len(known)) for name in different.dictionary.to_pylist()]
    found: Integers = np.array([*codes, len(known)], np.int64)[numbers(different.indices, len(codes))]
    return found


def _in_own_unit(code: Integers, values: Floats) -> Floats:
    own = values.copy()
    for converted, conversion in _CONVERTED:
        for at in np.flatnonzero(code == converted).tolist():
            own[at] = conversion.apply(float(values[at]))
    return own
