"""Fields of DJI messages, which come as numbers or as text, padded with NULs, under keys that changed over time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo

from ingest.decode.guard import describe
from ingest.decode.image_quarantine import impossible_instant
from ingest.decode.instants import check_measured_at, parse_instant
from ingest.errors import Fault, PayloadError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_UNIX = re.compile(r"[0-9]{10}|[0-9]{13}")
_LEAST_MS = 1e11
"""Unix times below this are seconds: as milliseconds they would lie before 1973."""
_WALL_CLOCK = re.compile(
    r"([0-9]{4})[-:/]([0-9]{2})[-:/]([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,6})[0-9]*)?"
)
_ZONE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9:.]+) ?([Zz]|[+-][0-9]{2}):?([0-9]{2})?")
_PADDING = "\x00 \t\r\n"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def object_at(document: Mapping[str, object], name: str, pointer: str = "") -> dict[str, object]:
    """Return the object called `name`. Raises: PayloadError (missing, wrong_type)."""
    value = document.get(name)
    if isinstance(value, dict):
        return value
    code = "wrong_type" if name in document else "missing"
    got = describe(value) if name in document else "nothing"
    raise PayloadError(Fault(f"{pointer}/{name}", code, got, "an object", f"Send {name}."))


def text_of(value: object, pointer: str, *, longest: int) -> str | None:
    """Return text without NUL padding and outer blanks, None when absent or empty.

    Raises: PayloadError (wrong_type, wrong_length, wrong_form) for other types, control characters, longer text.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise PayloadError(Fault(pointer, "wrong_type", describe(value), "text", "Send text."))
    text = value.strip(_PADDING)
    if len(text) > longest:
        raise PayloadError(
            Fault(pointer, "wrong_length", f"{len(text)} characters", f"at most {longest}", "Send a shorter text.")
        )
    if _CONTROL.search(text):
        raise PayloadError(
            Fault(pointer, "wrong_form", describe(text), "no control characters", "Leave out control characters.")
        )
    return text or None


def name_of(value: object, pointer: str, *, longest: int) -> str | None:
    """Return an id, which some senders write as a whole number. Raises: as `text_of`."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return text_of(str(value) if is_number else value, pointer, longest=longest)


def real_of(value: object, pointer: str, lowest: float = -1e9, highest: float = 1e9) -> float | None:
    """Return a number that may be written as text; None when absent or empty text.

    Raises: PayloadError (wrong_type, out_of_range).
    """
    text = value.strip(_PADDING) if isinstance(value, str) else None
    if value is None or text == "":
        return None
    if text is not None and _NUMBER.fullmatch(text):
        number: int | float = float(text)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = value
    else:
        raise PayloadError(Fault(pointer, "wrong_type", describe(value), "a number", "Send a number."))
    if not lowest <= number <= highest:
        raise PayloadError(
            Fault(pointer, "out_of_range", describe(value), f"{lowest:g} to {highest:g}", "Send a possible value.")
        )
    return float(number)


def upload_instant(document: Mapping[str, object]) -> datetime | None:
    """Return the envelope's time of sending, None when it is absent or no time of a working clock.

    `timestamp` is Unix milliseconds, or seconds, a number or text; some versions write the key "timestamp:".
    """
    instant = _from_unix(document.get("timestamp", document.get("timestamp:")))
    return None if instant is None or impossible_instant(instant, "") is not None else instant


def instant_of_envelope(document: Mapping[str, object], received_at: datetime) -> datetime:
    """Return the envelope's time, which says when a pose was so.

    Raises: PayloadError when it is missing, before 2015 or more than 10 min ahead of `received_at`.
    """
    sent = document.get("timestamp", document.get("timestamp:"))
    if sent is None:
        raise PayloadError(Fault("/timestamp", "missing", "nothing", "Unix milliseconds", "Send timestamp."))
    instant = _from_unix(sent)
    if instant is None:
        raise PayloadError(Fault("/timestamp", "bad_instant", describe(sent), "Unix milliseconds", "Send timestamp."))
    fault = check_measured_at(instant, received_at, "/timestamp")
    if fault is not None:
        raise PayloadError(fault)
    return instant


def camera_instant(value: object, zone: tzinfo, pointer: str) -> datetime | None:
    """Return the instant that a camera's clock showed, UTC; None when absent or empty.

    value: text with an offset, text without one (then `zone` is the camera's), or Unix milliseconds or seconds
    Raises: PayloadError with code bad_instant, before_2015 or after_2099.
    """
    text = value.strip(_PADDING) if isinstance(value, str) else value
    if text is None or text == "":
        return None
    instant = _from_unix(text) or _wall_clock(text, zone) or _with_zone(text, pointer)
    if instant is None:
        raise PayloadError(
            Fault(pointer, "bad_instant", describe(value), "YYYY-MM-DD hh:mm:ss", "Send the camera's date and time.")
        )
    fault = impossible_instant(instant, pointer)
    if fault is not None:
        raise PayloadError(fault)
    return instant


def _from_unix(value: object) -> datetime | None:
    if isinstance(value, str) and _UNIX.fullmatch(value.strip(_PADDING)):
        value = int(value.strip(_PADDING))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=value * 1000 if 0 < value < _LEAST_MS else value)
    except OverflowError:
        return None


def _wall_clock(value: object, zone: tzinfo) -> datetime | None:
    found = _WALL_CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    microsecond = int((found[7] or "0").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _with_zone(value: object, pointer: str) -> datetime | None:
    found = _ZONE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    zone = "Z" if found[3] in "Zz" else f"{found[3]}:{found[4] or '00'}"
    return parse_instant(f"{found[1]}T{found[2]}{zone}", pointer)
