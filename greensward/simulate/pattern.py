"""Variations of one JSON message, for a maker who wants to see his own form go through."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from greensward.simulate.messages import local, native_topic
from greensward.simulate.readings import TimedMessage
from ingest.errors import ConfigError

_SHAKE = 0.02
_COUNTERS = frozenset({"seq", "fCnt", "f_cnt"})
_TIMES = frozenset({"measured_at", "captured_at", "time", "received_at"})


def vary(
    pattern: bytes, *, count: int, end: datetime, step: timedelta, seed: int, topic: str | None = None
) -> Iterator[TimedMessage]:
    """Yield `count` messages like `pattern`, `step` apart, the last at `end`.

    Times become the message's own, counters count on, measured values (`value`) vary by 2 %. Without `topic` a native
    soil message goes to the topic of its device_id, or of `pattern-1`.
    Raises: ConfigError when the pattern is no JSON object, or its topic cannot be told.
    """
    try:
        document = msgspec.json.decode(pattern)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The pattern is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError("The pattern must be a JSON object.")
    where = topic or _native_topic(document)
    dice = random.Random(seed)  # noqa: S311 - an invented message, not a secret
    for number in range(count):
        at = end - step * (count - 1 - number)
        yield TimedMessage(at, where, msgspec.json.encode(_varied(document, number, at, dice)))


def _native_topic(document: dict[str, object]) -> str:
    if document.get("schema") != "greening.soil_reading/1":
        raise ConfigError("Only native soil messages have a topic of their own; name one with --topic.")
    return native_topic(str(document.get("device_id", "pattern-1")))


def _varied(value: object, number: int, at: datetime, dice: random.Random) -> object:
    if isinstance(value, list):
        return [_varied(part, number, at, dice) for part in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, object] = {}
    for key, part in value.items():
        if key in _COUNTERS and isinstance(part, int):
            found[key] = part + number
        elif key in _TIMES and isinstance(part, str):
            found[key] = local(at)
        elif key == "value" and isinstance(part, float):
            found[key] = round(part * (1 + dice.uniform(-_SHAKE, _SHAKE)), 4)
        else:
            found[key] = _varied(part, number, at, dice)
    return found
