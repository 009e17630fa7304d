"""Days and instants as people write them in files and on the command line."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|年(\d{1,2})月(\d{1,2})日)", re.ASCII)
_CLOCK = re.compile(r"[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?", re.ASCII)
_OFFSET = re.compile(r"Z|z|([+-])(\d{2}):?(\d{2})", re.ASCII)
_EARLIEST_YEAR = 1950
_LATEST_YEAR = 2099

EXPECTED_INSTANT = "a day (2026-06-01), a local time (2026-06-01 08:30) or RFC 3339 (2026-06-01T08:30:00+08:00)"
EXPECTED_DAY = "a day such as 2026-06-01"


def parse_day(text: str) -> date:
    """Return the day in `text`: 2026-06-01, 2026/6/1 or 2026年6月1日; a clock at midnight is left away.

    Raises: ValueError for anything else, and for years before 1950 or after 2099.
    """
    text = text.strip()
    found = _DAY.match(text)
    if not found:
        raise ValueError(EXPECTED_DAY)
    rest = text[found.end() :]
    clock = _CLOCK.match(rest)
    if rest and not (clock and all(int(part or 0) == 0 for part in clock.groups())):
        raise ValueError(EXPECTED_DAY)
    return _day(found)


def parse_instant(text: str, zone: ZoneInfo) -> datetime:
    """Return the instant in `text`, aware, in UTC; without an offset it is read by the clock of `zone`.

    Raises: ValueError for anything but a day, a day with a clock, or RFC 3339.
    """
    text = text.strip()
    found = _DAY.match(text)
    if not found:
        raise ValueError(EXPECTED_INSTANT)
    day = _day(found)
    rest = text[found.end() :]
    clock = _CLOCK.match(rest)
    if not clock:
        if rest:
            raise ValueError(EXPECTED_INSTANT)
        return datetime.combine(day, time(), zone).astimezone(UTC)
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    clock_time = time(hour, minute, second, int((clock[4] or "0").ljust(6, "0")))
    rest = rest[clock.end() :]
    if not rest:
        return datetime.combine(day, clock_time, zone).astimezone(UTC)
    offset = _OFFSET.fullmatch(rest)
    if not offset:
        raise ValueError(EXPECTED_INSTANT)
    ahead = timedelta(hours=int(offset[2] or 0), minutes=int(offset[3] or 0))
    return datetime.combine(day, clock_time, timezone(-ahead if offset[1] == "-" else ahead)).astimezone(UTC)


def _day(found: re.Match[str]) -> date:
    year, month, day = (int(part) for part in found.groups() if part is not None)
    if not _EARLIEST_YEAR <= year <= _LATEST_YEAR:
        raise ValueError(f"a year from {_EARLIEST_YEAR} to {_LATEST_YEAR}")
    return date(year, month, day)
