"""Values inside values, as platforms of things allow them: structures {"soil": {"moisture": 18.3}}, lists of either.

A structure's name becomes a level of its values' names (soil/moisture). The elements of a list are sensing elements,
in their order: numbers get the channel behind the name (soil_moisture2), structures a level that says the channel
(ch2), or the depth where one of their values is that (10cm).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ingest.decode.guard import escape
from ingest.errors import Fault, PayloadError

_MOST_LEVELS = 4
_MOST_ELEMENTS = 99
_DEPTHS_CM = ("depth_cm", "depth")
_DEPTH_AS_TEXT = re.compile(r" *([0-9]{1,3}(?:\.[0-9]{1,2})?) *(?:cm|CM)? *", re.ASCII)
_DEEPEST_CM = 300
_TIMES = frozenset({"time", "timestamp", "ts", "datetime", "date", "measured_at", "event_time", "eventtime"})

Placed = tuple[str, object, str]
"""Name with its levels, value, and pointer to it."""


def flatten(name: str, value: object, pointer: str, levels: int = _MOST_LEVELS) -> Iterator[Placed]:
    """Yield every value in `value`; one with its unit ({"value": …}) is a value, and so is what lies too deep.

    levels: how many structures and lists inside each other are looked into
    Raises: PayloadError (value_not_understood) for a list of records with times of their own: those are no elements.
    """
    if isinstance(value, dict) and "value" not in value and levels:
        for inner, given in value.items():
            yield from flatten(f"{name}/{inner}", given, f"{pointer}/{escape(inner)}", levels - 1)
    elif isinstance(value, list) and levels:
        yield from _elements(name, value[:_MOST_ELEMENTS], pointer, levels - 1)
    else:
        yield name, value, pointer


def layers(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Yield names with levels, and values, of a list of structures that each say how deep they are; else nothing."""
    elements = value if isinstance(value, list) else []
    if elements and all(
        isinstance(one, dict) and _depth_cm(one) is not None and not _is_timed(one) for one in elements
    ):
        yield from ((inner, given) for inner, given, _ in _elements(name, elements[:_MOST_ELEMENTS], "", 1))


def _elements(name: str, elements: Sequence[object], pointer: str, levels: int) -> Iterator[Placed]:
    if any(isinstance(one, dict) and _is_timed(one) for one in elements):
        got, expected = f"a list of {len(elements)} records with their times", "one value for each sensing element"
        advice = 'Send such records as the platform does: {"value": …, "time": …}.'
        raise PayloadError(Fault(pointer, "value_not_understood", got, expected, advice))
    for place, element in enumerate(elements):
        here = f"{pointer}/{place}"
        if isinstance(element, dict) and "value" not in element:
            yield from flatten(f"{name}/{_level(element, place + 1)}", element, here, levels)
        else:
            yield from flatten(f"{name}{place + 1}", element, here, levels)


def _level(element: Mapping[str, object], channel: int) -> str:
    """Return the level that says where an element of a list is: its depth, or its place in the list."""
    depth_cm = _depth_cm(element)
    return f"ch{channel}" if depth_cm is None else f"{round(depth_cm, 2):g}cm"


def _depth_cm(element: Mapping[str, object]) -> float | None:
    """Return the depth that an element says, a number or "20 cm"; None when it says none that can be."""
    for field in _DEPTHS_CM:
        depth_cm = element.get(field)
        if isinstance(depth_cm, str) and (written := _DEPTH_AS_TEXT.fullmatch(depth_cm)):
            depth_cm = float(written[1])
        if isinstance(depth_cm, int | float) and not isinstance(depth_cm, bool) and 0 <= depth_cm <= _DEEPEST_CM:
            return depth_cm
    return None


def _is_timed(element: Mapping[str, object]) -> bool:
    return "value" not in element and any(str(name).lower() in _TIMES for name in element)
