"""Values inside values, as platforms of things allow them: structures {"soil": {"moisture": 18.3}}, lists of either.

A structure's name becomes a level of its values' names (soil/moisture). The elements of a list are sensing elements,
in their order: numbers get the channel behind the name (soil_moisture2), structures a level that says the channel
(ch2), or the depth where one of their values is that (10cm).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ingest.decode.field_names import read_name
from ingest.decode.guard import escape
from ingest.errors import Fault, PayloadError

_MOST_LEVELS = 4
_MOST_ELEMENTS = 99
_DEPTHS_CM = ("depth_cm", "depth")
_DEPTH_LISTS = ("depths_cm", "depths", "depth_cm", "depth")
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
        isinstance(one, dict) and "value" not in one and _depth_cm(one) is not None and not _is_timed(one)
        for one in elements
    ):
        yield from ((inner, given) for inner, given, _ in _elements(name, elements[:_MOST_ELEMENTS], "", 1))


def side_by_side(name: str, value: object, beside: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield names and values of a list of plain values, the sensing elements in their order; else nothing.

    beside: what stands beside the list; a list of as many depths there says how deep each element is
    """
    said = read_name(name)
    if said is None or said.channel is not None or said.depth_cm is not None or not isinstance(value, list):
        return
    if any(isinstance(one, dict | list | bool) for one in value):
        return
    place, _, last = name.rpartition("/")
    depths = next((given for field in _DEPTH_LISTS if isinstance(given := beside.get(field), list)), [])
    depths_cm = [_depth_cm({"depth": depth}) for depth in depths]
    for number, one in enumerate(value[:_MOST_ELEMENTS]):
        if len(depths_cm) == len(value) and None not in depths_cm:
            yield f"{f'{place}/' if place else ''}{depths_cm[number]:g}cm/{last}", one
        elif name[-1] in ")]）］】":  # no number may follow the unit
            yield f"ch{number + 1}/{name}", one
        else:
            yield f"{name}{number + 1}", one


def named(place: str, value: object) -> Iterator[tuple[str, object]]:
    """Yield names with levels, and values, of a list of values that each say what they measure; else nothing.

    Those of one name that say neither depth nor channel are sensing elements, in their order.
    place: the levels that the list lies in, with their slashes
    """
    elements = value if isinstance(value, list) else []
    if not all(isinstance(one, dict) and "value" in one and not _TIMES & {*map(str.lower, one)} for one in elements):
        return
    names = [_name_of(place, element) for element in elements[:_MOST_ELEMENTS]]
    times, seen = Counter(names), Counter[str | None]()
    for name, element in zip(names, elements, strict=False):
        if name is not None:
            seen[name] += 1
            level = f"ch{seen[name]}/" if times[name] > 1 and "/" not in name else ""
            yield place + level + name, element


def _name_of(place: str, element: Mapping[str, object]) -> str | None:
    """Return the first text of an element that names a quantity, with the depth or channel that it says."""
    depth_cm, channel = _depth_cm(element), element.get("channel")
    level = "" if depth_cm is None else f"{round(depth_cm, 2):g}cm/"
    if depth_cm is None and isinstance(channel, int):
        level = f"ch{channel}/"
    texts = (text for text in element.values() if isinstance(text, str))
    return next((level + text for text in texts if "/" not in text and read_name(place + level + text)), None)


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
    """Return the depth that an element says, a number or "20 cm"; None when it says none that can be.

    A number below 1 without a unit is metres rather than a probe in the uppermost centimetre.
    """
    for field in _DEPTHS_CM:
        depth_cm = element.get(field)
        if isinstance(depth_cm, float) and field == "depth" and 0 < depth_cm < 1:
            return None
        if isinstance(depth_cm, str) and (written := _DEPTH_AS_TEXT.fullmatch(depth_cm)):
            depth_cm = float(written[1])
        if isinstance(depth_cm, int | float) and not isinstance(depth_cm, bool) and 0 <= depth_cm <= _DEEPEST_CM:
            return depth_cm
    return None


def _is_timed(element: Mapping[str, object]) -> bool:
    return "value" not in element and any(str(name).lower() in _TIMES for name in element)
