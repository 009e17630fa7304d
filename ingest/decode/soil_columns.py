"""Native soil messages that surely fit the contract, many at once, straight into columns.

A message is *plain* when everything in it can be kept and nobody need be answered: then its rows are those that
`native_soil` would make of it, which tests/decode/test_soil_columns.py holds both to. Whatever is odd in any way, or
merely rare (weather, escapes, values sent twice), is not plain and is left to `native_soil`, which alone says what is
wrong with a message. So this module refuses nothing and knows no fault.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import UNSET, MsgspecError

from ingest.decode.guard import MAX_DEPTH, check_bytes
from ingest.decode.instants import EARLIEST, MOST_AHEAD, parse_instant
from ingest.decode.native_soil import LIMIT_BYTES
from ingest.decode.quantities import CONVERSIONS
from ingest.decode.soil_message import Reading, SoilMessage, decode_soil_message
from ingest.decode.topics import ROOT, device_of, names_another
from ingest.errors import PayloadError
from ingest.messages import Flags, Integers, Messages, instants_array, microseconds
from ingest.site import Site

Floats = np.ndarray[Any, np.dtype[np.float64]]

_SOIL = tuple((pair, conversion) for pair, conversion in CONVERSIONS.items() if conversion.quantity.kind == "soil")
_CODES = {pair: code for code, (pair, _) in enumerate(_SOIL)}
"""A number for each soil quantity in each unit that it may come in."""
_LOWEST = np.array([conversion.quantity.lowest for _, conversion in _SOIL])
_HIGHEST = np.array([conversion.quantity.highest for _, conversion in _SOIL])
_UNITS = pa.array([unit for (_, unit), _ in _SOIL])
_COLUMNS = tuple(dict.fromkeys(conversion.quantity.column for _, conversion in _SOIL))
_COLUMN_OF = np.array([_COLUMNS.index(conversion.quantity.column) for _, conversion in _SOIL])
_IS_WATER = np.equal(_COLUMN_OF, _COLUMNS.index("volumetric_water_content"))
_CONVERTED = tuple(
    (code, conversion)
    for code, (_, conversion) in enumerate(_SOIL)
    if conversion.add or not conversion.multiply == conversion.divide == 1
)

_NO_DEPTH, _NO_CHANNEL, _UNKNOWN = -1.0, 0, -1
_NEVER = 10**9
_EARLIEST_US = microseconds(EARLIEST)
_MOST_AHEAD_US = MOST_AHEAD.seconds * 1_000_000
_NO_TIME = _EARLIEST_US - 1


@dataclass(frozen=True, slots=True)
class PlainSoil:
    """What plain messages say.

    is_plain: one per message looked at
    soil, status: columns of the tables soil_readings and device_status; those that are missing are null
    soil_place, status_place: the place of each row's message among those looked at
    """

    is_plain: Flags
    soil: Mapping[str, pa.Array]
    soil_place: Integers
    status: Mapping[str, pa.Array]
    status_place: Integers


def nothing_plain(count: int) -> PlainSoil:
    """Return that none of `count` messages is plain."""
    nobody = np.zeros(0, np.int64)
    return PlainSoil(np.zeros(count, np.bool_), {}, nobody, {}, nobody)


@dataclass(slots=True)
class _Said:
    """What messages say, as they were read: one entry a message, a sample (an instant) or a reading."""

    place: list[int] = field(default_factory=list)
    device_id: list[str] = field(default_factory=list)
    seq: list[int | None] = field(default_factory=list)
    battery_v: list[float | None] = field(default_factory=list)
    battery_pct: list[float | None] = field(default_factory=list)
    rssi_dbm: list[float | None] = field(default_factory=list)
    sample_message: list[int] = field(default_factory=list)
    sample_at_us: list[int] = field(default_factory=list)
    sample_readings: list[int] = field(default_factory=list)
    code: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    depth_cm: list[float] = field(default_factory=list)
    channel: list[int] = field(default_factory=list)

    def add(self, place: int, device_id: str, one: SoilMessage, colons: int) -> None:
        """Take over a message with that many colons, unless something is odd about it.

        As in `soil_message.read_without_fault`: a key more than those that were read would bring one more colon.
        """
        text, readings = one.measured_at, one.readings
        if text is UNSET or readings is UNSET or one.samples is not UNSET or one.ack == 1:
            return
        named, seq, battery_v, battery_pct, rssi_dbm = (
            one.device_id,
            one.seq,
            one.battery_v,
            one.battery_pct,
            one.rssi_dbm,
        )
        if named is not UNSET and named != device_id and names_another(named, device_id):
            return
        keys = (named is not UNSET) + (seq is not UNSET) + (battery_v is not UNSET) + (battery_pct is not UNSET)
        keys += (rssi_dbm is not UNSET) + (one.ack is not UNSET)
        if not self._add_readings(readings, colons - 3 - text.count(":") - keys):
            return
        self.sample_message.append(len(self.place))
        self.sample_at_us.append(_instant_us(text))
        self.sample_readings.append(len(readings))
        self.place.append(place)
        self.device_id.append(device_id)
        self.seq.append(None if seq is UNSET else seq)
        self.battery_v.append(None if battery_v is UNSET else battery_v)
        self.battery_pct.append(None if battery_pct is UNSET else battery_pct)
        self.rssi_dbm.append(None if rssi_dbm is UNSET else rssi_dbm)

    def _add_readings(self, readings: list[Reading], colons: int) -> bool:
        """Take over readings that have exactly so many keys, of quantities of the soil; say whether they are such."""
        begun = len(self.code)
        for reading in readings:
            code = _CODES.get((reading.quantity, reading.unit), _UNKNOWN)
            depth_cm, channel = reading.depth_cm, reading.channel
            if depth_cm is not UNSET:
                colons -= 4 if channel is UNSET else _NEVER
                self.depth_cm.append(depth_cm)
                self.channel.append(_NO_CHANNEL)
            else:
                colons -= 3 if channel is UNSET else 4
                self.depth_cm.append(_NO_DEPTH)
                self.channel.append(1 if channel is UNSET else channel)
            if code == _UNKNOWN:
                colons = _NEVER
            self.code.append(code)
            self.value.append(reading.value)
        if colons == 0:
            return True
        for column in (self.code, self.value, self.depth_cm, self.channel):
            del column[begun:]
        return False


def read_plain_soil(messages: Messages, site: Site) -> PlainSoil:
    """Return the rows of the messages that are plain, and which these are."""
    said = _read(messages, site)
    place = np.array(said.place, np.int64)
    sample_message = np.array(said.sample_message, np.int64)
    sample_at = np.array(said.sample_at_us, np.int64)
    reading_sample = np.repeat(np.arange(len(sample_at)), np.array(said.sample_readings, np.int64))
    code = np.array(said.code, np.int64)
    value = _in_own_unit(code, said.value)

    is_odd = np.zeros(len(place), np.bool_)
    latest = messages.latest_at_us()[place][sample_message]
    is_odd[sample_message[(sample_at < _EARLIEST_US) | (sample_at - latest > _MOST_AHEAD_US)]] = True
    outside = ~((_LOWEST[code] <= value) & (value <= _HIGHEST[code]))
    is_odd[sample_message[reading_sample[outside]]] = True
    elements = _Elements(reading_sample, said)
    is_odd[sample_message[elements.sample[elements.twice(code)]]] = True

    row_message = sample_message[elements.sample]
    is_plain = np.zeros(len(messages), np.bool_)
    is_plain[place[~is_odd]] = True
    kept = np.flatnonzero(~is_odd[row_message])
    soil = _soil_columns(said, elements, code, value, kept, row_message, sample_at)
    status, status_message = _status_columns(said, is_odd, sample_message, sample_at)
    return PlainSoil(is_plain, soil, place[row_message[kept]], status, place[status_message])


def _read(messages: Messages, site: Site) -> _Said:
    """Return what the messages say that fit the contract by themselves, without regard to ranges and clocks."""
    said = _Said()
    devices = {topic: _soil_device(topic, site) for topic in set(messages.topics)}
    for place, (topic, payload) in enumerate(zip(messages.topics, messages.payloads, strict=True)):
        device_id = devices[topic]
        if device_id is None or len(payload) > LIMIT_BYTES or not payload.isascii() or b"\\" in payload:
            continue
        try:
            if payload.count(b"{") + payload.count(b"[") > MAX_DEPTH:
                check_bytes(payload, limit_bytes=LIMIT_BYTES)
            one = decode_soil_message(payload)
        except (PayloadError, MsgspecError, ValueError, RecursionError):
            continue
        said.add(place, device_id, one, payload.count(b":"))
    return said


def _soil_device(topic: str, site: Site) -> str | None:
    """Return the device of a native soil topic of the site's district; None for every other topic."""
    if not topic.startswith(ROOT) or not topic.endswith("/soil"):
        return None
    try:
        return device_of(topic, site)
    except PayloadError:
        return None


