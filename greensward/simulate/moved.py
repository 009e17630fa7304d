"""A message of the past as if it were sent at another time: every instant in its JSON is moved by as much. Pure.

Moved are texts in RFC 3339 with an offset or as Huawei's IoTDA writes them, and Unix times under the names that the
formats give them. What is no JSON (Sparkplug B, a frame) stays as it is: a clock inside it is not found.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from ingest.decode.instants import parse_instant
from ingest.errors import PayloadError

_COMPACT = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_COMPACT_FORM = "%Y%m%dT%H%M%SZ"
_UNIX = frozenset({"time", "timestamp", "ts", "bt", "t", "event_time", "eventTime"})
_SECONDS = (1_420_070_400, 4_102_444_800)
"""2015 to 2100: a number under such a name is a Unix time in these, or in a thousand times as many milliseconds."""

_ONCE = "deduplicationId"
"""By this ChirpStack names an uplink; the same name within ten minutes would be the same reading again."""


def moved(payload: bytes, by: timedelta) -> bytes:
    """Return the payload with every instant moved; the very bytes where there is none."""
    document = _read(payload)
    if document is None or not any(True for _ in _instants("", document)):
        return payload
    return msgspec.json.encode(rewritten(document, lambda at: at + by))


def newest_instant(document: object) -> datetime | None:
    """Return the latest instant in a document of JSON; None where there is none."""
    return max(_instants("", document), default=None)


def rewritten(value: object, move: Callable[[datetime], datetime], key: str = "") -> object:
    """Return a document with every instant through `move`, and with new names for uplinks that have one."""
    if isinstance(value, dict):
        return {name: rewritten(part, move, name) for name, part in value.items()}
    if isinstance(value, list):
        return [rewritten(part, move, key) for part in value]
    at = instant_of(key, value)
    if at is not None:
        return _like(value, at, move(at))
    if key == _ONCE and isinstance(value, str):
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{value} {move(datetime.fromtimestamp(0, UTC))}"))
    return value


def instant_of(key: str, value: object) -> datetime | None:
    """Return the instant that a value is, None where it is none."""
    if isinstance(value, str):
        try:
            if _COMPACT.fullmatch(value):
                return datetime.strptime(value, _COMPACT_FORM).replace(tzinfo=UTC)
            return parse_instant(value)
        except (PayloadError, ValueError):
            return None
    if key in _UNIX and isinstance(value, int | float) and not isinstance(value, bool):
        for unit_s in (1.0, 0.001):
            if _SECONDS[0] <= value * unit_s <= _SECONDS[1]:
                return datetime.fromtimestamp(value * unit_s, UTC)
    return None


def _like(value: object, was: datetime, at: datetime) -> object:
    """Return an instant as the value wrote its own: with its offset, as a number of its unit."""
    if isinstance(value, str):
        if _COMPACT.fullmatch(value):
            return at.strftime(_COMPACT_FORM)
        return at.astimezone(datetime.fromisoformat(value.upper()).tzinfo).isoformat()
    assert isinstance(value, int | float)
    is_ms = value > _SECONDS[1]
    by = (at - was) / timedelta(milliseconds=1 if is_ms else 1000)
    return value + round(by) if isinstance(value, int) else value + by


def _instants(key: str, value: object) -> Iterator[datetime]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _instants(name, part)
    elif isinstance(value, list):
        for part in value:
            yield from _instants(key, part)
    elif (at := instant_of(key, value)) is not None:
        yield at


def _read(payload: bytes) -> object:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
