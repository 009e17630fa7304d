"""Soil in layers, potentials, and what a probe shows of its own soil, said once more in plain Python.

Written from the specification (section 3) and decisions 10, 15 and 16, without a look at the SQL that
`bench.second_reading_of_soils` holds against it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import NormalDist, fmean, median, quantiles, stdev

from bench.plain_reading import CLOSE, Soil

_HOUR = timedelta(hours=1)
_LINES_KPA = ((0, 1, -33.0), (1, 2, -80.0), (2, 1000, -80.0))


@dataclass(frozen=True, slots=True)
class Layered:
    """A verdict over soil in layers: mm and shares of one."""

    total_available_water_mm: float
    depletion_mm: float
    relative_moisture_pct: float
    state: str


def judge_layers(
    water_contents: Mapping[float, float], root_zone_m: float, p: float, soils: Sequence[tuple[float, Soil]]
) -> Layered:
    """Return the verdict; water contents by depth in metres, soils from the top, each with its bottom in metres."""
    depths = sorted(water_contents)
    borders = [0.0, *((upper + lower) / 2 for upper, lower in pairwise(depths))]
    borders.append(min(depths[-1] + max(0.10, depths[-1] - borders[-1]), root_zone_m))
    available = depletion = water = full = gap = spread = 0.0
    count = 0
    for depth, above, below in zip(depths, borders[:-1], borders[1:], strict=True):
        under = min(below, root_zone_m)
        if above >= root_zone_m - CLOSE:
            continue
        count += 1
        top = 0.0
        for bottom, soil in soils:
            thickness = max(0.0, min(under, bottom) - max(above, top))
            top = bottom
            available += 1000 * thickness * (soil.field_capacity - soil.wilting_point)
            depletion += 1000 * thickness * (soil.field_capacity - water_contents[depth])
            water += thickness * water_contents[depth]
            full += thickness * soil.field_capacity
            line = (1 - p) * soil.field_capacity + p * soil.wilting_point
            gap += 1000 * thickness * (line - water_contents[depth])
            spread += 1000 * (1 - p) * thickness * soil.sigma
    depletion = min(max(depletion, 0.0), available)
    share = depletion / available
    is_shallow = count == 1 and depths[0] < 0.3 * root_zone_m - CLOSE
    return Layered(available, depletion, 100 * water / full, _state(share, p, gap, spread, is_shallow=is_shallow))


def _state(share: float, p: float, gap: float, spread: float, *, is_shallow: bool) -> str:
    if share < 0.8 * p - CLOSE:
        return "ok"
    if is_shallow:
        return "watch"
    if spread and 0.30 <= NormalDist().cdf(gap / spread) <= 0.70:
        return "likely"
    return "dry" if share >= p - CLOSE else "watch"


def line_kpa(years: float | None, depth_cm: float) -> float:
    """Return the potential from which plants of that age are dry; of unknown age they are old."""
    if years is not None and 1 <= years < 2 and 15 <= depth_cm < 45:
        return -81.0
    age = 1000.0 if years is None else years
    return next((line for begin, end, line in _LINES_KPA if begin <= age < end), -80.0)


def judge_potentials(kpa: Mapping[float, float], years: float | None, root_zone_m: float) -> str:
    """Return the state of a plot known by potential only, in kPa by depth in cm."""
    state = "ok"
    for depth_cm, value in kpa.items():
        if depth_cm / 100 > root_zone_m + CLOSE and depth_cm != min(kpa):
            continue  # a tensiometer alone below the roots is all that is known of them
        line = line_kpa(years, depth_cm)
        is_shallow = depth_cm / 100 < 0.3 * root_zone_m - CLOSE
        if value <= line + CLOSE and not is_shallow:
            return "dry"
        if value <= 0.8 * line + CLOSE:
            state = "watch"
    return state


def learned_field_capacity(
    hours: Mapping[datetime, float], put_in_at: datetime | None, now: datetime
) -> tuple[int, float, float]:
    """Return how many plateaus a probe has shown, their median and standard deviation; hours by the site's clock.

    put_in_at: the first reading of a probe that was registered within the window: what wetted it in its first 48 h, as
        when it is watered in, tells nothing of the soil; None for one that stood there before
    """
    found = []
    for at, value in hours.items():
        later = [other for when, other in hours.items() if at < when <= at + 48 * _HOUR]
        before = [other for when, other in hours.items() if at - 24 * _HOUR <= when < at]
        plateau = [other for when, other in hours.items() if at + 24 * _HOUR < when <= at + 48 * _HOUR]
        is_settled = put_in_at is None or at >= put_in_at + 48 * _HOUR
        is_peak = is_settled and bool(before) and value >= max(before) and all(other < value for other in later)
        drained = [other for when, other in hours.items() if at <= when <= at + 24 * _HOUR]
        is_wetted_again = bool(plateau) and max(plateau) - min(drained) > 0.02 + CLOSE
        if (
            not is_peak
            or is_wetted_again
            or len(plateau) < 3
            or max(plateau) - min(plateau) > 0.02 + CLOSE
            or at + 48 * _HOUR > now
        ):
            continue
        if value - min(before) >= 0.05 - CLOSE and value - fmean(plateau) >= 0.01 - CLOSE:
            found.append(fmean(plateau))
    if not found:
        return 0, math.nan, math.nan
    return len(found), median(found), stdev(found) if len(found) > 1 else math.nan


def estimate(shares: Sequence[float]) -> tuple[float, float, float]:
    """Return the median and the quartiles of what peers lack."""
    low, middle, high = quantiles(shares, n=4, method="inclusive")
    return middle, low, high
