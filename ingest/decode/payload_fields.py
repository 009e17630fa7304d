"""From a decoded payload to measurements: by the model's field map, or by the cautious rule for unknown models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ingest.decode.device_models import Field, Model, unknown_fields
from ingest.decode.field_values import Given, is_absent, read_value
from ingest.decode.guard import describe, escape
from ingest.decode.measurements import Measurements
from ingest.decode.quantities import CONVERSIONS
from ingest.errors import Fault

_NAME_AND_CHANNEL = re.compile(r"([a-z]+?)([1-9][0-9]?)?", re.ASCII)
_WATER = "volumetric_water_content"
_LARGEST_PERCENT = 100.0
_MOST_NESTED = 4
_LONGEST_NAME = 64


def read_fields(fields: Mapping[str, object], model: Model | None, pointer: str) -> tuple[Measurements, int]:
    """Return what the fields say, and how many of them are known (also those that say "no value").

    pointer: JSON pointer to `fields` in the message
    """
    measured = Measurements()
    if model is None:
        return measured, _read_unknown(fields, measured, pointer)
    plain = {name: (value, f"{pointer}/{escape(name)}") for name, value in fields.items()}
    if model.measurements is not None:
        plain |= dict(_identified(fields, model.measurements, pointer))
    said: set[tuple[str, int]] = set()
    known = 0
    for name, field in model.fields.items():
        if name not in plain:
            continue
        known += 1
        value, place = plain[name]
        if (field.quantity, field.channel) not in said and _add(measured, field, value, place):
            said.add((field.quantity, field.channel))
    return measured, known


def _add(measured: Measurements, field: Field, value: object, pointer: str) -> bool:
    """Add the value; False when there is none, so that another field may say the same quantity."""
    given = _given(measured, value, pointer)
    if given is None or is_absent(given.number, field.quantity, field.absent):
        return False
    measured.add(field.quantity, given.unit or field.unit, given.number * field.scale, pointer, channel=field.channel)
    return True


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
            waiting.extend((inner, f"{place}/{index}", depth + 1) for index, inner in enumerate(part))
        elif isinstance(part, dict):
            if value_key in part:
                name = part.get(id_key)
                if isinstance(name, int | str) and not isinstance(name, bool):
                    yield str(name), (part[value_key], f"{place}/{escape(value_key)}")
            else:
                yield from ((key, (value, f"{place}/{escape(key)}")) for key, value in part.items())


def _read_unknown(fields: Mapping[str, object], measured: Measurements, pointer: str) -> int:
    """Add what an unknown model's fields say by their names, and return how many are known."""
    quantities, units = unknown_fields()
    known = 0
    values: list[tuple[str, int, Given, str]] = []
    for name, value in fields.items():
        found = _NAME_AND_CHANNEL.fullmatch(re.sub(r"[_\- ]", "", name.lower())) if len(name) <= _LONGEST_NAME else None
        quantity = quantities.get(found.group(1)) if found else None
        if found is None or quantity is None:
            continue
        known += 1
        place = f"{pointer}/{escape(name)}"
        given = _given(measured, value, place)
        if given is not None and not is_absent(given.number, quantity):
            values.append((quantity, int(found.group(2) or 1), given, place))
    bare_unit = _guessed([given.number for quantity, _, given, _ in values if quantity == _WATER and not given.unit])
    for quantity, channel, given, place in values:
        unit = given.unit or units.get(quantity) or (bare_unit if quantity == _WATER else None)
        if unit is None or (quantity == _WATER and not given.unit and not 0 <= given.number <= _LARGEST_PERCENT):
            measured.refuse(_no_unit(quantity, given.number, place), place)
        else:
            measured.add(quantity, unit, given.number, place, channel=channel)
    return known


def _guessed(numbers: Sequence[float]) -> str:
    """Return the one unit of an unknown model's bare water contents (soil.md, section 1): "%" above 1, else "1".

    The values of one message share it: 22.5 beside 0.8 are 22.5 % and 0.8 %.
    """
    return "%" if any(1 < number <= _LARGEST_PERCENT for number in numbers) else "1"


def _no_unit(quantity: str, value: object, pointer: str) -> Fault:
    units = ", ".join(unit for name, unit in CONVERSIONS if name == quantity)
    return Fault(
        pointer,
        "unit_not_known",
        describe(value),
        f"a known device model, or a value with its unit: {units}",
        "Register the device with its model.",
    )
