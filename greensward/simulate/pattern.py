"""Variations of one message, for a maker who wants to see his own form go through."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from greensward.simulate.moved import newest_instant, rewritten
from greensward.simulate.readings import TimedMessage

_SHAKE = 0.02
_COUNTERS = frozenset({"seq", "fCnt", "f_cnt"})
_VALUES = frozenset({"value", "v"})


def vary(
    topic: str, pattern: bytes, *, count: int, end: datetime, step: timedelta, seed: int
) -> Iterator[TimedMessage]:
    """Yield `count` messages like `pattern`, `step` apart, the last at `end`.

    Times move so that the newest in it becomes the message's own, counters count on, measured values (`value`, `v`)
    vary by 2 %. What is no JSON goes out as it is.
    """
    try:
        document: object = msgspec.json.decode(pattern)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    newest = newest_instant(document)
    dice = random.Random(seed)  # noqa: S311 - an invented message, not a secret
    for number in range(count):
        at = end - step * (count - 1 - number)
        by = at - (newest or at)
        said = rewritten(_varied(document, number, dice), lambda instant, by=by: instant + by)  # type: ignore[misc]
        yield TimedMessage(at, topic, pattern if document is None else msgspec.json.encode(said))


def _varied(value: object, number: int, dice: random.Random) -> object:
    if isinstance(value, list):
        return [_varied(part, number, dice) for part in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, object] = {}
    for key, part in value.items():
        if key in _COUNTERS and isinstance(part, int):
            found[key] = part + number
        elif key in _VALUES and isinstance(part, float):
            found[key] = round(part * (1 + dice.uniform(-_SHAKE, _SHAKE)), 4)
        else:
            found[key] = _varied(part, number, dice)
    return found
