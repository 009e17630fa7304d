"""Fields of a known model that a gateway's template or another payload codec spells otherwise or puts a level deeper.

Only what cannot mean anything else is taken: other capitals or signs between the words, and fields inside one of the
usual wrappers. What the model has under its own name goes first, and a name that stands in two wrappers is nobody's.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeVar

from ingest.decode.device_models import Model, all_models
from ingest.decode.nested_values import layers, named, side_by_side

_BETWEEN_WORDS = re.compile(r"[\s_.\-]+")
_PLACE = re.compile(r"soil|土壤|[0-9]cm$")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_MOST_LEVELS = 4
_WRAPPERS = frozenset(
    {
        "body", "data", "decoded", "decodeddata", "decodedpayload", "fields", "measurement", "measurements", "object",
        "params", "payload", "properties", "readings", "reported", "sensor", "sensordata", "sensors", "state",
        "telemetry", "uplink", "value", "values",
    }
)  # fmt: skip
"""Names, folded, of objects that only hold the fields; `threshold` or `config` hold numbers that nobody measured."""
_SETTINGS = frozenset(
    {
        "alarm", "alarms", "calibration", "config", "configuration", "desired", "limit", "limits", "max", "min",
        "setpoint", "setpoints", "setting", "settings", "target", "targets", "threshold", "thresholds",
    }
)  # fmt: skip
"""Names, folded, of levels that hold such numbers, in envelopes whose groups may be called anything else."""
_Value = TypeVar("_Value")


@functools.lru_cache(maxsize=4096)
def fold(name: str) -> str:
    """Return a name without capitals and without what stands between its words."""
    return _BETWEEN_WORDS.sub("", name).casefold()


def names_of(fields: Mapping[str, object]) -> frozenset[str]:
    """Return the names of fields, with those inside wrappers."""
    return frozenset(fields) | {name for _, name, _ in _wrapped(fields)}


def is_setting(name: str) -> bool:
    """Say whether a name with levels (`Config/soil_moisture`) is of what somebody set, not of what was measured."""
    return any(_is_setting(level) for level in name.split("/")[:-1])


def _is_setting(level: str) -> bool:
    return fold(level) in _SETTINGS or any(word.lower() in _SETTINGS for word in _WORD.findall(level))


def respell(fields: Mapping[str, _Value], model: Model) -> Mapping[str, _Value]:
    """Return `fields` with those that are the model's under its own names; `fields` itself where all are so already."""
    own, folded = _names(model.model_id)
    found: dict[str, _Value] = {}
    for name, value in fields.items():
        target = None if name in own else folded.get(fold(name))
        if target is not None and target not in fields:
            found.setdefault(target, value)
    inner = [(name if name in own else folded.get(fold(name)), value) for _, name, value in _wrapped(fields)]
    times = Counter(target for target, _ in inner)
    for target, value in inner:
        if target is not None and times[target] == 1 and target not in fields:
            found.setdefault(target, value)
    if not found:
        return fields
    kept = {name: value for name, value in fields.items() if name in own or folded.get(fold(name)) not in found}
    return kept | found


def spread(fields: Mapping[str, object]) -> Mapping[str, object]:
    """Return the fields of a model that nobody knows, with those inside wrappers, and those that lie in the soil.

    The latter as `soil/moisture` or `10cm/temperature`, as envelopes with levels write them; so are the elements of a
    list that say how deep they are ([{"depth": 10, "moisture": 18.3}, …]) or what they measure ([{"type":
    "soil_moisture", "value": 18.3, "unit": "%"}, …]), and plain values side by side ([18.3, 22.9]).
    """
    inner = [*_inner(fields)]
    times = Counter(name for name, _ in inner)
    found = {name: value for name, value in inner if times[name] == 1 and not is_setting(name)}
    whole = {name: value for name, value in fields.items() if not any(side_by_side(name, value, fields))}
    return {**found, **whole} if found else fields


def _inner(fields: Mapping[str, object], place: str = "", levels: int = _MOST_LEVELS) -> Iterator[tuple[str, object]]:
    """Yield names, with the places that they lie in, and values of what is inside wrappers, places and lists."""
    for name, value in fields.items():
        at = f"{place}{name}"
        inside = value[0] if isinstance(value, list) and len(value) == 1 and fold(name) in _WRAPPERS else value
        elements = [*side_by_side(at, value, fields)]
        yield from elements
        if isinstance(value, list):
            yield from layers(at, value)
            yield from named(place, [] if _is_setting(name) else value)
        if levels and isinstance(inside, dict) and fold(name) in _WRAPPERS and not {"value", "unit"} <= inside.keys():
            yield from _inner(inside, place, levels - 1)
        elif levels and isinstance(inside, dict) and _PLACE.search(name.casefold()) and "value" not in inside:
            yield from _inner(inside, f"{at}/", levels - 1)
        elif levels < _MOST_LEVELS and not elements:
            yield at, value


def _wrapped(fields: Mapping[str, _Value]) -> Iterator[tuple[str, str, _Value]]:
    """Yield wrapper, name and value of each field inside a wrapper; a value with its unit is no wrapper."""
    for wrapper, inside in fields.items():
        if isinstance(inside, dict) and fold(wrapper) in _WRAPPERS and not {"value", "unit"} <= inside.keys():
            yield from ((wrapper, name, value) for name, value in inside.items())


@functools.lru_cache(maxsize=256)
def _names(model_id: str) -> tuple[frozenset[str], Mapping[str, str]]:
    """Return the names that a model's table has, and those of them that no other is like when folded."""
    model = all_models()[model_id]
    holders = {part[0] for part in (model.history, model.measurements) if part is not None}
    others = {name for name in (model.valid, model.time.field if model.time else None) if name is not None}
    own = frozenset(model.fields.keys() | model.sdi12.keys() | model.ignored.keys() | holders | others)
    times = Counter(fold(name) for name in own)
    return own, {fold(name): name for name in own if times[fold(name)] == 1}
