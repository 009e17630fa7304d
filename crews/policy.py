"""How long, how soon, how many: deadlines and intervals, read from crews/tables, each with its source."""

from __future__ import annotations

import csv
import functools
import hashlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import msgspec

from ingest.registers.instants import EXPECTED_INSTANT, parse_instant
from ingest.site import Site

_FULL_HASH = float(2**64)

EXPECTED_DEADLINE = f"a day that there is, of the years 1950 to 2099: {EXPECTED_INSTANT}"


class Deadline(msgspec.Struct, frozen=True):
    """Hours allowed for a severity and maintenance grade between two days of the year, both included."""

    from_month_day: str
    to_month_day: str
    severity: int
    maintenance_grade: int
    hours: float

    def covers(self, day: date) -> bool:
        """Say whether the season holds on `day`; a season may run over New Year."""
        month_day = day.strftime("%m-%d")
        if self.from_month_day <= self.to_month_day:
            return self.from_month_day <= month_day <= self.to_month_day
        return month_day >= self.from_month_day or month_day <= self.to_month_day


class Escalation(msgspec.Struct, frozen=True):
    """To which level work is raised that is so many hours overdue; who that is stands in crews/locale, `escalation`."""

    level: int
    overdue_h: float


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (resources.files("crews") / "tables" / name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


@functools.cache
def deadlines() -> tuple[Deadline, ...]:
    """Return the table of deadlines (crews/tables/deadlines.csv)."""
    return tuple(msgspec.convert(row, Deadline, strict=False) for row in _rows("deadlines.csv"))


@functools.cache
def escalations() -> tuple[Escalation, ...]:
    """Return the table of levels that overdue work is raised to (crews/tables/escalation.csv), the lowest first."""
    return tuple(msgspec.convert(row, Escalation, strict=False) for row in _rows("escalation.csv"))


def escalation_level(due_at: datetime, now: datetime) -> int:
    """Return to which level work is raised that is not done by now; 0 until its deadline has passed."""
    overdue = now - due_at
    return max((one.level for one in escalations() if overdue > timedelta(hours=one.overdue_h)), default=0)


@functools.cache
def _policy() -> dict[str, float]:
    return {row["name"]: float(row["value"]) for row in _rows("policy.csv")}


def interval(name: str) -> timedelta:
    """Return an interval of crews/tables/policy.csv. Raises: KeyError."""
    return timedelta(hours=_policy()[name])


def most_photo_bytes_a_day() -> int:
    """Return how many bytes of photos one crew may send on one local day."""
    return int(_policy()["photo_bytes_a_day"])


def odd_water_shares() -> tuple[float, float]:
    """Return the shares of the asked water below and above which a reported amount is asked back."""
    return _policy()["odd_water_below"], _policy()["odd_water_above"]


def due_at(severity: int, maintenance_grade: int | None, start: datetime, site: Site) -> datetime:
    """Return the deadline of work that was found at `start`.

    severity: 1 to 4, others are taken as the nearest; maintenance_grade: 1 to 3, None is taken as 2
    """
    wanted = (min(max(severity, 1), 4), maintenance_grade if maintenance_grade in {1, 2, 3} else 2)
    day = site.local_date(start)
    row = next(row for row in deadlines() if (row.severity, row.maintenance_grade) == wanted and row.covers(day))
    return start + timedelta(hours=row.hours)


def read_deadline(text: str, zone: ZoneInfo) -> datetime:
    """Return the deadline in `text`, UTC; a day alone is meant until its end. Raises: ValueError."""
    instant = parse_instant(text, zone)
    return instant if ":" in text else instant + timedelta(days=1)


def look_back_on(issue_id: str, repeat_count: int, closed_at: datetime, site: Site) -> date | None:
    """Return the local day of the look-back: for every repeat, and for a tenth of the rest, drawn by the id."""
    digest = hashlib.sha256(b"look-back:" + issue_id.encode()).digest()
    drawn = int.from_bytes(digest[:8], "big") / _FULL_HASH < _policy()["look_back_share"]
    return site.local_date(closed_at + interval("look_back_after")) if drawn or repeat_count else None
