"""Instants on the wire: strict RFC 3339 with an offset, and the range that a real measurement can lie in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

from ingest.decode.guard import describe
from ingest.errors import Fault, PayloadError

EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""Nothing that Greensward reads was built before: 1970, 2000 and GPS week rollovers land below."""
MOST_AHEAD = timedelta(minutes=10)
"""How far a sender's clock may run ahead of ours."""
MOST_APART = timedelta(hours=24)
"""How far a device's clock and its network's may be apart before its reading is in doubt."""
_FARTHEST_OFFSET = timedelta(hours=14, minutes=10)
"""Local time that is called UTC is at most so far ahead: 14 h in Kiribati, and a clock that is fast."""
_NO_SECONDS_FROM = 1e11
"""Seconds of the year 5138: such a number is milliseconds, whatever was agreed."""
_SECONDS_WITHIN = timedelta(days=30)
"""A number that was to be milliseconds is seconds only where these are of the last days before the arrival; a clock
that counts its milliseconds from 1970 since it was switched on passes through them in less than an hour."""

# RFC 3339 section 5.6, where "T" and "Z" may be lower case.
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|(60))(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_SECOND = slice(17, 19)
_DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)
_WRITE = "Write RFC 3339 with an offset, for example 2026-07-02T05:10:00+08:00."


def parse_instant(text: object, pointer: str = "") -> datetime:
    """Return the instant, aware, UTC, cut (not rounded) to microseconds.

    A leap second (RFC 3339 appendix D: 23:59:60 UTC on the last day of June or December) is the second after it.
    pointer: where the text stood, for the fault
    Raises: PayloadError with code bad_instant.
    """
    found = _RFC_3339.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise _bad(text, pointer)
    given = found.group()
    try:
        if found.group(1) is None:
            return datetime.fromisoformat(given.upper()).astimezone(UTC)
        leap = given[: _SECOND.start] + "59" + given[_SECOND.stop :]
        before = datetime.fromisoformat(leap.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _bad(text, pointer) from error
    if (before.month, before.day, before.hour, before.minute) not in ((6, 30, 23, 59), (12, 31, 23, 59)):
        raise _bad(text, pointer)
    return before + timedelta(seconds=1)


def parse_unix_s(seconds: object, pointer: str = "") -> datetime:
    """Return the instant of a Unix time in seconds. Raises: PayloadError with code bad_instant."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise _bad_unix(seconds, pointer, "seconds")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _bad_unix(seconds, pointer, "seconds") from error


def parse_unix_ms(milliseconds: object, pointer: str = "") -> datetime:
    """Return the instant of a Unix time in milliseconds. Raises: PayloadError with code bad_instant."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        raise _bad_unix(milliseconds, pointer, "milliseconds")
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    except (ValueError, OverflowError) as error:
        raise _bad_unix(milliseconds, pointer, "milliseconds") from error


def parse_clock(given: object, unit: Literal["s", "ms"], received_at: datetime, pointer: str = "") -> datetime:
    """Return the instant that a device's clock said: a Unix time, as a number or as text, or RFC 3339.

    unit: of the Unix time, as the maker describes it; one that is plainly in the other unit is read in that
    received_at: when it came, against which the unit is judged
    Raises: PayloadError with code bad_instant.
    """
    if isinstance(given, str) and _DIGITS.fullmatch(given) is None:
        return parse_instant(given, pointer)
    number = int(given) if isinstance(given, str) else given
    parse, other = (parse_unix_s, parse_unix_ms) if unit == "s" else (parse_unix_ms, parse_unix_s)
    if isinstance(number, int | float) and (number >= _NO_SECONDS_FROM) is (unit == "s"):
        try:
            instant = other(number, pointer)
        except PayloadError:
            return parse(number, pointer)
        if unit == "s" or -MOST_AHEAD <= received_at - instant <= _SECONDS_WITHIN:
            return instant
    return parse(number, pointer)


def clocks_apart(device_at: datetime, network_at: datetime) -> str | None:
    """Return why a reading that is no history is in quarantine: clocks more than 24 h apart; None when they are not."""
    apart = abs(device_at - network_at)
    if apart <= MOST_APART:
        return None
    return f"clocks_apart: device and network differ by {apart.total_seconds() / 3600:.1f} h"


def check_measured_at(instant: datetime, received_at: datetime, pointer: str = "") -> Fault | None:
    """Return what is wrong with `instant` as the time of something that we received at `received_at`, or None.

    The edges themselves (2015-01-01T00:00:00Z, exactly 10 min ahead) are accepted. Late data is normal, so there is
    no limit on age but the first.
    """
    if instant < EARLIEST:
        return Fault(
            pointer,
            "before_2015",
            instant.isoformat(),
            "an instant from 2015-01-01 on",
            "Set the device's clock before it sends; keep readings back until it is set.",
        )
    if instant - received_at > MOST_AHEAD:
        return Fault(
            pointer,
            "in_the_future",
            instant.isoformat(),
            f"at most 10 min after {received_at.isoformat(timespec='seconds')}",
            "Set the device's clock. If it shows local time, write its offset (such as +08:00), not Z."
            if instant - received_at < _FARTHEST_OFFSET
            else "Set the device's clock.",
        )
    return None


def _bad(got: object, pointer: str) -> PayloadError:
    return PayloadError(Fault(pointer, "bad_instant", describe(got), "an RFC 3339 instant with offset", _WRITE))


def _bad_unix(got: object, pointer: str, unit: str) -> PayloadError:
    advice = f"Send {unit} since 1970-01-01T00:00:00Z."
    return PayloadError(Fault(pointer, "bad_instant", describe(got), f"a Unix time in {unit}", advice))
