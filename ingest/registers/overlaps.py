"""Which plots overlap, by how much, and which of them stands in the others' way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ingest.registers.area import geodesic_area_m2, to_local_metres

_SLIVER_WIDTH_M = 1.0
_SLIVER_SHARE = 0.01
_NOTHING_M2 = 0.01
"""Less than a hand's breadth squared is rounding of a common border."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two areas, by their index, that share ground.

    share: of the smaller one, 0 to 1
    is_sliver: narrower than 1 m or less than 1 % of the smaller one; borders drawn twice do that
    lon, lat: a point inside the shared ground
    """

    first: int
    second: int
    area_m2: float
    share: float
    is_sliver: bool
    lon: float
    lat: float


def find_overlaps(areas: Sequence[BaseGeometry], owners: Sequence[str], first_fixed: int) -> list[Overlap]:
    """Return the pairs of `areas` (WGS 84, valid) that share ground, first < second, in that order.

    owners: whose area it is; a plot may lie where it lay before
    first_fixed: from this index on the areas are in the register; what those share among themselves is not looked at
    """
    geometries = np.array(areas, dtype=object)
    if len(geometries) == 0:
        return []
    first, second = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    names = np.array(owners)
    once = (first < second) & (first < first_fixed) & (names[first] != names[second])
    first, second = first[once], second[once]
    shared = shapely.intersection(geometries[first], geometries[second])
    with_area = np.flatnonzero(shapely.area(shared) > 0)
    found = []
    for index in with_area:
        area = _areal(shared[index])
        area_m2 = geodesic_area_m2(area)
        if area_m2 < _NOTHING_M2:
            continue
        i, j = int(first[index]), int(second[index])
        smaller = min(float(shapely.area(geometries[i])), float(shapely.area(geometries[j])))
        inside = shapely.point_on_surface(area)
        local = to_local_metres(area, inside.x, inside.y)
        narrow = bool(shapely.is_empty(shapely.buffer(local, -_SLIVER_WIDTH_M / 2)))
        share = min(1.0, float(shapely.area(area)) / smaller)
        is_sliver = share < _SLIVER_SHARE or (narrow and share < 0.5)  # noqa: PLR2004
        found.append(Overlap(i, j, area_m2, share, is_sliver, inside.x, inside.y))
    return sorted(found, key=lambda overlap: (overlap.first, overlap.second))


def in_the_way(overlaps: Sequence[Overlap], fixed: frozenset[int]) -> set[int]:
    """Return the indices to leave out next so that the others can stay; empty when nothing overlaps any more.

    overlaps: between areas that are still there, slivers left out
    fixed: areas that stay (they are in the register); all that overlap them go first. Then the one area with the most
    overlaps; of equal ones the later in the file.
    """
    pairs = [(overlap.first, overlap.second) for overlap in overlaps]
    against_fixed = {index for pair in pairs if not fixed.isdisjoint(pair) for index in pair if index not in fixed}
    if against_fixed or not pairs:
        return against_fixed
    counts = Counter(index for pair in pairs for index in pair)
    return {max(counts, key=lambda index: (counts[index], index))}


def _areal(geometry: BaseGeometry) -> BaseGeometry:
    """Return the areas of a geometry, without the points and lines in which borders touch."""
    return MultiPolygon([part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)])
