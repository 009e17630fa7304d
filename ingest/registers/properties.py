"""From the properties of a feature to the facts of a plot, in the units of schemas/tables/plots.toml."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ingest.decode.guard import describe, escape
from ingest.identifiers import EXPECTED_ID, is_id
from ingest.registers.findings import Place
from ingest.registers.plot_file import is_number
from ingest.registers.property_values import Given, fraction, number_within, past_day, text, word
from ingest.registers.soil import Textures, read_soil
from ingest.registers.tree_pits import read_tree_pits
from ingest.registers.words import (
    GRADES,
    IRRIGATION,
    PLOT_PROPERTIES,
    PLOT_TYPES,
    VEGETATION,
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

Facts = dict[str, Any]


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
                    "unknown_property",
                    written,
                    "a known property",
                    f"It was left out. {hint}",
                    f"/properties/{escape(written)}",
                )
        elif value is None or (isinstance(value, str) and not value.strip()):
            continue
        elif column in found:
            place.fault(
                "property_twice",
                f"{found[column][0]} and {written}",
                f"{column} once",
                "Keep one.",
                f"/properties/{escape(written)}",
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
    values: Mapping[str, tuple[str, object]], plot_id: str | None, today: date, place: Place, textures: Textures
) -> Facts:
    """Return the facts of a plot: every column of the register that is no geometry and no validity.

    Faults go to `place`; the result is of use only when there are none.
    """
    given = Given(values)
    facts: Facts = {"plot_id": plot_id}
    if plot_id is None or not is_id(plot_id):
        got = describe(values["plot_id"][1] if "plot_id" in values else None)
        code = "missing_id" if plot_id is None else "invalid_id"
        place.fault(code, got, EXPECTED_ID, "Give it an id.", given.at("plot_id"))
    facts["name"] = text(given, "name", place, required=True)
    facts["plot_type"] = word(given, "plot_type", PLOT_TYPES, place, required=True)
    grade = word(given, "maintenance_grade", GRADES, place, required=True)
    facts["maintenance_grade"] = int(grade) if grade else None
    facts["vegetation"] = word(given, "vegetation", VEGETATION, place, required=True)
    facts["planted_on"] = past_day(given, "planted_on", today, place)
    facts |= read_soil(given, place, textures)
    facts["irrigation"] = word(given, "irrigation", IRRIGATION, place)
    facts["wetted_fraction"] = fraction(given, "wetted_fraction", place)
    facts |= read_tree_pits(given, place)
    for column in ("water_ec_ds_m", "soil_ece_ds_m"):
        facts[column] = number_within(given, column, 0, 60, "dS/m", place)
    facts["canopy_height_m"] = number_within(given, "canopy_height_m", 0, 60, "m", place)
    for column in _TEXTS:
        facts[column] = text(given, column, place)
    return facts
