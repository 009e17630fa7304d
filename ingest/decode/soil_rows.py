"""Readings of the soil, as they were said, to rows of the lake by columns: a row per instant and sensing element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ingest.messages import Flags, Integers, instants_array

Floats = np.ndarray[Any, np.dtype[np.float64]]

NO_DEPTH, NO_CHANNEL = -1.0, 0
"""Stand where a reading names no depth, or no channel."""

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

    device_id, measured_at_us, seq, battery_v, battery_pct, rssi_dbm: one entry a message
    message, code, value, depth_cm, channel: one entry a reading; `message` rises, `code` is a place in `columns`
    columns, units: of each code the table's column and the unit it came in
    """

    device_id: pa.StringArray
    measured_at_us: Integers
    seq: pa.Int64Array
    battery_v: pa.DoubleArray
    battery_pct: pa.DoubleArray
    rssi_dbm: pa.DoubleArray
    message: Integers
    code: Integers
    value: Floats
    depth_cm: Floats
    channel: Integers
    columns: Sequence[str]
    units: pa.StringArray


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
        if count == len(said.measured_at_us):  # one reading each
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
        names = list(dict.fromkeys(said.columns))
        column = np.array([names.index(name) for name in said.columns])
        cells, times = np.unique(self.row * len(names) + column[said.code], return_counts=True)
        return cells[times > 1] // len(names)


def _soil_columns(said: Said, elements: _Elements, kept: Integers) -> dict[str, pa.Array]:
    """Return the columns of soil_readings for the rows `kept`."""
    message = pa.array(elements.message[kept])
    depth_cm, channel = elements.depth_cm[kept], elements.channel[kept]
    columns = {
        "device_id": said.device_id.take(message),
        "measured_at": instants_array(said.measured_at_us[elements.message[kept]]),
        "time_source": pa.repeat(pa.scalar("device"), len(kept)),
        "depth_cm": pa.array(depth_cm, mask=depth_cm == NO_DEPTH),
        "channel": pa.array(channel.astype(np.int16), mask=channel == NO_CHANNEL),
        "device_seq": said.seq.take(message),
    }
    rows = len(elements.message)
    for name in dict.fromkeys(said.columns):
        chosen = np.flatnonzero(_is_one_of(said, name))
        if len(chosen):
            cells = np.full(rows, np.nan)
            cells[elements.row[chosen]] = said.value[chosen]
            columns[name] = pa.array(cells[kept], mask=np.isnan(cells[kept]))
    unit = np.full(rows, -1, np.int64)
    is_water = np.flatnonzero(_is_one_of(said, _WATER))
    unit[elements.row[is_water]] = said.code[is_water]
    columns["unit_received"] = said.units.take(pa.array(unit[kept], mask=unit[kept] < 0))
    return columns


def _is_one_of(said: Said, column: str) -> Flags:
    """Say of each reading whether it belongs into the column."""
    found: Flags = np.equal(said.columns, column)[said.code]
    return found


def _status_columns(said: Said, is_odd: Flags) -> tuple[dict[str, pa.Array], Integers]:
    """Return the columns of device_status, and the message of each row."""
    once = {
        "battery_v": said.battery_v,
        "battery_pct": said.battery_pct,
        "rssi_dbm": said.rssi_dbm,
        "device_seq": said.seq,
    }
    says_any = np.any([np.asarray(column.is_valid()) for column in once.values()], axis=0)
    message = np.flatnonzero(~is_odd & says_any)
    taken = pa.array(message)
    columns = {name: column.take(taken) for name, column in once.items()}
    columns["device_id"] = said.device_id.take(taken)
    columns["reported_at"] = instants_array(said.measured_at_us[message])
    return columns, message