@functools.lru_cache(maxsize=65_536)
def _instant_us(text: str) -> int:
    """Return an RFC 3339 instant in microseconds since 1970; one that is too early for everything when it is none."""
    try:
        return microseconds(parse_instant(text))
    except PayloadError:
        return _NO_TIME


def _in_own_unit(code: Integers, values: list[float]) -> Floats:
    own = np.array(values, np.float64)
    for converted, conversion in _CONVERTED:
        for at in np.flatnonzero(code == converted):
            own[at] = conversion.apply(values[at])
    return own


class _Elements:
    """Readings grouped by instant and sensing element: each group is a row.

    row: the row of each reading
    sample, depth_cm, channel: of each row
    """

    def __init__(self, reading_sample: Integers, said: _Said) -> None:
        depth_cm, channel = np.array(said.depth_cm, np.float64), np.array(said.channel, np.int64)
        count = len(reading_sample)
        if count == len(said.sample_at_us):  # one reading each
            self.row = first = np.arange(count)
        else:
            order = np.lexsort((channel, depth_cm, reading_sample))
            begins = np.ones(count, np.bool_)
            for key in (reading_sample[order], depth_cm[order], channel[order]):
                begins[1:] &= key[1:] == key[:-1]
            begins[1:] = ~begins[1:]
            self.row = np.empty(count, np.int64)
            self.row[order] = np.cumsum(begins) - 1
            first = order[begins]
        self.sample, self.depth_cm, self.channel = reading_sample[first], depth_cm[first], channel[first]

    def twice(self, code: Integers) -> Integers:
        """Return the rows in which one thing was measured more than once."""
        if len(self.row) == len(self.sample):
            return np.zeros(0, np.int64)
        cells, times = np.unique(self.row * len(_COLUMNS) + _COLUMN_OF[code], return_counts=True)
        return cells[times > 1] // len(_COLUMNS)


