"""How dryness follows from water contents, said once more in plain Python.

Written from the specification and FAO-56 alone, without a look at the SQL that `bench.second_reading` holds against it.
One soil a plot; FAO-56 equations 82, 83, 84 and 87; hours and days by the site's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import NormalDist, fmean, median

CLOSE = 1e-9
"""Comparisons are inclusive at a threshold, whatever the last bits of a sum say."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Soil:
    """What a root zone holds: m³/m³, and the doubt of field capacity (0 where the laboratory measured it)."""

    field_capacity: float
    wilting_point: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A root zone on a day or in an hour: mm, shares of one, percent."""

    total_available_water_mm: float
    depletion_mm: float
    depletion_share: float
    relative_moisture_pct: float
    coverage: float
    ks: float
    state: str
    stress_severity: int
    is_shallow_only: bool


def daily_means(readings: Iterable[tuple[datetime, float]], interval_s: float) -> dict[date, float]:
    """Return the mean of hourly medians of each local day that has half of its expected readings."""
    hours: dict[date, dict[int, list[float]]] = {}
    for at, value in readings:
        hours.setdefault(at.date(), {}).setdefault(at.hour, []).append(value)
    return {
        day: fmean(median(values) for values in by_hour.values())
        for day, by_hour in hours.items()
        if 2 * sum(map(len, by_hour.values())) >= 86400 / interval_s
    }


def judge(water_contents: Mapping[float, float], root_zone_m: float, p: float, soil: Soil) -> Verdict:
    """Return what the water contents of one soil, by depth in metres, mean for roots of that depth."""
    depths = sorted(water_contents)
    borders = [0.0, *((upper + lower) / 2 for upper, lower in pairwise(depths))]
    borders.append(depths[-1] + max(0.10, depths[-1] - borders[-1]))
    layers = [
        (depth, min(below, root_zone_m) - above)
        for depth, above, below in zip(depths, borders[:-1], borders[1:], strict=True)
        if above < root_zone_m
    ]
    reach = sum(thickness for _, thickness in layers)
    water = sum(water_contents[depth] * thickness for depth, thickness in layers)
    available = 1000 * (soil.field_capacity - soil.wilting_point) * reach
    depletion = min(max(1000 * (soil.field_capacity * reach - water), 0.0), available)
    share = depletion / available
    ks = min(max((1 - share) / (1 - p), 0.0), 1.0)
    main = water_contents[max(layers, key=lambda layer: (round(layer[1], 9), -layer[0]))[0]]
    shallow = len(layers) == 1 and layers[0][0] < 0.3 * root_zone_m - CLOSE
    severity = 1 + sum(ks < bound - CLOSE for bound in (0.75, 0.50, 0.25))
    return Verdict(
        available, depletion, share, 100 * water / (soil.field_capacity * reach), reach / root_zone_m, ks,
        _state(share, p, None if not soil.sigma else _chance(water / reach, p, soil), is_shallow=shallow),
        4 if main <= soil.wilting_point + CLOSE else severity, shallow,
    )  # fmt: skip


def _chance(water_content: float, p: float, soil: Soil) -> float:
    """Return the probability that field capacity is high enough for depletion to be p or more."""
    enough = (water_content - p * soil.wilting_point) / (1 - p)
    return 1 - NormalDist(soil.field_capacity, soil.sigma).cdf(enough)


def _state(share: float, p: float, chance: float | None, *, is_shallow: bool) -> str:
    if share < 0.8 * p - CLOSE:
        return "ok"
    if is_shallow:
        return "watch"
    if chance is not None and 0.30 <= chance <= 0.70:
        return "likely"
    return "dry" if share >= p - CLOSE else "watch"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A day that is over, or an hour: its begin, what was seen, and whether all of it lay below p − 0.15."""

    starts_at: datetime
    is_dry: bool
    is_severest: bool
    is_below_close: bool


def is_open(
    days: Sequence[Evaluation], hours: Sequence[Evaluation], now: datetime, rain_mm: Mapping[date, float] | None
) -> bool:
    """Say whether an issue stands open at `now`; evaluations by time, all by the site's clock, rain by day if known."""
    opened, closed = [], []
    row: list[Evaluation] = []
    for day in days:
        goes_on = bool(row) and day.starts_at.date() - row[-1].starts_at.date() == timedelta(days=1)
        row = [*(row if goes_on else []), day] if day.is_dry else []
        today = day.starts_at.date()
        rained = sum((rain_mm or {}).get(today - timedelta(days=back), 0.0) for back in range(2))
        is_held = today.month in {7, 8} and rained >= 10
        ends_at = day.starts_at + timedelta(days=1)
        if day.is_severest or (len(row) >= 2 and not is_held):
            opened.append(ends_at)
        if day.is_below_close:
            closed.append(ends_at)
    dry: list[datetime] = []
    moist: list[datetime] = []
    for hour in hours:
        at = hour.starts_at
        dry = [*(dry if dry and at - dry[-1] <= 6 * _HOUR else []), at] if hour.is_dry else []
        moist = [*(moist if moist and at - moist[-1] <= 6 * _HOUR else []), at] if hour.is_below_close else []
        is_long = len(dry) >= 3 and dry[-1] - dry[0] >= 6 * _HOUR and at.month not in {7, 8}
        if hour.is_severest or is_long:
            opened.append(at + _HOUR)
        if moist and min(at + _HOUR, now) - moist[0] >= 24 * _HOUR:
            closed.append(at + _HOUR)
    return bool(opened) and (not closed or max(opened) > max(closed))
