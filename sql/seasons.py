"""Seasons of a place: the built-in ones, of Tianjin, as they stand in the calendar of the other hemisphere."""

from __future__ import annotations

import calendar
import itertools
from collections.abc import Iterable, Iterator, Mapping

Row = Mapping[str, str]

RULES = ("growing", "suspended", "rain_holds")
"""What a season may mean: when bare ground is one, when dryness rests, when rain holds an issue back."""

_LEAP_YEAR = 2024
_HALF_A_YEAR = 6


def half_a_year_later(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return `rows` with month_day_from and month_day_to six months on; a day that the month lacks is its last."""
    return tuple({**row, **{name: _later(row[name]) for name in ("month_day_from", "month_day_to")}} for row in rows)


def within_years(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return `rows` with those that run over New Year as two, so that a day lies between the ends of its season."""
    return tuple(part for row in rows for part in _parts(row))


def overlapping(rows: Iterable[Row]) -> list[str]:
    """Return the rules of which two seasons share a day."""
    parts = sorted(within_years(rows), key=lambda row: (row["rule"], row["month_day_from"]))
    return sorted(
        {
            later["rule"]
            for earlier, later in itertools.pairwise(parts)
            if earlier["rule"] == later["rule"] and later["month_day_from"] <= earlier["month_day_to"]
        }
    )


def _later(month_day: str) -> str:
    month, day = (int(part) for part in month_day.split("-"))
    month = (month + _HALF_A_YEAR - 1) % 12 + 1
    return f"{month:02d}-{min(day, calendar.monthrange(_LEAP_YEAR, month)[1]):02d}"


def _parts(row: Row) -> Iterator[Row]:
    if row["month_day_from"] <= row["month_day_to"]:
        yield row
        return
    yield {**row, "month_day_to": "12-31"}
    yield {**row, "month_day_from": "01-01"}
