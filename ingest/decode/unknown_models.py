"""The cautious rule for models that schemas/devices does not describe: what a field's name, value and unit say.

A name is the words of schemas/devices/unknown.toml or of a quantity, in whatever capitals, with a number at its end for
the channel. Where the envelope has names with levels (Sparkplug B, SenML), the last level is that name, and the level
before it may say how deep (`10cm/soil_moisture`, `soil_10cm/moisture`), which channel (`ch2/soil_moisture`,
`soil2/temperature`) or only that it is in the soil (`soil/temperature`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ingest.decode.device_models import REGISTER_ITS_MODEL, unknown_fields
from ingest.decode.field_values import Given, is_absent, read_value
from ingest.decode.guard import describe
from ingest.decode.measurements import Measurements
from ingest.decode.notes import FieldNote, Notes
from ingest.decode.quantities import CONVERSIONS, QUANTITIES, Conversion
from ingest.errors import Fault
from ingest.stream_units import LARGEST_PERCENT, StreamReader

_NAME_AND_CHANNEL = re.compile(r"([a-z]+?)([1-9][0-9]?)?", re.ASCII)
_PLACE = re.compile(
    r"(?:[a-z]+[_-]?)?(?:([0-9]{1,3}(?:\.[0-9]{1,2})?)cm|(?<![a-z])(?:ch|channel|soil)[_-]?([1-9][0-9]?))|soil",
    re.ASCII,
)
_BETWEEN_WORDS = re.compile(r"[_\- ]")
_WATER = "volumetric_water_content"
_LONGEST_NAME = 256
_LONGEST_LAST_LEVEL = 64
_QUANTITY_WORDS = {_BETWEEN_WORDS.sub("", name): name for name in QUANTITIES}
# What a word means below the ground, where the level before it says how deep or which channel.
_IN_SOIL = {
    "temperature": "soil_temperature",
    "temp": "soil_temperature",
    "ec": "bulk_ec",
    "conductivity": "bulk_ec",
    "potential": "matric_potential",
}


@dataclass(frozen=True, slots=True)
class Named:
    """What a field's name says; `needs_unit` where the word is too common to be believed without one."""

    quantity: str
    depth_cm: float | None
    channel: int | None
    needs_unit: bool


@dataclass(frozen=True, slots=True)
class _Value:
    name: str
    named: Named
    given: Given
    pointer: str


def read_name(name: str) -> Named | None:
    """Return what `name` says; None for a name that says nothing of a quantity."""
    before, _, last = name.rpartition("/")
    if len(name) > _LONGEST_NAME or len(last) > _LONGEST_LAST_LEVEL:
        return None
    found = _NAME_AND_CHANNEL.fullmatch(_BETWEEN_WORDS.sub("", last.lower()))
    if found is None:
        return None
    place = _PLACE.fullmatch(before.rpartition("/")[2].lower())
    depth_cm = float(place[1]) if place and place[1] else None
    channel = int(found[2] or (place[2] if place and place[2] else 0)) or None
    quantity = unknown_fields()[0].get(found[1]) or (_IN_SOIL.get(found[1]) if place else None)
    if quantity is not None:
        return Named(quantity, depth_cm, channel, needs_unit=False)
    quantity = _QUANTITY_WORDS.get(found[1])
    return None if quantity is None else Named(quantity, depth_cm, channel, needs_unit=True)


def is_place(level: str) -> bool:
    """Say whether a level of a name says how deep, which channel, or that it is in the soil."""
    return _PLACE.fullmatch(level.lower()) is not None


def read_unknown(
    placed: Mapping[str, tuple[object, str]],
    measured: Measurements,
    reader: StreamReader,
    notes: Notes | None = None,
) -> int:
    """Add to `measured` what the fields of an unknown model say, and return how many are known.

    placed: value of each field, and JSON pointer to it
    notes: where to write what became of each field, if anybody asks
    """
    known = 0
    values = []
    for name, (value, place) in placed.items():
        named = read_name(name)
        if named is None:
            if notes is not None:
                why = "no field name that is read of an unknown model"
                notes.fields.append(FieldNote(place, name, describe(value), "ignored", why=why))
            continue
        try:
            given = read_value(value)
        except ValueError as error:
            if not named.needs_unit:
                known += 1
                measured.refuse(_not_understood(value, place, error), place)
            continue
        if named.needs_unit and (given is None or given.unit is None):
            continue
        known += 1
        if given is not None and not is_absent(given.number, named.quantity):
            values.append(_Value(name, named, given, place))
    _add(values, measured, reader, notes)
    return known


def _add(values: list[_Value], measured: Measurements, reader: StreamReader, notes: Notes | None) -> None:
    bare = {
        value.name: value.given.number
        for value in values
        if value.named.quantity == _WATER and not value.given.unit and 0 <= value.given.number <= LARGEST_PERCENT
    }
    guessed = reader.read(bare)
    units = unknown_fields()[1]
    for value in values:
        named, given = value.named, value.given
        guess, doubt = guessed.get(value.name, (None, None))
        unit = given.unit or units.get(named.quantity) or guess
        if unit is None:
            measured.refuse(_no_unit(named.quantity, given.number, value.pointer), value.pointer)
            continue
        measured.add(named.quantity, unit, given.number, value.pointer, named.depth_cm, named.channel)
        if doubt is not None:
            measured.doubt(doubt, named.depth_cm, named.channel)
        if notes is not None and (named.quantity, unit) in CONVERSIONS:
            notes.fields.append(_note(value, CONVERSIONS[named.quantity, unit], doubt or ""))


def _note(value: _Value, conversion: Conversion, why: str) -> FieldNote:
    number, unit = conversion.apply(value.given.number), conversion.quantity.unit
    given, quantity = describe(value.given.number), value.named.quantity
    depth_cm = value.named.depth_cm
    channel = value.named.channel or 1 if depth_cm is None else None
    return FieldNote(value.pointer, value.name, given, "kept", quantity, number, unit, channel, why, depth_cm)


def _not_understood(value: object, pointer: str, error: ValueError) -> Fault:
    return Fault(pointer, "value_not_understood", describe(value), "a number, with or without unit", str(error))


def _no_unit(quantity: str, value: object, pointer: str) -> Fault:
    units = ", ".join(unit for name, unit in CONVERSIONS if name == quantity)
    return Fault(
        pointer,
        "unit_not_known",
        describe(value),
        f"a known device model, or a value with its unit: {units}",
        REGISTER_ITS_MODEL,
    )
