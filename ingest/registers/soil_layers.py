"""The layers of a plot's soil as people write them: a list of objects, or a line of text for tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from ingest.decode.guard import describe
from ingest.registers.findings import Place
from ingest.registers.plot_file import is_list
from ingest.registers.property_values import Given, number_within
from ingest.registers.words import SOIL_LAYER_PROPERTIES, canonical_names, did_you_mean, plain

_NAMES = canonical_names(SOIL_LAYER_PROPERTIES)
_DEEPEST_CM = 1000.0
_MOST = 20
_EXPECTED = 'layers from the top, such as "40 loam; 100 0.26/0.12" or [{"to_cm": 40, "texture": "loam"}, …]'
_DEPTHS = re.compile(
    r"(?:(?P<from_cm>\d+(?:\.\d+)?)\s*[-–~～至]\s*)?(?P<to_cm>\d+(?:\.\d+)?)\s*(?:cm|厘米)?(?:\s*[:：,，]\s*|\s+)(?P<soil>\S.*)",
    re.ASCII,
)
_WATERS = re.compile(r"([0-9.]+%?)/([0-9.]+%?)(?:/([0-9.]+%?))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class WrittenLayer:
    """One layer: where it ends (cm below the surface), and what was written of its soil."""

    to_cm: float
    given: Given


def split_layers(given: Given, place: Place) -> tuple[WrittenLayer, ...]:
    """Return the layers that property soil_layers holds, from the top; none, and a fault, when they do not fit.

    Each begins where the one above ends, the first at the surface. The last one goes on below its end.
    """
    if "soil_layers" not in given.values:
        return ()
    value, pointer = given.values["soil_layers"][1], given.at("soil_layers")
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = msgspec.json.decode(value, type=list[dict[str, float | int | str | None]])
        except (msgspec.DecodeError, RecursionError):
            place.fault("not_soil_layers", describe(value), _EXPECTED, "Correct the list.", pointer)
            return ()
    if isinstance(value, str):
        parts = [part for part in re.split(r"[;；\n]", value) if part.strip()]
        written = [_from_text(part.strip(), f"{pointer}/{index}", place, pointer) for index, part in enumerate(parts)]
    elif is_list(value):
        written = [_from_object(part, f"{pointer}/{index}", place) for index, part in enumerate(value)]
    else:
        written = []
    if not 1 <= len(written) <= _MOST:
        place.fault("not_soil_layers", describe(value), f"1 to {_MOST} {_EXPECTED}", "Correct it.", pointer)
        return ()
    return _stacked([layer for layer in written if layer is not None], len(written), place)


def _from_text(part: str, pointer: str, place: Place, whole: str) -> Given | None:
    found = _DEPTHS.fullmatch(part)
    if found is None:
        place.fault("not_soil_layers", part, _EXPECTED, "Write the depth in cm, a space, and the soil.", whole)
        return None
    pairs: list[tuple[str, object]] = [(name, found[name]) for name in ("from_cm", "to_cm")]
    words = []
    for token in re.split(r"[\s,，]+", found["soil"]):
        name, equals, number = token.partition("=")
        waters = _WATERS.fullmatch(token)
        if equals:
            pairs.append((name, number))
        elif waters:
            pairs += zip(("field_capacity", "wilting_point", "saturation"), waters.groups(), strict=True)
        elif token:
            words.append(token)
    if words:
        pairs.append(("texture", " ".join(words)))
    return _named(pairs, pointer, place)


def _from_object(part: object, pointer: str, place: Place) -> Given | None:
    if isinstance(part, Mapping):
        return _named(part.items(), pointer, place)
    place.fault("not_soil_layers", describe(part), 'an object such as {"to_cm": 40, …}', "Correct it.", pointer)
    return None


def _named(pairs: Iterable[tuple[object, object]], pointer: str, place: Place) -> Given:
    found: dict[str, tuple[str, object]] = {}
    given = Given(found, pointer)
    for written, value in pairs:
        column = _NAMES.get(plain(str(written)))
        if column is None:
            advice = did_you_mean(plain(str(written)), [*SOIL_LAYER_PROPERTIES], "Leave it out.")
            place.fault("unknown_property", str(written), ", ".join(SOIL_LAYER_PROPERTIES), advice, pointer)
        elif value is None or (isinstance(value, str) and not value.strip()):
            continue
        elif column in found:
            place.fault("property_twice", f"{found[column][0]} and {written}", f"{column} once", "Keep one.", pointer)
        else:
            found[column] = (str(written), value.strip() if isinstance(value, str) else value)
    return given


def _stacked(layers: list[Given], count: int, place: Place) -> tuple[WrittenLayer, ...]:
    stacked: list[WrittenLayer] = []
    above = 0.0
    for layer in layers:
        if "to_cm" not in layer.values:
            expected = "where the layer ends, cm below the surface"
            place.fault("missing_property", "nothing", expected, "Add to_cm.", layer.at("to_cm"))
            continue
        to_cm = number_within(layer, "to_cm", 1.0, _DEEPEST_CM, "cm", place)
        from_cm = number_within(layer, "from_cm", 0.0, _DEEPEST_CM, "cm", place)
        if to_cm is None:
            continue
        if to_cm <= above:
            advice = "Write the layers from the top, each ending deeper than the one before."
            place.fault("layers_wrong_order", f"{to_cm:g} cm after {above:g} cm", "deeper", advice, layer.at("to_cm"))
        elif from_cm is not None and from_cm != above:
            code = "layers_gap" if from_cm > above else "layers_overlap"
            advice = "Each layer begins where the one above ends, the first at 0."
            place.fault(code, f"begins at {from_cm:g} cm", f"{above:g} cm", advice, layer.at("from_cm"))
        above = max(above, to_cm)
        stacked.append(WrittenLayer(to_cm, layer))
    return tuple(stacked) if len(stacked) == count else ()