def _soil_columns(
    said: _Said,
    elements: _Elements,
    code: Integers,
    value: Floats,
    kept: Integers,
    row_message: Integers,
    sample_at: Integers,
) -> dict[str, pa.Array]:
    """Return the columns of soil_readings for the rows `kept`."""
    message = row_message[kept]
    depth_cm, channel = elements.depth_cm[kept], elements.channel[kept]
    columns = {
        "device_id": pa.array([said.device_id[at] for at in message], pa.string()),
        "measured_at": instants_array(sample_at[elements.sample[kept]]),
        "time_source": pa.repeat(pa.scalar("device"), len(kept)),
        "depth_cm": pa.array(depth_cm, mask=depth_cm == _NO_DEPTH),
        "channel": pa.array(channel.astype(np.int16), mask=channel == _NO_CHANNEL),
        "device_seq": pa.array([said.seq[at] for at in message], pa.int64()),
    }
    rows = len(elements.sample)
    for number, name in enumerate(_COLUMNS):
        chosen = np.flatnonzero(_COLUMN_OF[code] == number)
        if len(chosen):
            cells = np.full(rows, np.nan)
            cells[elements.row[chosen]] = value[chosen]
            columns[name] = pa.array(cells[kept], mask=np.isnan(cells[kept]))
    unit = np.full(rows, -1, np.int64)
    is_water = np.flatnonzero(_IS_WATER[code])
    unit[elements.row[is_water]] = code[is_water]
    columns["unit_received"] = _UNITS.take(pa.array(unit[kept], mask=unit[kept] < 0))
    return columns


def _status_columns(
    said: _Said, is_odd: Flags, sample_message: Integers, sample_at: Integers
) -> tuple[dict[str, pa.Array], Integers]:
    """Return the columns of device_status, and the message (as numbered in `said`) of each row."""
    message = np.array(
        [
            at
            for at in np.flatnonzero(~is_odd).tolist()
            if said.battery_v[at] is not None
            or said.battery_pct[at] is not None
            or said.rssi_dbm[at] is not None
            or said.seq[at] is not None
        ],
        np.int64,
    )
    newest = np.full(len(is_odd), _NO_TIME, np.int64)
    np.maximum.at(newest, sample_message, sample_at)
    columns = {
        "device_id": pa.array([said.device_id[at] for at in message], pa.string()),
        "reported_at": instants_array(newest[message]),
        "battery_v": pa.array([said.battery_v[at] for at in message], pa.float64()),
        "battery_pct": pa.array([said.battery_pct[at] for at in message], pa.float64()),
        "rssi_dbm": pa.array([said.rssi_dbm[at] for at in message], pa.float64()),
        "device_seq": pa.array([said.seq[at] for at in message], pa.int64()),
    }
    return columns, message
