"""Values inside values, as platforms of things allow them: structures {"soil": {"moisture": 18.3}}, lists of either.

A structure's name becomes a level of its values' names (soil/moisture). The elements of a list are sensing elements,
in their order: numbers get the channel behind the name (soil_moisture2), structures a level that says the channel
(ch2), or the depth where one of their values is that (10cm).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ingest.decode.guard import escape

_MOST_LEVELS = 4
_MOST_ELEMENTS = 99
_DEPTHS_CM = ("depth_cm", "depth")
_DEEPEST_CM = 300

Placed = tuple[str, object, str]
"""Name with its levels, value, and pointer to it."""


def flatten(name: str, value: object, pointer: str, levels: int = _MOST_LEVELS) -> Iterator[Placed]:
    """Yield every value in `value`; one with its unit ({"value": …}) is a value, and so is what lies too deep.

    levels: how many structures and lists inside each other are looked into
    """
    if isinstance(value, dict) and "value" not in value and levels:
        for inner, given in value.items():
            yield from flatten(f"{name}/{inner}", given, f"{pointer}/{escape(inner)}", levels - 1)
    elif isinstance(value, list) and levels:
        yield from _elements(name, value[:_MOST_ELEMENTS], pointer, levels - 1)
    else:
        yield name, value, pointer


def _elements(name: str, elements: Sequence[object], pointer: str, levels: int) -> Iterator[Placed]:
    for place, element in enumerate(elements):
        here = f"{pointer}/{place}"
        if isinstance(element, dict) and "value" not in element:
            yield from flatten(f"{name}/{_level(element, place + 1)}", element, here, levels)
        else:
            yield from flatten(f"{name}{place + 1}", element, here, levels)


def _level(element: Mapping[str, object], channel: int) -> str:
    """Return the level that says where an element of a list is: its depth, or its place in the list."""
    for field in _DEPTHS_CM:
        depth_cm = element.get(field)
        if isinstance(depth_cm, int | float) and not isinstance(depth_cm, bool) and 0 < depth_cm <= _DEEPEST_CM:
            return f"{round(depth_cm, 2):g}cm"
    return f"ch{channel}"
