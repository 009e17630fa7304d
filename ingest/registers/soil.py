"""What a plot's soil is: texture, grains or the laboratory's water contents, for the whole plot or layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ingest.registers.findings import Place
from ingest.registers.property_values import WATER_FRACTIONS, Given, fraction, number_within, word
from ingest.registers.soil_layers import split_layers
from ingest.registers.texture_class import texture_class
from ingest.registers.words import SOIL_TEXTURES

Textures = Mapping[str, Mapping[str, float]]
"""soil_texture → field_capacity, wilting_point (m³/m³) that stand in for what a plot lacks."""

_GRAINS = ("sand_pct", "clay_pct", "organic_matter_pct")
_MOST_ORGANIC_PCT = 20.0
_EQUATIONS_HOLD = {"clay_pct": 60.0, "organic_matter_pct": 8.0}
"""Saxton and Rawls (2006) fitted soils below these."""


def read_soil(given: Given, place: Place, textures: Textures) -> dict[str, Any]:
    """Return the soil columns of the register: those of the plot as a whole, and soil_layers (None without layers)."""
    facts = _read_one(given, place, textures)
    layers = [
        {"to_cm": layer.to_cm, **_read_one(layer.given, place, textures, is_needed=True)}
        for layer in split_layers(given, place)
    ]
    facts["soil_layers"] = layers or None
    if "soil_layers" not in given.values and not _is_known(given):
        place.warn(
            "no_soil_facts",
            "no soil_texture, and not both field_capacity and wilting_point",
            "one of them",
            "Add soil_texture, if only by feel: without it the plot's dryness cannot be judged.",
            given.pointer,
        )
    return facts


def _is_known(given: Given) -> bool:
    names = given.values.keys()
    return bool("soil_texture" in names or {"field_capacity", "wilting_point"} <= names or {*_GRAINS[:2]} <= names)


def _read_one(given: Given, place: Place, textures: Textures, *, is_needed: bool = False) -> dict[str, Any]:
    facts: dict[str, Any] = {"soil_texture": word(given, "soil_texture", SOIL_TEXTURES, place)}
    for column in WATER_FRACTIONS:
        facts[column] = fraction(given, column, place)
    for column in _GRAINS:
        most = _MOST_ORGANIC_PCT if column == "organic_matter_pct" else 100.0
        facts[column] = number_within(given, column, 0.0, most, "%", place)
    _check_grains(facts, given, place)
    _check_order(facts, given, place)
    _check_completed(facts, given, place, textures)
    if is_needed and not _is_known(given):
        place.fault(
            "no_soil_facts",
            "a layer without texture, without sand_pct and clay_pct, and without field_capacity and wilting_point",
            "one of them",
            "Add the texture of the layer, if only by feel.",
            given.pointer,
        )
    return facts


def _check_grains(facts: dict[str, Any], given: Given, place: Place) -> None:
    """Look at the grains, and put the texture class that they make where none was written."""
    named = [column for column in _GRAINS if column in given.values]
    if not named:
        return
    sand_pct, clay_pct = facts["sand_pct"], facts["clay_pct"]
    if not {"sand_pct", "clay_pct"} <= set(named):
        absent = "clay_pct" if "sand_pct" in named else "sand_pct"
        advice = "Give sand_pct and clay_pct of the same sample; the rest is silt."
        place.fault("missing_property", f"only {', '.join(named)}", f"{absent} too", advice, given.at(absent))
    elif sand_pct is not None and clay_pct is not None:
        if sand_pct + clay_pct > 100:  # noqa: PLR2004
            got = f"sand {sand_pct:g} % and clay {clay_pct:g} %"
            place.fault("wrong_sum", got, "together at most 100 %", "Check the report.", given.at("clay_pct"))
            return
        made = texture_class(sand_pct, clay_pct)
        written = facts["soil_texture"]
        if written is None and "soil_texture" not in given.values:
            facts["soil_texture"] = made
        elif written not in {None, made}:
            advice = "Check which is right; the grains go before the word."
            got = f"{written}, but sand {sand_pct:g} % and clay {clay_pct:g} %"
            place.warn("texture_unlike_grains", got, made, advice, given.at("soil_texture"))
        for column, most in _EQUATIONS_HOLD.items():
            if (facts[column] or 0) > most:
                advice = "Have field capacity and wilting point measured: the equations hold up to there."
                place.warn("unusual_value", f"{facts[column]:g} %", f"at most {most:g} %", advice, given.at(column))


def _check_order(facts: Mapping[str, Any], given: Given, place: Place) -> None:
    ordered = [(column, facts[column]) for column in ("wilting_point", "field_capacity", "saturation")]
    known = [(column, value) for column, value in ordered if isinstance(value, float)]
    for (lower, low), (upper, high) in pairwise(known):
        if low >= high:
            got = f"{lower} {low:g}, {upper} {high:g}"
            place.fault("wrong_order", got, f"{lower} less than {upper}", "Check both.", given.at(upper))


def _check_completed(facts: Mapping[str, Any], given: Given, place: Place, textures: Textures) -> None:
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
            given.at(column),
        )
    else:
        place.warn(
            "half_measured",
            f"{column} without {missing}",
            "both of the same sample",
            f"{missing} is taken from {facts['soil_texture']}: give the laboratory's if there is one.",
            given.at(column),
        )
