"""Decoded payloads of known device models, many at once, to readings by columns.

Only what `payload_fields` keeps without a word is taken: fields under the model's own names, each quantity of an
element once, values in range. Whatever else a payload says makes its message odd, and it is read one by one.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ingest.decode.device_models import Field, Model
from ingest.decode.field_values import is_absent, read_value
from ingest.decode.quantities import CONVERSIONS, QUANTITIES
from ingest.decode.recognise import recognise
from ingest.decode.soil_rows import SOIL
from ingest.decode.spelling import respell
from ingest.messages import Flags, Integers

_SOIL_CODES = {pair: code for code, (pair, _) in enumerate(SOIL)}
_ODD, _ABSENT = -2, -1
_STATUS = -3
"""Stand for a code where a value cannot be kept, stands for none, or is the battery's."""
_VALUES_KEPT = 4_096
"""Values that are judged once: probes say a few hundred different ones."""
_MOST_GROUPS = 64
"""Of models and sets of fields that are worked out for some messages, the most frequent; the others are odd."""
_MOST_FIELDS = 40
"""Of one profile's payloads, which fields are there being bits of a number."""

_Kept = tuple[int, float]
_NOT_KEPT: _Kept = (_ODD, 0.0)


@dataclass(slots=True)
class Payloads:
    """What the payloads of some messages say.

    is_odd: one a message
    names, model: models, and the place of each message's among them, where it is not odd
    message, code, value, channel: one a reading of the soil, as in `soil_rows.Said`
    status: columns of device_status, not a number where nothing is said
    """

    is_odd: Flags
    names: list[str]
    model: Integers
    message: list[Integers]
    code: list[Integers]
    value: list[np.ndarray[Any, np.dtype[np.float64]]]
    channel: list[Integers]
    status: dict[str, np.ndarray[Any, np.dtype[np.float64]]]

    def models(self) -> pa.StringArray:
        """Return the model of each message, null where it is odd."""
        return pa.array(self.names, pa.string()).take(pa.array(self.model, mask=self.is_odd))


def read_payloads(
    payloads: pa.StructArray, kind: Integers, named: Sequence[tuple[str | None, tuple[str, ...]]]
) -> Payloads:
    """Return what the payloads say.

    kind: of each payload the place in `named`
    named: the model of the register and what the network server calls it, as `recognise` takes them
    """
    count = len(payloads)
    found = Payloads(
        np.ones(count, np.bool_),
        [],
        np.zeros(count, np.int64),
        [],
        [],
        [],
        [],
        {name: np.full(count, np.nan) for name in ("battery_v", "battery_pct")},
    )
    columns = {field.name: payloads.field(place) for place, field in enumerate(payloads.type)}
    if len(columns) != payloads.type.num_fields:
        return found
    columns = {name: column for name, column in columns.items() if column.null_count < count}
    names = list(columns)
    if len(names) > _MOST_FIELDS:
        return found
    groups = kind.astype(np.int64)
    for column in columns.values():
        groups = groups * 2 + np.asarray(column.is_valid())
    different, group_of, counts = np.unique(groups, return_inverse=True, return_counts=True)
    for number in np.argsort(-counts, kind="stable")[:_MOST_GROUPS].tolist():
        group = int(different[number])
        registered, called = named[group >> len(names)]
        said = frozenset(name for place, name in enumerate(reversed(names)) if group >> place & 1)
        model, fields = _plan(registered, called, said)
        places = np.flatnonzero(group_of.reshape(-1) == number)
        if model is None or any(pa.types.is_nested(columns[name].type) for name in said):
            continue
        found.is_odd[places] = False
        found.model[places] = len(found.names)
        found.names.append(model.model_id)
        for name, field in fields:
            _add(found, places, columns[name].take(pa.array(places)), field)
    found.is_odd[_without_reading(found)] = True
    return found


def _without_reading(found: Payloads) -> Integers:
    has_any = np.zeros(len(found.is_odd), np.bool_)
    for message in found.message:
        has_any[message] = True
    return np.flatnonzero(~has_any)


@functools.lru_cache(maxsize=4_096)
def _plan(
    registered: str | None, called: tuple[str, ...], said: frozenset[str]
) -> tuple[Model | None, tuple[tuple[str, Field], ...]]:
    """Return the model and its fields that are said; no model where the payload is to be read one by one."""
    model = recognise(registered, called, said).model
    if model is None or model.bytes_first or model.measurements is not None or said & model.sdi12.keys():
        return None, ()
    holders = {model.valid, model.history[0] if model.history else None, model.time.field if model.time else None}
    as_spelt = dict.fromkeys(said, 0)
    if said & holders or respell(as_spelt, model) is not as_spelt:
        return None, ()
    fields = tuple((name, field) for name, field in model.fields.items() if name in said)
    different = {(field.quantity, field.channel) for _, field in fields}
    if len(different) < len(fields) or any(QUANTITIES[field.quantity].kind == "weather" for _, field in fields):
        return None, ()
    return model, fields


def _add(found: Payloads, places: Integers, column: pa.Array, field: Field) -> None:
    """Add what one field says in the messages at `places`."""
    different = column.dictionary_encode()
    kept = [_kept(field, value) for value in different.dictionary.to_pylist()]
    which = np.asarray(different.indices)
    code = np.array([code for code, _ in kept], np.int64)[which]
    value = np.array([value for _, value in kept])[which]
    found.is_odd[places[code == _ODD]] = True
    if QUANTITIES[field.quantity].kind == "status":
        said = code == _STATUS
        found.status[QUANTITIES[field.quantity].column][places[said]] = value[said]
        return
    measured = code >= 0
    found.message.append(places[measured])
    found.code.append(code[measured])
    found.value.append(value[measured])
    found.channel.append(np.full(np.count_nonzero(measured), field.channel))


def _kept(field: Field, said: object) -> _Kept:
    """Return code and value in the quantity's own unit of what is said, as `payload_fields` keeps it."""
    # What is kept of 0.0 would be found for -0.0 as well.
    return _kept_before(field, said) if said else _kept_of(field, said)


def _kept_of(field: Field, said: object) -> _Kept:
    try:
        given = read_value(said)
        if given is None or is_absent(given.number, field.quantity, field.absent):
            return _ABSENT, 0.0
        number, unit = given.number, given.unit or field.unit
        # What a number that may stand for none is, the other values of its message tell.
        if number in field.absent_alone or (field.curve is not None and given.unit not in (None, field.given)):
            return _NOT_KEPT
        if field.curve is not None:
            number, unit = field.curve.apply(number), field.unit
    except ValueError:
        return _NOT_KEPT
    conversion = CONVERSIONS.get((field.quantity, unit))
    if conversion is None:
        return _NOT_KEPT
    value = conversion.apply(number * field.scale)
    if not conversion.quantity.lowest <= value <= conversion.quantity.highest:
        return _NOT_KEPT
    return (_STATUS if conversion.quantity.kind == "status" else _SOIL_CODES[field.quantity, unit]), value


_kept_before = functools.lru_cache(maxsize=_VALUES_KEPT, typed=True)(_kept_of)
