"""One property of a plot, as people write it, to a word, a text, a day or a number in the register's unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ingest.decode.guard import describe, escape
from ingest.registers.findings import Place
from ingest.registers.instants import EXPECTED_DAY, parse_day
from ingest.registers.plot_file import as_number, is_list, is_number
from ingest.registers.words import Vocabulary

_LONGEST_TEXT = 500
_PERCENT = re.compile(r"\s*([0-9.]+)\s*[%％]\s*", re.ASCII)
WATER_FRACTIONS = ("field_capacity", "wilting_point", "saturation")
"""Water by volume of soil, m³/m³."""
_USUAL = {"wilting_point": (0.02, 0.35), "field_capacity": (0.06, 0.50), "saturation": (0.25, 0.70)}
"""Range of mineral soils, m³/m³: Saxton and Rawls 2006, table 3, widened by one standard deviation."""


@dataclass(frozen=True, slots=True)
class Given:
    """The properties of a feature, or of one of its soil layers, that hold a value.

    values: column → (name as written, value)
    pointer: JSON pointer of the object that holds them
    """

    values: Mapping[str, tuple[str, object]]
    pointer: str = "/properties"

    def at(self, column: str) -> str:
        """Return the JSON pointer of `column`, as it was written if it was."""
        return f"{self.pointer}/{escape(self.values[column][0] if column in self.values else column)}"


def missing(given: Given, column: str, expected: str, place: Place) -> None:
    """Say that a needed property is not there."""
    place.fault("missing_property", "nothing", expected, f"Add the property {column}.", given.at(column))


def word(given: Given, column: str, words: Vocabulary, place: Place, *, required: bool = False) -> str | None:
    """Return the code that a word of `words` stands for; None, and a fault, when it stands for none."""
    if column not in given.values:
        if required:
            missing(given, column, words.expected(), place)
        return None
    value = given.values[column][1]
    text = str(int(value)) if is_number(value) and float(value) == int(value) else value
    code = words.code(text) if isinstance(text, str) else None
    if code is None:
        advice = words.advice(text) if isinstance(text, str) else "Write a word."
        place.fault(f"unknown_{column}", describe(value), words.expected(), advice, given.at(column))
    return code


def text(given: Given, column: str, place: Place, *, required: bool = False) -> str | None:
    """Return a text of at most 500 characters; lists of texts are joined, whole numbers become texts."""
    if column not in given.values:
        if required:
            missing(given, column, "a text", place)
        return None
    value = given.values[column][1]
    if is_list(value) and all(isinstance(part, str) for part in value):
        value = "、".join(str(part) for part in value)
    elif is_number(value) and float(value).is_integer():
        value = str(int(value))  # tables of a GIS make floats of telephone numbers
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        expected = f"a text of at most {_LONGEST_TEXT} characters"
        place.fault("not_a_text", describe(value), expected, "Correct it.", given.at(column))
        return None
    return "".join(character if character.isprintable() else " " for character in value).strip()


def past_day(given: Given, column: str, today: date, place: Place) -> date | None:
    """Return a day of the site; one after `today` is warned of."""
    if column not in given.values:
        return None
    value, pointer = given.values[column][1], given.at(column)
    try:
        day = parse_day(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None:
        place.fault("not_a_day", describe(value), EXPECTED_DAY, "Write year-month-day.", pointer)
    elif day > today:
        place.warn("planted_in_future", day.isoformat(), f"a day up to {today}", "Check the day.", pointer)
    return day


def fraction(given: Given, column: str, place: Place) -> float | None:
    """Return a share of 1, or water by volume in m³/m³; percent are a fault, odd values of soils a warning."""
    if column not in given.values:
        return None
    value, pointer = given.values[column][1], given.at(column)
    percent = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    number = as_number(percent[1] if percent else value)
    water = column in WATER_FRACTIONS
    expected = "m³/m³, more than 0 and less than 1" if water else "more than 0, at most 1"
    if number is None:
        place.fault("not_a_number", describe(value), expected, "Write a number.", pointer)
    elif percent or 1 < number <= 100 or (water and number == 1):  # noqa: PLR2004
        place.fault("percent_not_fraction", describe(value), expected, f"Percent: write {number / 100:g}.", pointer)
    elif not 0 < number <= 1:
        place.fault("out_of_range", describe(value), expected, "Correct the number.", pointer)
    else:
        low, high = _USUAL.get(column, (0.0, 1.0))
        if not low <= number <= high:
            advice = "Check the laboratory report: by volume?"
            place.warn("unusual_value", f"{number:g}", f"{low:g} to {high:g} in mineral soils", advice, pointer)
        return number
    return None


def number_within(given: Given, column: str, low: float, high: float, unit: str, place: Place) -> float | None:
    """Return a number from `low` to `high`, both allowed, with or without its unit behind it."""
    if column not in given.values:
        return None
    value, pointer = given.values[column][1], given.at(column)
    bare = value.strip().removesuffix(unit).removesuffix("％") if isinstance(value, str) else value
    number = as_number(bare)
    expected = f"{low:g} to {high:g} {unit}"
    if number is None:
        place.fault("not_a_number", describe(value), expected, "Write a number.", pointer)
    elif not low <= number <= high:
        place.fault("out_of_range", describe(value), expected, "Correct the number.", pointer)
    else:
        return number
    return None
