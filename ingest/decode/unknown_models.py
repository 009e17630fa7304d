"""The cautious rule for models that schemas/devices does not describe: what a field's name, value and unit say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.decode.device_models import REGISTER_ITS_MODEL, unknown_fields
from ingest.decode.field_names import Named, read_name
from ingest.decode.field_values import Given, is_absent, read_value
from ingest.decode.guard import describe
from ingest.decode.measurements import Measurements
from ingest.decode.notes import FieldNote, Notes
from ingest.decode.quantities import CONVERSIONS, Conversion, ucum
from ingest.errors import Fault
from ingest.stream_units import LARGEST_PERCENT, StreamReader

_WATER = "volumetric_water_content"
_UNIT_FIELDS = ("_unit", "_units", "Unit", "Units")


@dataclass(frozen=True, slots=True)
class _Value:
    name: str
    named: Named
    given: Given
    pointer: str


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
        if given is not None and given.unit is None:
            given = Given(given.number, named.unit or _unit_field(name, placed))
        if named.needs_unit and (given is None or given.unit is None):
            continue
        known += 1
        if given is not None and not is_absent(given.number, named.quantity):
            values.append(_Value(name, named, given, place))
    _add(_believed(values, measured, notes), measured, reader, notes)
    return known


def _believed(values: list[_Value], measured: Measurements, notes: Notes | None) -> list[_Value]:
    """Return the values without those of which another name of the same element tells more surely.

    A device that sends its water by volume often sends a share of its own span beside it, and calls that moisture.
    """
    surest: dict[tuple[str, float | None, int], _Value] = {}
    for value in values:
        named = value.named
        element = (named.quantity, named.depth_cm, named.channel or 1)
        if named.rank < surest.setdefault(element, value).named.rank:
            surest[element] = value
    kept = []
    for value in values:
        named = value.named
        believed = surest[named.quantity, named.depth_cm, named.channel or 1]
        if named.rank == believed.named.rank:
            kept.append(value)
        elif value.given != believed.given:
            measured.refuse(_told_more_surely(value, believed), value.pointer)
        elif notes is not None:
            given = describe(value.given.number)
            notes.fields.append(FieldNote(value.pointer, value.name, given, "said already", named.quantity))
    return kept


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


def _unit_field(name: str, placed: Mapping[str, tuple[object, str]]) -> str | None:
    """Return the unit that a field of its own tells of another (`soil_moisture_unit`); None without one."""
    for ending in _UNIT_FIELDS:
        unit, _ = placed.get(name + ending, (None, ""))
        if isinstance(unit, str) and unit.strip():
            return ucum(unit)
    return None


def _note(value: _Value, conversion: Conversion, why: str) -> FieldNote:
    number, unit = conversion.apply(value.given.number), conversion.quantity.unit
    given, quantity = describe(value.given.number), value.named.quantity
    depth_cm = value.named.depth_cm
    channel = value.named.channel or 1 if depth_cm is None else None
    return FieldNote(value.pointer, value.name, given, "kept", quantity, number, unit, channel, why, depth_cm)


def _not_understood(value: object, pointer: str, error: ValueError) -> Fault:
    return Fault(pointer, "value_not_understood", describe(value), "a number, with or without unit", str(error))


def _told_more_surely(value: _Value, believed: _Value) -> Fault:
    got = f"{describe(value.name)}, {describe(value.given.number)}, beside {describe(believed.name)}"
    expected = f"one {value.named.quantity} per depth or channel"
    return Fault(value.pointer, "measured_twice", got, expected, REGISTER_ITS_MODEL)


def _no_unit(quantity: str, value: object, pointer: str) -> Fault:
    units = ", ".join(unit for name, unit in CONVERSIONS if name == quantity)
    return Fault(
        pointer,
        "unit_not_known",
        describe(value),
        f"a known device model, or a value with its unit: {units}",
        REGISTER_ITS_MODEL,
    )
