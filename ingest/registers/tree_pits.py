"""The tree pits of a plot: how many there are, and the ground that they are together."""

from __future__ import annotations

import math
import re
from typing import Any

from ingest.decode.guard import describe
from ingest.registers.findings import Place
from ingest.registers.plot_file import as_number, is_list
from ingest.registers.property_values import Given

_SMALLEST_M, _LARGEST_M = 0.2, 5.0
_MOST = 20_000
_BETWEEN = re.compile(r"[,，、;；/\s]+")
_UNIT = re.compile(r"(?<=[0-9])\s*(?:m|米)", re.ASCII)
_EXPECTED_RADIUS = f"metres, {_SMALLEST_M:g} to {_LARGEST_M:g}, one for all pits or one for each"


def read_tree_pits(given: Given, place: Place) -> dict[str, Any]:
    """Return `tree_pits` and `tree_pit_area_m2`, both None where the plot has no pits of its own.

    A single radius is that of every pit; a list has one for each. A number without the other is a fault: litres of
    pits of unknown size are no litres.
    """
    none = {"tree_pits": None, "tree_pit_area_m2": None}
    if "tree_pits" not in given.values and "tree_pit_radius_m" not in given.values:
        return none
    count = _count(given, place)
    radii = _radii(given, place)
    if radii is None or (count is None and "tree_pits" in given.values):
        return none
    if count is None and len(radii) == 1:
        place.fault(
            "missing_property", "a radius without a number of pits", "tree_pits", "Add tree_pits.",
            given.at("tree_pits"),
        )  # fmt: skip
        return none
    if count is not None and len(radii) not in (1, count):
        place.fault(
            "wrong_order", f"{count} pits, {len(radii)} radii", "one radius, or one for each pit", "Check both.",
            given.at("tree_pit_radius_m"),
        )  # fmt: skip
        return none
    pits = radii * count if count is not None and len(radii) == 1 else radii
    return {"tree_pits": len(pits), "tree_pit_area_m2": math.fsum(math.pi * radius**2 for radius in pits)}


def _count(given: Given, place: Place) -> int | None:
    if "tree_pits" not in given.values:
        return None
    value = given.values["tree_pits"][1]
    number = as_number(value)
    if number is None or not number.is_integer() or not 1 <= number <= _MOST:
        expected = f"how many pits there are, a whole number, 1 to {_MOST}"
        advice = "Correct it. Radii stand in tree_pit_radius_m."
        place.fault("out_of_range", describe(value), expected, advice, given.at("tree_pits"))
        return None
    return int(number)


def _radii(given: Given, place: Place) -> list[float] | None:
    if "tree_pit_radius_m" not in given.values:
        place.fault(
            "missing_property", "tree_pits without a radius", _EXPECTED_RADIUS, "Add tree_pit_radius_m.",
            given.at("tree_pit_radius_m"),
        )  # fmt: skip
        return None
    value = given.values["tree_pit_radius_m"][1]
    parts = (
        list(value)
        if is_list(value)
        else _BETWEEN.split(_UNIT.sub("", value).strip())
        if isinstance(value, str)
        else [value]
    )
    radii = [as_number(part) for part in parts]
    sound = [radius for radius in radii if radius is not None and _SMALLEST_M <= radius <= _LARGEST_M]
    if len(sound) != len(radii) or not sound or len(sound) > _MOST:
        place.fault(
            "out_of_range", describe(value), _EXPECTED_RADIUS, "Write metres: 60 cm is 0.6.",
            given.at("tree_pit_radius_m"),
        )  # fmt: skip
        return None
    return sound
