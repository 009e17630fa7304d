"""Readings of the soil, as they were said, to rows of the lake by columns: a row per instant and sensing element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ingest.decode.quantities import CONVERSIONS
from ingest.messages import Flags, Integers, instants_array

Floats = np.ndarray[Any, np.dtype[np.float64]]

NO_DEPTH, NO_CHANNEL = -1.0, 0
"""Stand where a reading names no depth, or no channel."""

SOIL = tuple((pair, conversion) for pair, conversion in CONVERSIONS.items() if conversion.quantity.kind == "soil")
"""Each quantity of the soil in each unit that it may come in; its place here is its code."""

_COLUMN_OF = tuple(conversion.quantity.column for _, conversion in SOIL)
_COLUMNS = tuple(dict.fromkeys(_COLUMN_OF))
_UNITS = pa.array([unit for (_, unit), _ in SOIL])
_WATER = "volumetric_water_content"


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


@dataclass(frozen=True, slots=True)
class Said:
    """What messages say.

    device_id, measured_at_us, once: one entry a message; `once` are columns of device_status
    message, code, value, depth_cm, channel: one entry a reading; `message` rises, `code` is a place in `SOIL`
    time_source: whose clock it is
    beside: further columns of soil_readings, one entry a message
    always_status: whether a message has a row in device_status even if it says nothing for it
    """

    device_id: pa.StringArray
    measured_at_us: Integers
    once: Mapping[str, pa.Array]
    message: Integers
    code: Integers
    value: Floats
    depth_cm: Floats
    channel: Integers
    time_source: str = "device"
    beside: Mapping[str, pa.Array] = field(default_factory=dict)
    always_status: bool = False


def soil_rows(said: Said, is_odd: Flags, place: Integers, looked_at: int) -> PlainSoil:
    """Return the rows of what the messages say that are not odd; one that measures a thing twice is odd as well.

    is_odd, place: one a message; `place` is its place among the `looked_at` messages
    """
    elements = _Elements(said)
    is_odd = is_odd.copy()
    is_odd[elements.message[elements.twice(said)]] = True
    is_plain = np.zeros(looked_at, np.bool_)
    is_plain[place[~is_odd]] = True
    kept = np.flatnonzero(~is_odd[elements.message])
    soil = _soil_columns(said, elements, kept)
    status, status_message = _status_columns(said, is_odd)
    return PlainSoil(is_plain, soil, place[elements.message[kept]], status, place[status_message])


class _Elements:
    """Readings grouped by instant and sensing element: each group is a row.

    row: the row of each reading
    message, depth_cm, channel: of each row
    """

    def __init__(self, said: Said) -> None:
        count = len(said.message)
        if np.array_equal(said.message, np.arange(len(said.measured_at_us))):  # one reading each
            self.row = first = np.arange(count)
        else:
            order = np.lexsort((said.channel, said.depth_cm, said.message))
            begins = np.ones(count, np.bool_)
            for key in (said.message[order], said.depth_cm[order], said.channel[order]):
                begins[1:] &= key[1:] == key[:-1]
            begins[1:] = ~begins[1:]
            self.row = np.empty(count, np.int64)
            self.row[order] = np.cumsum(begins) - 1
            first = order[begins]
        self.message, self.depth_cm, self.channel = said.message[first], said.depth_cm[first], said.channel[first]

    def twice(self, said: Said) -> Integers:
        """Return the rows in which one thing was measured more than once."""
        if len(self.row) == len(self.message):
            return np.zeros(0, np.int64)
        column = np.array([_COLUMNS.index(name) for name in _COLUMN_OF])
        times = np.bincount(self.row * len(_COLUMNS) + column[said.code])
        return np.flatnonzero(times > 1) // len(_COLUMNS)


def _soil_columns(said: Said, elements: _Elements, kept: Integers) -> dict[str, pa.Array]:
    """Return the columns of soil_readings for the rows `kept`."""
    message = pa.array(elements.message[kept])
    depth_cm, channel = elements.depth_cm[kept], elements.channel[kept]
    columns = {
        "device_id": said.device_id.take(message),
        "measured_at": instants_array(said.measured_at_us[elements.message[kept]]),
        "time_source": pa.repeat(pa.scalar(said.time_source), len(kept)),
        "depth_cm": pa.array(depth_cm, mask=depth_cm == NO_DEPTH),
        "channel": pa.array(channel.astype(np.int16), mask=channel == NO_CHANNEL),
        "device_seq": said.once["device_seq"].take(message),
    }
    columns |= {name: column.take(message) for name, column in said.beside.items()}
    rows = len(elements.message)
    for name in _COLUMNS:
        chosen = np.flatnonzero(_is_one_of(said, name))
        if len(chosen):
            cells = np.full(rows, np.nan)
            cells[elements.row[chosen]] = said.value[chosen]
            columns[name] = pa.array(cells[kept], mask=np.isnan(cells[kept]))
    unit = np.full(rows, -1, np.int64)
    is_water = np.flatnonzero(_is_one_of(said, _WATER))
    unit[elements.row[is_water]] = said.code[is_water]
    columns["unit_received"] = _UNITS.take(pa.array(unit[kept], mask=unit[kept] < 0))
    return columns


def _is_one_of(said: Said, column: str) -> Flags:
    """Say of each reading whether it belongs into the column."""
    found: Flags = np.equal(_COLUMN_OF, column)[said.code]
    return found


def _status_columns(said: Said, is_odd: Flags) -> tuple[dict[str, pa.Array], Integers]:
    """Return the columns of device_status, and the message of each row."""
    says_any = np.full(len(is_odd), said.always_status)
    for column in said.once.values():
        says_any |= np.asarray(column.is_valid())
    message = np.flatnonzero(~is_odd & says_any)
    taken = pa.array(message)
    columns = {name: column.take(taken) for name, column in said.once.items()}
    columns["device_id"] = said.device_id.take(taken)
    columns["reported_at"] = instants_array(said.measured_at_us[message])
    return columns, message
