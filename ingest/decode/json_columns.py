"""JSON objects of one shape, many at once, straight into columns: Arrow reads them, without an object for each value.

Arrow's reader takes what strict JSON allows, refuses a key that the shape lacks or that stands twice, and reads a
number to the last bit as everybody does. It also takes NaN, infinities and numbers beyond a double, which strict JSON
does not: those are refused here. tests/decode/test_json_columns.py holds all of it to the standard library. Arrow says
only that something in many texts is wrong, so that these are looked at in ever smaller pieces until it is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from ingest.decode.column_values import numbers
from ingest.messages import Flags, Integers

_SAMPLE, _PIECE = 256, 4_096
"""Texts read at first, to learn which keys occur, and then at once: one that is wrong costs its piece a second reading.
"""
_FEWEST = 4
"""In so small a piece all are left to whoever asked: to find the wrong one costs more than to read them one by one."""

_ASCII = 0x7F
_NULL = re.compile(b"null")
"""Finds it in millions of bytes in half the time that `in` takes."""
_BEFORE, _AFTER, _NOTHING = (pa.scalar(text, pa.binary()) for text in (b'{"m":', b"}\n", b""))


@dataclass(frozen=True, slots=True)
class Fitting:
    """The texts that fit: their places among those that were asked about, ascending, and a struct of each."""

    place: Integers
    values: pa.StructArray


def read_json_columns(texts: pa.BinaryArray, shape: pa.StructType, screen: Callable[[bytes], bool]) -> Fitting:
    """Return the texts that are an object of the shape; a key that is missing is null.

    texts: UTF-8 without null and escape, as `simple` tells: what these may mean is not for here
    screen: asked about each text of a piece in which something is wrong, true for those that may fit: so that the
        common faults are found without reading a piece many times
    """
    places: list[Integers] = []
    values: list[pa.StructArray] = []
    shape_met = _ShapeMet(shape)
    for piece in _pieces(len(texts)):
        read = shape_met.read(texts.slice(int(piece[0]), len(piece)))
        if read is not None:
            places.append(piece)
            values.append(read)
            continue
        fits = [place for place in piece.tolist() if screen(texts[place].as_py())]
        waiting = [np.array(fits, np.int64)] if fits else []
        while waiting:
            some = waiting.pop()
            read = shape_met.read(texts.take(pa.array(some)))
            if read is not None:
                places.append(some)
                values.append(read)
            elif len(some) > _FEWEST:
                waiting += [some[len(some) // 2 :], some[: len(some) // 2]]
    if not places:
        return Fitting(np.zeros(0, np.int64), pa.array([], shape))
    return Fitting(np.concatenate(places), pa.concat_arrays(values))


def _pieces(count: int) -> Iterator[Integers]:
    """Yield the places of the texts that are read at once."""
    end = 0
    while end < count:
        begin, end = end, min(end + (_PIECE if end else _SAMPLE), count)
        yield np.arange(begin, end)


class _ShapeMet:
    """Of a shape, what texts had so far: each key more costs its time for every text, also where nobody writes it."""

    def __init__(self, shape: pa.StructType) -> None:
        self._shape = shape
        self._met: pa.StructType | None = None

    def read(self, texts: pa.BinaryArray) -> pa.StructArray | None:
        """Return a struct of the whole shape of each text; None when one does not fit."""
        values = None if self._met is None else read_objects(texts, self._met)
        if values is not None:
            return values.cast(self._shape)
        values = read_objects(texts, self._shape)
        if values is not None:
            self._met = _met(values, self._met)
        return values


def _met(values: pa.Array, before: pa.DataType | None) -> pa.DataType:
    """Return the type of the values without the keys that no text has, nor had before."""
    if pa.types.is_struct(values.type):
        met = {} if before is None else {field.name: field.type for field in before}
        columns = {field.name: values.field(place) for place, field in enumerate(values.type)}
        return pa.struct(
            [
                (name, _met(column, met.get(name)))
                for name, column in columns.items()
                if name in met or column.null_count < len(column)
            ]
        )
    if pa.types.is_list(values.type):
        return pa.list_(_met(values.flatten(), None if before is None else before.value_type))
    return values.type


def read_objects(texts: pa.BinaryArray, shape: pa.StructType, *, infers: bool = False) -> pa.StructArray | None:
    """Return a struct of each text; None when one does not fit, or holds a number that is none.

    infers: a key that the shape lacks may stand there, and gets the type that Arrow makes of it
    Each text stands within an object of ours, whose end no text can bring without another beginning of it: as many
    rows as there are texts means one row of each.
    """
    lines = _buffer_of(pc.binary_join_element_wise(_BEFORE, texts, _AFTER, _NOTHING))
    try:
        table = pj.read_json(
            pa.BufferReader(lines),
            read_options=pj.ReadOptions(use_threads=False, block_size=lines.size + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=pa.schema([("m", shape)]),
                unexpected_field_behavior="infer" if infers else "error",
                newlines_in_values=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != len(texts) or table.num_columns != 1:
        return None
    values = table.column("m").combine_chunks()
    return values if _is_finite(values) else None


def _is_finite(values: pa.Array) -> bool:
    """Say whether every number of the column, however deep within, is one."""
    if pa.types.is_floating(values.type):
        return bool(np.isfinite(numbers(values, 0.0)).all())
    if pa.types.is_struct(values.type):
        return all(_is_finite(values.field(place)) for place in range(values.type.num_fields))
    return _is_finite(values.flatten()) if pa.types.is_list(values.type) else True


def simple(texts: pa.BinaryArray) -> Flags:
    """Say of each text whether it is UTF-8 and has neither a backslash nor the word null in it."""
    whole = bytes(_buffer_of(texts))
    is_simple = np.ones(len(texts), np.bool_)
    octets = np.frombuffer(whole, np.uint8)
    if b"\\" in whole:
        is_simple[_text_of(texts, np.flatnonzero(octets == ord("\\")))] = False
    if not whole.isascii() and not _are_utf8(texts):
        for at in np.unique(_text_of(texts, np.flatnonzero(octets > _ASCII))).tolist():
            is_simple[at] &= _are_utf8(texts.slice(at, 1))
    if _NULL.search(whole):
        is_simple &= ~np.asarray(pc.match_substring(texts, b"null"))
    return is_simple


def _are_utf8(texts: pa.BinaryArray) -> bool:
    try:
        texts.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def chosen(texts: pa.BinaryArray, place: Integers) -> pa.BinaryArray:
    """Return the texts at these places, which rise; without a copy where these are all."""
    return texts if len(place) == len(texts) else texts.take(pa.array(place))


def _buffer_of(texts: pa.BinaryArray) -> pa.Buffer:
    """Return all texts end to end."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    return data.slice(int(ends[0]), int(ends[-1] - ends[0])) if data is not None else pa.py_buffer(b"")


def _text_of(texts: pa.BinaryArray, at: Integers) -> Integers:
    """Return the text in which each byte of `_buffer_of` stands."""
    ends = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, texts.offset * 4)
    found: Integers = np.searchsorted(ends[1:] - ends[0], at, side="right")
    return found
