"""From a decoded payload to measurements: by the model's field map, or by the cautious rule for unknown models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ingest.decode.device_models import Field, Model
from ingest.decode.field_values import Given, is_absent, read_value
from ingest.decode.guard import describe, escape
from ingest.decode.measurements import Measurements
from ingest.decode.notes import Fate, FieldNote, Notes
from ingest.decode.quantities import CONVERSIONS, QUANTITIES
from ingest.decode.sdi12 import read_answer
from ingest.decode.unknown_models import read_unknown
from ingest.errors import Fault, PayloadError
from ingest.stream_units import StreamReader

_MOST_NESTED = 4
_INVALID = ("false", "0", "0.0")


def read_fields(
    fields: Mapping[str, object],
    model: Model | None,
    pointer: str,
    reader: StreamReader,
    notes: Notes | None = None,
) -> tuple[Measurements, int]:
    """Return what the fields say, and how many of them are known (also those that say "no value").

    pointer: JSON pointer to `fields` in the message
    reader: of the device's streams, for a model that nobody knows
    notes: where to write what became of each field, if anybody asks
    """
    measured = Measurements()
    placed = {name: (value, f"{pointer}/{escape(name)}") for name, value in fields.items()}
    if model is not None and model.measurements is not None:
        for name, (value, place) in _identified(fields, model.measurements, pointer):
            if placed.setdefault(name, (value, place))[0] != value and name in model.fields:
                measured.refuse(_twice(name, value, place), place)
    return measured, add_fields(measured, placed, model, reader, notes)


def add_fields(
    measured: Measurements,
    placed: Mapping[str, tuple[object, str]],
    model: Model | None,
    reader: StreamReader,
    notes: Notes | None = None,
) -> int:
    """Add what fields of one instant say to `measured`, and return how many are known.

    placed: value of each field, and JSON pointer to it
    reader, notes: as in `read_fields`
    """
    if model is None:
        return read_unknown(placed, measured, reader, notes)
    if model.sdi12:
        placed = {**placed, **_answered(measured, placed, model)}
    is_valid = model.valid is None or str(placed.get(model.valid, (True, ""))[0]).strip().lower() not in _INVALID
    said: set[tuple[str, int]] = set()
    # A list of messages none of which is a measurement (a new sensor's id) is understood all the same.
    known = 1 if model.measurements is not None and placed.get(model.measurements[0], (None, ""))[0] else 0
    known += sum(name in model.sdi12 for name in placed)
    for name, field in _certain_first(placed, model):
        known += 1
        value, place = placed[name]
        if (field.quantity, field.channel) in said:
            fate: Fate = "said already"
        elif not is_valid and QUANTITIES[field.quantity].kind != "status":
            fate = "no value"
        else:
            fate = _add(measured, field, value, place)
            if fate == "kept":
                said.add((field.quantity, field.channel))
        if notes is not None:
            notes.fields.append(_note(name, value, place, field, fate, measured))
    if notes is not None:
        notes.fields += [
            FieldNote(place, name, describe(value), "ignored", why=model.ignored.get(name, "not in the model's table"))
            for name, (value, place) in placed.items()
            if name not in model.fields and not _is_read_elsewhere(name, model)
        ]
    return known


def _certain_first(placed: Mapping[str, tuple[object, str]], model: Model) -> Iterable[tuple[str, Field]]:
    """Return the model's fields that are there, last those whose value may stand for none."""
    there = [(name, field) for name, field in model.fields.items() if name in placed]
    return sorted(there, key=lambda one: _may_be_absent(one[1], placed[one[0]][0]))


def _may_be_absent(field: Field, value: object) -> bool:
    try:
        given = read_value(value) if field.absent_alone else None
    except ValueError:
        return False
    return given is not None and given.number in field.absent_alone


def _answered(
    measured: Measurements, placed: Mapping[str, tuple[object, str]], model: Model
) -> dict[str, tuple[object, str]]:
    """Return the values that stand in answers of SDI-12 probes, by name; an answer that is none is refused."""
    found: dict[str, tuple[object, str]] = {}
    for field, names in model.sdi12.items():
        if field in placed:
            text, place = placed[field]
            try:
                found |= {name: (number, place) for name, number in read_answer(text, names, place).items()}
            except PayloadError as error:
                measured.refuse(error.faults[0], place)
    return found


