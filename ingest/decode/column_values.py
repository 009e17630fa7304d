"""Columns as Arrow reads them from JSON: bounds, numbers and instants, many at once."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.decode.envelope import LONGEST_TEXT
from ingest.decode.instants import EARLIEST, MOST_AHEAD, parse_instant
from ingest.errors import PayloadError
from ingest.messages import Flags, Integers, microseconds

_EARLIEST_US = microseconds(EARLIEST)
_MOST_AHEAD_US = MOST_AHEAD.seconds * 1_000_000
_NO_TIME = _EARLIEST_US - 1
_RFC_3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-5][0-9])$"
_INSTANTS_KEPT = 1_024
"""Neighbours share an instant, and later messages have later ones: what is kept longer is never asked for again."""
_FEW_INSTANTS = 256


def is_within(column: pa.Array, bounds: tuple[int, int]) -> Flags:
    """Say whether each number lies within the bounds, or is missing."""
    if column.null_count == len(column):
        return np.ones(len(column), np.bool_)
    found: Flags = np.array(column.is_null())
    values = numbers(column, bounds[0])
    found[(bounds[0] <= values) & (values <= bounds[1])] = True
    return found


def is_true(column: pa.BooleanArray) -> Flags:
    """Say what is true and there."""
    return np.asarray(pc.fill_null(column, fill_value=False))


def texts_within(*columns: pa.StringArray) -> Flags:
    """Say whether none of a message's texts is longer than an envelope's text may be."""
    found: Flags = np.logical_and.reduce([is_within(pc.utf8_length(texts), (0, LONGEST_TEXT)) for texts in columns])
    return found


def numbers(column: pa.Array, missing: float) -> np.ndarray[Any, Any]:
    """Return the numbers of a column, `missing` where there is none."""
    return np.asarray(pc.fill_null(column, pa.scalar(missing, column.type)) if column.null_count else column)


def instants_us(column: pa.StringArray) -> Integers:
    """Return RFC 3339 instants in microseconds since 1970; one that is too early for everything when it is none."""
    different = column.dictionary_encode()
    texts: pa.StringArray = different.dictionary
    instants: Integers | None = None
    if len(texts) > _FEW_INSTANTS and pc.all(pc.match_substring_regex(texts, _RFC_3339)).as_py():
        try:
            instants = np.asarray(texts.cast(pa.timestamp("us", "UTC")).cast(pa.int64()))
        except pa.ArrowInvalid:  # the 30th of February, or hour 24: one by one
            instants = None
    if instants is None:
        instants = np.array([_instant_us(text) for text in texts.to_pylist()], np.int64)
    instants = np.append(instants, _NO_TIME)
    found: Integers = instants[numbers(different.indices, len(texts))]
    return found


@functools.lru_cache(maxsize=_INSTANTS_KEPT)
def _instant_us(text: str) -> int:
    try:
        return microseconds(parse_instant(text))
    except PayloadError:
        return _NO_TIME


def are_possible(instants: Integers, latest: Integers) -> Flags:
    """Say of each instant whether a sender may say it when our clock says `latest`, as `check_measured_at` does."""
    found: Flags = (instants >= _EARLIEST_US) & (instants - latest <= _MOST_AHEAD_US)
    return found
