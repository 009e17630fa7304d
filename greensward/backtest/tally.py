"""What a back-test counts as it goes, in a few bytes a plot and day: states, opens and closes, forecasts."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import isnan, nan

from greensward.backtest.judge import Judged
from ingest.site import Site
from sql.reference import limit

UNKNOWN_STATES = frozenset({"silent", "stale", "sensor_fault", "no_data", "no_sensor"})
"""States in which nobody knows how moist the soil is."""

_ABSENT = 255
_MINUTES_A_DAY = 24 * 60
_NOON_BEFORE_YESTERDAY = 1.5
"""The day before yesterday has its noon so many days before today begins."""


@dataclass(slots=True)
class History:
    """One plot over the window.

    states: number of the state (see Tally.states) at each instant, 255 where the plot was not in the register
    forecasts: (days since the first day, the same to the minute, days until dry that were said)
    gaps: depletion less p of the day before each day since the first, nan where it was not judged; water: likewise θ
    """

    states: bytearray
    gaps: array[float]
    water: array[float]
    opened: list[datetime] = field(default_factory=list)
    closed: list[datetime] = field(default_factory=list)
    forecasts: list[tuple[int, float, float]] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """Everything that the report needs."""

    site: Site
    first: date
    days: int
    instants: list[datetime] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    plots: dict[str, History] = field(default_factory=dict)
    frozen_days_flagged: int = 0
    frozen_days: int = 0
    work: int = 0

    def add(self, judged: Judged) -> None:
        """Count one evaluation."""
        index = len(self.instants)
        self.instants.append(judged.as_of)
        today = (self.site.local_date(judged.as_of) - self.first).days
        for row in judged.rows:
            history = self.plots.setdefault(row["plot_id"], self._empty(index))
            history.states.append(self._number(row["state"]))
            self.work += bool(row["needs_work"])
            self.frozen_days += bool(row["is_frozen"])
            self.frozen_days_flagged += bool(row["is_frozen"] and row["needs_work"])
            if row["yesterday_depletion_share"] is not None:
                history.gaps[today] = round(row["yesterday_depletion_share"] - row["yesterday_depletion_fraction"], 9)
                history.water[today] = row["yesterday_water_content"]
            if row["days_median"] is not None and row["state"] != "dry":
                history.forecasts.append((today, self._days_since_first(judged.as_of), row["days_median"]))
        for history in self.plots.values():
            if len(history.states) == index:
                history.states.append(_ABSENT)
        for plot in judged.opened:
            self.plots[plot].opened.append(judged.as_of)
        for plot in judged.closed:
            self.plots.setdefault(plot, self._empty(index + 1)).closed.append(judged.as_of)

    def _empty(self, index: int) -> History:
        unknown = array("d", [nan]) * self.days
        return History(bytearray([_ABSENT]) * index, unknown, array("d", unknown))

    def _days_since_first(self, instant: datetime) -> float:
        local = instant.astimezone(self.site.timezone)
        return (local.date() - self.first).days + (local.hour * 60 + local.minute) / _MINUTES_A_DAY

    def _number(self, state: str) -> int:
        if state not in self.states:
            self.states.append(state)
        return self.states.index(state)

    def state_of(self, history: History, index: int) -> str | None:
        """Return the state at an instant, None where the plot was not in the register."""
        number = history.states[index]
        return None if number == _ABSENT else self.states[number]


def reopened_soon(history: History) -> int:
    """Return how often an issue opened again within backtest_reopen_hours of closing."""
    within = timedelta(hours=limit("backtest_reopen_hours"))
    return sum(any(timedelta() <= opened - closed <= within for closed in history.closed) for opened in history.opened)


def forecast_errors(history: History) -> list[float]:
    """Return days said less days that it really took, for each forecast whose crossing came before any water did.

    The mean of a day stands at its noon, as in dry_forecasts, and the crossing lies on the straight line between the
    noons before and after. A day of which nothing is known, or on which water came, ends the watch without an answer.
    """
    rise, errors = limit("backtest_rise"), []
    for today, made_at, said in history.forecasts:
        before = history.gaps[today]
        for day in range(today + 1, len(history.gaps)):
            gap = history.gaps[day]
            if isnan(before) or isnan(gap) or round(history.water[day] - history.water[day - 1], 9) >= rise:
                break
            if gap >= 0:
                noon_before = day - _NOON_BEFORE_YESTERDAY
                crossed_at = noon_before if before >= 0 else noon_before - before / (gap - before)
                errors.append(round(said - max(crossed_at - made_at, 0.0), 9))
                break
            before = gap
    return errors