def _is_read_elsewhere(name: str, model: Model) -> bool:
    """Say whether a field is no value but the holder of values, or of their time."""
    holders = {part[0] for part in (model.history, model.measurements) if part is not None} | model.sdi12.keys()
    return name in holders or name == model.valid or (model.time is not None and name == model.time.field)


def _add(measured: Measurements, field: Field, value: object, pointer: str) -> Fate:
    """Add the value and say what became of it; where there is none, another field may say the same quantity."""
    refused = len(measured.refused)
    given = _given(measured, value, pointer)
    absent = field.absent if measured.has_soil else field.absent | field.absent_alone
    if given is not None and not is_absent(given.number, field.quantity, absent):
        number, unit = given.number, given.unit or field.unit
        if field.curve is not None:
            if given.unit not in (None, field.given):
                measured.refuse(_another_unit(value, field, pointer), pointer)
                return "refused"
            try:
                number, unit = field.curve.apply(number), field.unit
            except ValueError as error:
                measured.refuse(
                    Fault(pointer, "out_of_range", describe(value), str(error), "Check the probe."), pointer
                )
                return "refused"
        measured.add(field.quantity, unit, number * field.scale, pointer, channel=field.channel)
        return "kept" if len(measured.refused) == refused else "refused"
    return "no value" if len(measured.refused) == refused else "refused"


def _twice(name: str, value: object, pointer: str) -> Fault:
    got, expected = f"a second {describe(name)}, {describe(value)}", "one value for each measurement"
    return Fault(pointer, "measured_twice", got, expected, "Send the values of another time in an uplink of their own.")


def _another_unit(value: object, field: Field, pointer: str) -> Fault:
    """Return the fault of a value in another unit than the one that its element gives and its curve is for."""
    expected = f"a value in {field.given}" if field.given else "a value without a unit"
    return Fault(pointer, "unit_not_allowed", describe(value), expected, "Check the model and the payload codec.")


def _note(name: str, value: object, pointer: str, field: Field, fate: Fate, measured: Measurements) -> FieldNote:
    """Return what became of a field of a known model."""
    given = read_value(value) if fate in ("kept", "said already") else None
    if fate != "kept" or given is None:
        why = {"said already": "another field says the same", "no value": "a mark for no value"}.get(fate, "")
        if fate == "refused" and measured.refused:
            fault = measured.refused[-1].faults[0]
            why = f"{fault.code}: expected {fault.expected}"
        return FieldNote(pointer, name, describe(value), fate, field.quantity, channel=field.channel, why=why)
    number = given.number if field.curve is None else field.curve.apply(given.number)
    unit = field.unit if field.curve is not None else given.unit or field.unit
    conversion = CONVERSIONS[field.quantity, unit]
    return FieldNote(
        pointer,
        name,
        describe(value),
        fate,
        field.quantity,
        conversion.apply(number * field.scale),
        conversion.quantity.unit,
        field.channel if conversion.quantity.kind == "soil" else None,
        "by the maker's curve" if field.curve is not None else "",
    )


def _given(measured: Measurements, value: object, pointer: str) -> Given | None:
    try:
        return read_value(value)
    except ValueError as error:
        measured.refuse(
            Fault(pointer, "value_not_understood", describe(value), "a number, with or without unit", str(error)),
            pointer,
        )
        return None


def _identified(
    fields: Mapping[str, object], measurements: tuple[str, str, str], pointer: str
) -> Iterator[tuple[str, tuple[object, str]]]:
    """Return field name (the id), value and pointer of each measurement in a list, or in lists in that list."""
    list_name, id_key, value_key = measurements
    waiting: list[tuple[object, str, int]] = [(fields.get(list_name), f"{pointer}/{escape(list_name)}", 0)]
    while waiting:
        part, place, depth = waiting.pop()
        if isinstance(part, list) and depth < _MOST_NESTED:
            waiting.extend((inner, f"{place}/{index}", depth + 1) for index, inner in reversed([*enumerate(part)]))
        elif isinstance(part, dict):
            if value_key in part:
                name = part.get(id_key)
                if isinstance(name, int | str) and not isinstance(name, bool):
                    yield str(name), (part[value_key], f"{place}/{escape(value_key)}")
            else:
                yield from ((key, (value, f"{place}/{escape(key)}")) for key, value in part.items())
