"""One value as vendors send it: a number, "47.94", "0 uS/cm", {"value": 26.7, "unit": "°C"}, "NoSensor", 65535."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from ingest.decode.device_models import absent_marks
from ingest.decode.quantities import ucum

_NUMBER_AND_UNIT = re.compile(
    r"\s*([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)\s*([^\s0-9.,:;+-].{0,31})?\s*"
)
_LONGEST = 64
_UNIT_KEYS = ("unit", "units", "uom")


@dataclass(frozen=True, slots=True)
class Given:
    """A number as received, and the UCUM code of the unit that came with it, if one did."""

    number: float
    unit: str | None


def read_value(value: object) -> Given | None:
    """Return number and unit; None when the sender says that there is no value.

    Raises: ValueError when it is neither a number nor a known mark for none.
    """
    if isinstance(value, dict) and "value" in value:
        unit = unit_beside(value)
        inner = read_value(value["value"]) if not isinstance(value["value"], dict) else _not_a_number()
        if inner is None or unit is None:
            return inner
        return Given(inner.number, ucum(unit))
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Given(float(value), None)
    if isinstance(value, str):
        return _read_text(value)
    return _not_a_number()


def unit_beside(value: Mapping[str, object]) -> str | None:
    """Return the unit that stands beside a value ({"value": 26.7, "unit": "°C"}), as written; None without one."""
    return next((unit for key in _UNIT_KEYS if isinstance(unit := value.get(key), str) and unit.strip()), None)


def is_absent(number: float, quantity: str, absent: frozenset[float] = frozenset()) -> bool:
    """Say whether `number`, as received, stands for "no value" of `quantity`."""
    marks = absent_marks()
    return number in marks.numbers or number in absent or number in marks.by_quantity.get(quantity, ())


def _read_text(text: str) -> Given | None:
    if not text.isascii() and len(text) <= _LONGEST:
        text = unicodedata.normalize("NFKC", text)  # figures and signs as wide as characters of Chinese
    if text.strip().lower() in absent_marks().words or not text.strip():
        return None
    for remark in absent_marks().remarks:
        text = text[: -len(remark)] if text.lower().endswith(remark) else text
    found = _NUMBER_AND_UNIT.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return _not_a_number()
    number = float(found.group(1))
    if number in (float("inf"), float("-inf")):
        return _not_a_number()
    return Given(number, ucum(found.group(2)) if found.group(2) else None)


def _not_a_number() -> Given:
    raise ValueError("not a number, with or without a unit")
