"""What the field names of an unknown model say: quantity, depth or channel, and unit.

A name is the words of schemas/devices/unknown.toml or of a quantity, in whatever capitals. A number in it or at its end
is the channel, or the depth where `cm` follows (`soil_moisture_10cm`); the unit may stand at the end
(`soil_temperature_c`) or in brackets (`Soil EC (uS/cm)`). Where the envelope has names with levels (Sparkplug B,
SenML), the last level is that name, and the level before it may say how deep (`10cm/soil_moisture`,
`soil_10cm/moisture`), which channel (`ch2/soil_moisture`, `soil2/temperature`) or only that it is in the soil
(`soil/temperature`).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

from ingest.decode.device_models import unknown_fields
from ingest.decode.quantities import CONVERSIONS, QUANTITIES, ucum

_PARTS = re.compile(
    r"(?:([0-9]{1,3}(?:\.[0-9]{1,2})?)(?:cm|厘米))?"
    r"([^0-9]+)"
    r"(?:([0-9]{1,3}(?:\.[0-9]{1,2})?)(cm|厘米)?([^0-9]*))?"
)
"""Depth, word, depth or channel, and the word's rest or its unit, of a name without what stands between its words."""
_BRACKETED = re.compile(r"([^(\[]+?) *[(\[] *([^()\[\]]{1,16}?) *[)\]] *")
_DEPTH = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?) *(?:cm|厘米)", re.IGNORECASE)
_PLACE = re.compile(
    r"(?:[a-z]+[_-]?)?(?:([0-9]{1,3}(?:\.[0-9]{1,2})?)cm|(?<![a-z])(?:ch|channel|soil)[_-]?([1-9][0-9]?))|soil|土壤",
    re.ASCII,
)
# Also the dots of names that were flattened (soil.moisture), but not those of numbers.
_BETWEEN_WORDS = re.compile(r"[_\- ]|(?<![0-9])\.|\.(?![0-9])")
_PER_VOLUME = re.compile(r"c?m3(?:per)?c?m3$")
_ONE_WAY = str.maketrans("（）［］【】³％", "()[][]3%")
_LONGEST_NAME = 256
_LONGEST_LAST_LEVEL = 64
_LARGEST_CHANNEL = 99
_QUANTITY_WORDS = {name.replace("_", ""): name for name in QUANTITIES}
# What a word means below the ground, where the level before it says how deep or which channel.
_IN_SOIL = {
    "temperature": "soil_temperature",
    "temp": "soil_temperature",
    "ec": "bulk_ec",
    "conductivity": "bulk_ec",
    "potential": "matric_potential",
}
# Units at the end of a name, without what stands between its words.
_UNITS = {
    "volpercent": "%",
    "percent": "%",
    "volpct": "%",
    "pctvol": "%",
    "pct": "%",
    "perc": "%",
    "%": "%",
    "fraction": "m3/m3",
    "frac": "m3/m3",
    "celsius": "Cel",
    "degc": "Cel",
    "°c": "Cel",
    "℃": "Cel",
    "c": "Cel",
    "fahrenheit": "[degF]",
    "degf": "[degF]",
    "°f": "[degF]",
    "f": "[degF]",
    "kelvin": "K",
    "k": "K",
    "uscm": "uS/cm",
    "mscm": "mS/cm",
    "dsm": "dS/m",
    "kpa": "kPa",
    "hpa": "hPa",
    "cbar": "cbar",
    "mbar": "mbar",
    "khz": "kHz",
    "mm": "mm",
    "mps": "m/s",
    "kmh": "km/h",
    "mv": "mV",
    "v": "V",
}


@dataclass(frozen=True, slots=True)
class Named:
    """What a field's name says.

    needs_unit: the word is too common to be believed without a unit, and the name has none
    unit: UCUM code of the unit in the name; None when it has none
    rank: which of two names of one quantity is believed, the smaller: a water content by volume says so more surely
        than a moisture
    """

    quantity: str
    depth_cm: float | None
    channel: int | None
    needs_unit: bool
    unit: str | None = None
    rank: int = 0


@functools.lru_cache(maxsize=4096)
def read_name(name: str) -> Named | None:
    """Return what `name` says; None for a name that says nothing of a quantity."""
    if len(name) > _LONGEST_NAME:
        return None
    name, inside = name.translate(_ONE_WAY), None
    if (bracketed := _BRACKETED.fullmatch(name)) is not None:
        name, inside = bracketed.groups()
    before, _, last = name.rpartition("/")
    parts = _PARTS.fullmatch(_per_volume(_BETWEEN_WORDS.sub("", last.lower())))
    if parts is None or len(last) > _LONGEST_LAST_LEVEL:
        return None
    above, word, number, is_depth, rest = parts.groups()
    level = before.rpartition("/")[2].lower()
    place = _PLACE.fullmatch(level)
    found = _quantity(word + (rest or ""), level if place else None)
    depths_cm = [float(depth) for depth in (above, number if is_depth else None) if depth]
    channel = 0 if number is None or is_depth else _channel(number)
    if found is None or channel is None or len(depths_cm) > 1:
        return None
    if place is not None and place[1] and not depths_cm:
        depths_cm = [float(place[1])]
    named = Named(
        found.quantity,
        depths_cm[0] if depths_cm else None,
        channel or int(place[2] if place and place[2] else 0) or None,
        found.needs_unit,
        found.unit,
        found.rank,
    )
    return named if inside is None else _with_brackets(named, inside)


def is_place(level: str) -> bool:
    """Say whether a level of a name says how deep, which channel, or that it is in the soil."""
    return _PLACE.fullmatch(level.lower()) is not None


def _per_volume(name: str) -> str:
    """Return a name in which a unit with figures (m3/m3) is a word."""
    return _PER_VOLUME.sub("fraction", name)


def _channel(number: str) -> int | None:
    return int(number) if number.isdigit() and 1 <= int(number) <= _LARGEST_CHANNEL else None


def _quantity(word: str, place: str | None) -> Named | None:
    """Return what a word says, with its unit at its end or without; None when it says nothing.

    place: the level before it, where that is a place in the soil
    """
    if (found := _bare(word, place)) is not None:
        return found
    for ending, unit in _UNITS.items():
        found = _bare(word[: -len(ending)], place) if word.endswith(ending) else None
        if found is not None:
            return replace(found, unit=unit, needs_unit=False) if (found.quantity, unit) in CONVERSIONS else None
    return None


def _bare(word: str, place: str | None) -> Named | None:
    fields = unknown_fields()[0]
    soil = next((soil for soil in ("soil", "土壤") if place and soil in place), "")
    for said in (word, soil + word):
        if said in fields:
            return Named(fields[said], None, None, needs_unit=False, rank=list(fields).index(said))
    if place is not None and word in _IN_SOIL:
        return Named(_IN_SOIL[word], None, None, needs_unit=False, rank=len(fields))
    quantity = _QUANTITY_WORDS.get(word)
    return None if quantity is None else Named(quantity, None, None, needs_unit=True, rank=len(fields))


def _with_brackets(named: Named, inside: str) -> Named | None:
    """Return `named` with the depth, channel or unit that stands in brackets behind it; None for anything else."""
    if (depth := _DEPTH.fullmatch(inside)) is not None:
        return replace(named, depth_cm=float(depth[1])) if named.depth_cm is None else None
    if inside.isdigit():
        channel = _channel(inside)
        return replace(named, channel=channel) if channel is not None and named.channel is None else None
    if (named.quantity, ucum(inside)) not in CONVERSIONS or named.unit is not None:
        return None
    return replace(named, unit=ucum(inside), needs_unit=False)
