"""JSON whose whole shape nobody knows beforehand: what is wanted is told, what else stands there is learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.decode.guard import MAX_DEPTH
from ingest.decode.json_columns import read_objects
from ingest.messages import Integers

_PIECE = 8_192
_FEWEST = 16
_MOST_OPENINGS = 128
_MOST_KEYS = 256
"""In one text, and different ones in all texts, from which a shape is learned: Arrow makes a column of each key."""
_MOST_FIELDS = 512
"""A shape that has grown beyond this is begun anew: who sends ever new keys must not fill the memory."""


class GrowingShape:
    """The shape of one kind of message: quick to read where the keys were met before."""

    def __init__(self, wanted: pa.StructType) -> None:
        """Begin with what is wanted, whose types never change."""
        self._wanted = wanted
        self._known = wanted
        self.lessons = self._most_lessons = 0

    def read(
        self, texts: pa.BinaryArray, screen: Callable[[bytes], bool], most_lessons: int
    ) -> Iterator[tuple[Integers, pa.StructArray]]:
        """Yield places and values of the texts that can be read, some at a time; every wanted field is there.

        texts, screen: as in `json_columns.read_json_columns`
        most_lessons: how often these texts may be learned from, 16 at a time; `lessons` then says how often it was
        Where keys have another type in one text than in the next, up to 16 texts around them are left out. So are
        texts from which nothing is learned, since they nest too deep, have too many keys, or come after enough others
        that brought new keys.
        """
        self.lessons, self._most_lessons = 0, most_lessons
        for begin in range(0, len(texts), _PIECE):
            some = np.arange(begin, min(begin + _PIECE, len(texts)))
            values = self._read(texts.slice(begin, len(some)))
            if values is not None:
                yield some, values
                continue
            fits = [place for place in some.tolist() if screen(texts[place].as_py())]
            waiting = [np.array(fits, np.int64)] if fits else []
            while waiting:
                some = waiting.pop()
                values = self._read(texts.take(pa.array(some)))
                if values is not None:
                    yield some, values
                elif len(some) > _FEWEST:
                    waiting += [some[len(some) // 2 :], some[: len(some) // 2]]

    def _read(self, texts: pa.BinaryArray) -> pa.StructArray | None:
        values = read_objects(texts, self._known)
        if values is not None or len(texts) > _FEWEST or self.lessons >= self._most_lessons or not _is_bounded(texts):
            return values
        self.lessons += 1
        values = read_objects(texts, self._wanted, infers=True)
        if values is None or _depth(values.type) > MAX_DEPTH:
            return None
        grown = _merged(self._known, values.type)
        self._known = grown if _fields(grown) <= _MOST_FIELDS else self._wanted
        return values


def _is_bounded(texts: pa.BinaryArray) -> bool:
    """Say whether no text could lead who learns its shape too deep, or to columns without end."""
    openings = pc.add(pc.count_substring(texts, "{"), pc.count_substring(texts, "["))
    if pc.max(openings).as_py() > _MOST_OPENINGS or pc.max(pc.count_substring(texts, ":")).as_py() > _MOST_KEYS:
        return False
    keys: set[tuple[str, ...]] = set()
    for text in texts.to_pylist():
        try:
            keys.update(_keys(msgspec.json.decode(text), ()))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        if len(keys) > _MOST_KEYS:
            return False
    return True


def _keys(said: object, inside: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield each key with those inside which it stands."""
    if isinstance(said, list):
        for one in said:
            yield from _keys(one, inside)
    elif isinstance(said, dict):
        for key, value in said.items():
            yield (*inside, key)
            yield from _keys(value, (*inside, key))


def _depth(type_: pa.DataType) -> int:
    """Return how many objects and lists stand inside each other."""
    inner = [type_.field(place).type for place in range(type_.num_fields)]
    return 1 + max(map(_depth, inner), default=0) if pa.types.is_nested(type_) else 0


def _merged(known: pa.DataType, found: pa.DataType) -> pa.DataType:
    """Return a type that holds both; where they differ in kind, the known one stays."""
    if pa.types.is_struct(known) and pa.types.is_struct(found):
        fields = {field.name: field.type for field in known}
        for field in found:
            fields[field.name] = _merged(fields[field.name], field.type) if field.name in fields else _plain(field.type)
        return pa.struct(list(fields.items()))
    if pa.types.is_list(known) and pa.types.is_list(found):
        return pa.list_(_merged(known.value_type, found.value_type))
    if pa.types.is_null(known) or (pa.types.is_int64(known) and pa.types.is_float64(found)):
        return _plain(found)
    return known


def _plain(type_: pa.DataType) -> pa.DataType:
    """Return the type without what Arrow guesses of texts: the next one may be no date."""
    if pa.types.is_struct(type_):
        return pa.struct([(field.name, _plain(field.type)) for field in type_])
    if pa.types.is_list(type_):
        return pa.list_(_plain(type_.value_type))
    return pa.string() if pa.types.is_timestamp(type_) or pa.types.is_date(type_) or pa.types.is_time(type_) else type_


def _fields(type_: pa.DataType) -> int:
    return sum(1 + _fields(type_.field(place).type) for place in range(type_.num_fields))
