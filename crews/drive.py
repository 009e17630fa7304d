"""In which order to drive: nearest neighbour, then 2-opt, on straight lines."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Position = tuple[float, float]
"""Longitude and latitude, WGS 84, degrees."""

_EARTH_RADIUS_KM = 6371.0088
"""IUGG mean radius."""

_MOST_PASSES = 50
_LEAST_GAIN_KM = 1e-9
"""Below it a turn only moves rounding errors about, and might go on for ever."""


def distance_km(start: Position, end: Position) -> float:
    """Return the great-circle distance (haversine); within 0.6 % of the ellipsoid, and never the road's length."""
    (lon1, lat1), (lon2, lat2) = ((math.radians(a), math.radians(b)) for a, b in (start, end))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))


def drive_order(positions: Sequence[Position], start: Position | None = None) -> list[int]:
    """Return the indices of `positions` in driving order, each once; the end is open.

    start: where the truck stands; without it the drive begins at the first position
    """
    if not positions:
        return []
    places = [start if start is not None else positions[0], *positions]
    lengths = _all_distances_km(places)
    route = [0] if start is not None else [0, 1]
    fixed = len(route)
    left = set(range(fixed, len(places)))
    while left:
        here = route[-1]
        route.append(min(left, key=lambda index: (lengths[here][index], index)))
        left.remove(route[-1])
    return [index - 1 for index in _two_opt(route, lengths, fixed)[1:]]


def _all_distances_km(places: Sequence[Position]) -> list[list[float]]:
    """Return `distance_km` between all pairs at once."""
    lon, lat = np.radians(np.asarray(places, dtype=np.float64)).T
    half = (
        np.sin((lat[:, None] - lat) / 2) ** 2
        + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    )
    lengths: list[list[float]] = (2 * _EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))).tolist()
    return lengths


def _two_opt(route: list[int], lengths: list[list[float]], fixed: int) -> list[int]:
    """Return `route` with crossings taken out by turning stretches round; the first `fixed` places stay."""
    for _ in range(_MOST_PASSES):
        improved = False
        for first in range(fixed, len(route) - 1):
            for last in range(first + 1, len(route)):
                before, head, tail = route[first - 1], route[first], route[last]
                gain = lengths[before][head] - lengths[before][tail]
                if last + 1 < len(route):
                    gain += lengths[tail][route[last + 1]] - lengths[head][route[last + 1]]
                if gain > _LEAST_GAIN_KM:
                    route[first : last + 1] = route[first : last + 1][::-1]
                    improved = True
        if not improved:
            break
    return route
