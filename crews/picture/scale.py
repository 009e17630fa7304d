"""Where things lie in a picture of a plot: days from left to right, values from bottom to top."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crews.picture.story import Day, Story

WIDTH = 390.0
"""Pixels of a phone; the picture is drawn for it and grows from there."""

LEFT, RIGHT = 54.0, 6.0
FORECAST_DAYS = 14
"""As far as days until dry are told; the space also holds the names of the lines."""

PLOT_HEIGHT, LANE_HEIGHT = 176.0, 40.0
_PAD_TOP, _PAD_BOTTOM = 18.0, 18.0
_FLAT = 1e-6


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a plot on one day; None where the quantity has none."""

    upper: float | None
    watch: float | None
    refill: float | None
    lowest: float | None

    def known(self) -> list[float]:
        """Return those that there are."""
        return [one for one in (self.upper, self.watch, self.refill, self.lowest) if one is not None]


@dataclass(frozen=True, slots=True)
class Scale:
    """Turns days (since the first one shown) and values into places; `top` is the upper edge of the field."""

    top: float
    low: float
    high: float
    days: int

    @property
    def bottom(self) -> float:
        """Lower edge of the field of values."""
        return self.top + PLOT_HEIGHT

    @property
    def right(self) -> float:
        """Right edge of the field."""
        return WIDTH - RIGHT

    def x(self, day: float) -> float:
        """Return the place of a moment."""
        return LEFT + day * (self.right - LEFT) / (self.days + FORECAST_DAYS)

    def y(self, value: float) -> float:
        """Return the place of a value, held inside the field."""
        share = (self.high - value) / (self.high - self.low)
        inner = PLOT_HEIGHT - _PAD_TOP - _PAD_BOTTOM
        return min(max(self.top + _PAD_TOP + share * inner, self.top), self.bottom)


def lines_of(day: Day) -> Lines:
    """Return the lines that hold on a day."""
    return Lines(day.upper, day.watch, day.refill, day.lowest)


def line_runs(story: Story) -> list[tuple[float, float, Lines]]:
    """Return (from day, to day, lines) for stretches on which the lines stay the same; they hold until they change."""
    runs: list[tuple[float, float, Lines]] = []
    for day in story.days:
        lines, index = lines_of(day), float((day.date - story.first_day).days)
        if not lines.known():
            continue
        if not runs:
            runs.append((0.0, index + 1, lines))
        elif runs[-1][2] != lines:
            runs[-1] = (runs[-1][0], index, runs[-1][2])
            runs.append((index, index + 1, lines))
    if runs:
        runs[-1] = (runs[-1][0], float(story.picture_days + FORECAST_DAYS), runs[-1][2])
    return runs


def scale_of(story: Story, top: float) -> Scale:
    """Return a scale that holds every value and line of the story."""
    values = [day.value for day in story.days if day.value is not None and day.condition in {"judged", "frozen"}]
    values += [hour.value for hour in story.hours]
    for _, _, lines in line_runs(story):
        values += lines.known()
    low, high = _ends(values)
    return Scale(top, low, high, story.picture_days)


def _ends(values: Iterable[float]) -> tuple[float, float]:
    known = list(values) or [0.0]
    low, high = min(known), max(known)
    return (low, high) if high - low > _FLAT else (low - 0.5, high + 0.5)
