"""From the properties of a feature to the facts of a plot, in the units of schemas/tables/plots.toml."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any

from ingest.decode.guard import describe, escape
from ingest.registers.findings import Place
from ingest.registers.identifiers import EXPECTED_ID, is_id
from ingest.registers.instants import EXPECTED_DAY, parse_day
from ingest.registers.plot_file import is_list, is_number
from ingest.registers.words import (
    GRADES,
    IRRIGATION,
    PLOT_PROPERTIES,
    PLOT_TYPES,
    SOIL_TEXTURES,
    VEGETATION,
    Vocabulary,
    canonical_names,
    did_you_mean,
    plain,
)

_NAMES = canonical_names(PLOT_PROPERTIES)
_TEXTS = (
    "plants",
    "grid_id",
    "responsible_unit",
    "responsible_person",
    "phone",
    "crew",
    "address_hint",
    "access_note",
    "water_source",
)
_LONGEST_TEXT = 500
_PERCENT = re.compile(r"\s*([0-9.]+)\s*[%％]\s*", re.ASCII)
_WATER_FRACTIONS = ("field_capacity", "wilting_point", "saturation")
_USUAL = {"wilting_point": (0.02, 0.35), "field_capacity": (0.06, 0.50), "saturation": (0.25, 0.70)}
"""Range of mineral soils, m³/m³: Saxton and Rawls 2006, table 3, widened by one standard deviation."""

Facts = dict[str, Any]

Textures = Mapping[str, Mapping[str, float]]
"""soil_texture → field_capacity, wilting_point (m³/m³) that stand in for what a plot lacks."""


def named(properties: Mapping[str, object], place: Place) -> dict[str, tuple[str, object]]:
    """Return column → (name as written, value), empty values left out; two names for one column are a fault.

    Names that look like a slip of the pen are warned of; other unknown properties are left out silently, since every
    GIS adds some.
    """
    found: dict[str, tuple[str, object]] = {}
    for written, value in properties.items():
        column = _NAMES.get(plain(written))
        if column is None:
            hint = did_you_mean(plain(written), [*PLOT_PROPERTIES], "")
            if hint:
                place.warn(
                    "unknown_property", written, "a known property", f"It was left out. {hint}", _pointer(written)
                )
        elif value is None or (isinstance(value, str) and not value.strip()):
            continue
        elif column in found:
            place.fault(
                "property_twice", f"{found[column][0]} and {written}", f"{column} once", "Keep one.", _pointer(written)
            )
        else:
            found[column] = (written, value.strip() if isinstance(value, str) else value)
    return found


def read_plot_id(given: Mapping[str, tuple[str, object]], feature_id: object) -> str | None:
    """Return the plot's id from plot_id or, without it, from the feature's own id member; None when there is none."""
    value = given["plot_id"][1] if "plot_id" in given else feature_id
    if is_number(value) and float(value).is_integer():
        return str(int(value))
    return value.strip() or None if isinstance(value, str) else None


def read_facts(
    given: Mapping[str, tuple[str, object]], plot_id: str | None, today: date, place: Place, textures: Textures
) -> Facts:
    """Return the facts of a plot: every column of the register that is no geometry and no validity.

    Faults go to `place`; the result is of use only when there are none.
    """
    facts: Facts = {"plot_id": plot_id}
    if plot_id is None or not is_id(plot_id):
        got = describe(given["plot_id"][1] if "plot_id" in given else None)
        place.fault(
            "missing_id" if plot_id is None else "invalid_id", got, EXPECTED_ID, "Give it an id.", _at(given, "plot_id")
        )
    facts["name"] = _text(given, "name", place, required=True)
    facts["plot_type"] = _word(given, "plot_type", PLOT_TYPES, place, required=True)
    grade = _word(given, "maintenance_grade", GRADES, place, required=True)
    facts["maintenance_grade"] = int(grade) if grade else None
    facts["vegetation"] = _word(given, "vegetation", VEGETATION, place, required=True)
    facts["planted_on"] = _day(given, today, place)
    facts["soil_texture"] = _word(given, "soil_texture", SOIL_TEXTURES, place)
    for column in _WATER_FRACTIONS:
        facts[column] = _fraction(given, column, place)
    _check_soil(facts, given, place)
    _check_completed(facts, given, place, textures)
    facts["irrigation"] = _word(given, "irrigation", IRRIGATION, place)
    facts["wetted_fraction"] = _fraction(given, "wetted_fraction", place)
    for column in _TEXTS:
        facts[column] = _text(given, column, place)
    return facts


def _pointer(written: str) -> str:
    return f"/properties/{escape(written)}"


def _at(given: Mapping[str, tuple[str, object]], column: str) -> str:
    return _pointer(given[column][0] if column in given else column)


def _missing(column: str, expected: str, place: Place) -> None:
    place.fault("missing_property", "nothing", expected, f"Add the property {column}.", _pointer(column))


def _word(
    given: Mapping[str, tuple[str, object]], column: str, words: Vocabulary, place: Place, *, required: bool = False
) -> str | None:
    if column not in given:
        if required:
            _missing(column, words.expected(), place)
        return None
    value = given[column][1]
    text = str(int(value)) if is_number(value) and float(value) == int(value) else value
    code = words.code(text) if isinstance(text, str) else None
    if code is None:
        advice = words.advice(text) if isinstance(text, str) else "Write a word."
        place.fault(f"unknown_{column}", describe(value), words.expected(), advice, _at(given, column))
    return code


def _text(given: Mapping[str, tuple[str, object]], column: str, place: Place, *, required: bool = False) -> str | None:
    if column not in given:
        if required:
            _missing(column, "a text", place)
        return None
    value = given[column][1]
    if is_list(value) and all(isinstance(part, str) for part in value):
        value = "、".join(str(part) for part in value)
    elif is_number(value) and float(value).is_integer():
        value = str(int(value))  # tables of a GIS make floats of telephone numbers
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        place.fault(
            "not_a_text",
            describe(value),
            f"a text of at most {_LONGEST_TEXT} characters",
            "Correct it.",
            _at(given, column),
        )
        return None
    return "".join(character if character.isprintable() else " " for character in value).strip()


def _day(given: Mapping[str, tuple[str, object]], today: date, place: Place) -> date | None:
    if "planted_on" not in given:
        return None
    value, pointer = given["planted_on"][1], _at(given, "planted_on")
    try:
        day = parse_day(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None:
        place.fault("not_a_day", describe(value), EXPECTED_DAY, "Write year-month-day.", pointer)
    elif day > today:
        place.warn("planted_in_future", day.isoformat(), f"a day up to {today}", "Check the day.", pointer)
    return day


def _fraction(given: Mapping[str, tuple[str, object]], column: str, place: Place) -> float | None:
    if column not in given:
        return None
    value, pointer = given[column][1], _at(given, column)
    percent = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    number: float | None = None
    try:
        if percent:
            number = float(percent[1])
        elif isinstance(value, str) or is_number(value):
            number = float(value)
    except ValueError:
        number = None
    water = column in _WATER_FRACTIONS
    expected = "m³/m³, more than 0 and less than 1" if water else "more than 0, at most 1"
    if number is None or not math.isfinite(number):
        place.fault("not_a_number", describe(value), expected, "Write a number.", pointer)
    elif percent or 1 < number <= 100 or (water and number == 1):  # noqa: PLR2004
        place.fault("percent_not_fraction", describe(value), expected, f"Percent: write {number / 100:g}.", pointer)
    elif not 0 < number <= 1:
        place.fault("out_of_range", describe(value), expected, "Correct the number.", pointer)
    else:
        low, high = _USUAL.get(column, (0.0, 1.0))
        if not low <= number <= high:
            place.warn(
                "unusual_value",
                f"{number:g}",
                f"{low:g} to {high:g} in mineral soils",
                "Check the laboratory report: by volume?",
                pointer,
            )
        return number
    return None


def _check_soil(facts: Facts, given: Mapping[str, tuple[str, object]], place: Place) -> None:
    ordered = [(column, facts[column]) for column in ("wilting_point", "field_capacity", "saturation")]
    known = [(column, value) for column, value in ordered if isinstance(value, float)]
    for (lower, low), (upper, high) in pairwise(known):
        if low >= high:
            place.fault(
                "wrong_order",
                f"{lower} {low:g}, {upper} {high:g}",
                f"{lower} less than {upper}",
                "Check both.",
                _at(given, upper),
            )
    if "soil_texture" not in given and not {"field_capacity", "wilting_point"} <= given.keys():
        place.warn(
            "no_soil_facts",
            "no soil_texture, and not both field_capacity and wilting_point",
            "one of them",
            "Add soil_texture, if only by feel: without it the plot's dryness cannot be judged.",
            "/properties",
        )


def _check_completed(facts: Facts, given: Mapping[str, tuple[str, object]], place: Place, textures: Textures) -> None:
    """Look at a laboratory value whose partner comes from the texture: water is held between the two."""
    measured = [column for column in ("field_capacity", "wilting_point") if isinstance(facts[column], float)]
    if len(measured) != 1 or facts["soil_texture"] is None:
        return
    (column,) = measured
    missing = "wilting_point" if column == "field_capacity" else "field_capacity"
    usual = textures.get(facts["soil_texture"], {}).get(missing)
    pair = {column: facts[column], missing: usual}
    if usual is not None and pair["field_capacity"] <= pair["wilting_point"]:
        place.fault(
            "wrong_order",
            f"{column} {facts[column]:g}, and {missing} {usual:g} of {facts['soil_texture']}",
            "wilting_point less than field_capacity",
            f"Give {missing} of the same sample too, or check the texture.",
            _at(given, column),
        )
    else:
        place.warn(
            "half_measured",
            f"{column} without {missing}",
            "both of the same sample",
            f"{missing} is taken from {facts['soil_texture']}: give the laboratory's if there is one.",
            _at(given, column),
        )
