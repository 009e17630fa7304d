"""From rings to a valid polygon, its geodesic area and a point inside."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ingest.registers.findings import Place
from ingest.registers.rings import Ring, at_point

WGS84 = pyproj.Geod(ellps="WGS84")
SMALLEST_M2 = 1.0
LARGEST_M2 = 10_000_000.0
_POINT = re.compile(r"\[(\S+) (\S+)\]")
_TOUCHING_SHARE = 1e-6
"""Parts of a plot that share less than this of the smaller one only touch."""


def build_area(parts: list[list[tuple[str, Ring]]], place: Place) -> BaseGeometry | None:
    """Return the valid Polygon or MultiPolygon of `parts`, or None; what is wrong is at `place`.

    Outer rings run counterclockwise, holes clockwise (RFC 7946); equal areas become equal bytes wherever their rings
    begin.
    """
    polygons = [_polygon(part, place) for part in parts]
    if any(polygon is None for polygon in polygons):
        return None
    found = [polygon for polygon in polygons if polygon is not None]
    area = found[0] if len(found) == 1 else _joined(found, place)
    return None if area is None else shapely.orient_polygons(shapely.normalize(area))


def area_from_wkb(wkb: bytes) -> BaseGeometry:
    """Return the area that the register holds as WKB; only for bytes of our own (GEOS crashes on hostile ones)."""
    area: BaseGeometry = shapely.from_wkb(wkb)
    return area


def geodesic_area_m2(area: BaseGeometry) -> float:
    """Return the area on the WGS 84 ellipsoid in square metres, holes taken off."""
    parts = shapely.get_parts(area)
    return float(sum(abs(WGS84.geometry_area_perimeter(part)[0]) for part in parts))


def check_size(area_m2: float, place: Place) -> None:
    """Add a fault when a plot is smaller than 1 m² or larger than 10 km²."""
    if not SMALLEST_M2 <= area_m2 <= LARGEST_M2:
        small = area_m2 < SMALLEST_M2
        place.fault(
            "area_too_small" if small else "area_too_large",
            f"{area_m2:.3g} m²",
            "1 m² to 10 km²",
            "Remove the crumb." if small else "Draw the plot that one crew looks after, not the district.",
            "/geometry",
        )


def to_local_metres(geometry: BaseGeometry, lon: float, lat: float) -> BaseGeometry:
    """Return a geometry in metres east and north of (lon, lat), on the ellipsoid's tangent; right within a few km."""
    stretch = metres_per_degree(lat)
    local: BaseGeometry = shapely.transform(geometry, lambda points: (points - [lon, lat]) * stretch)
    return local


def metres_per_degree(lat: float) -> npt.NDArray[np.float64]:
    """Return the metres of one degree of longitude and of latitude at `lat` on the WGS 84 ellipsoid.

    From the radii of curvature along and across the meridian (Snyder 1987, equations 4-18 and 4-20).
    """
    w = 1 - WGS84.es * np.sin(np.radians(lat)) ** 2
    across_m = WGS84.a * np.cos(np.radians(lat)) / np.sqrt(w)
    per_degree: npt.NDArray[np.float64] = np.radians(np.array([across_m, WGS84.a * (1 - WGS84.es) / w**1.5]))
    return per_degree


def _polygon(rings: list[tuple[str, Ring]], place: Place) -> Polygon | None:
    outer_pointer, outer = rings[0]
    shell = Polygon(outer)
    valid = _check_ring(shell, outer_pointer, place)
    for pointer, ring in rings[1:]:
        hole = Polygon(ring)
        if not _check_ring(hole, pointer, place):
            valid = False
        elif valid and not shapely.covers(shell, hole):
            wholly = shapely.disjoint(shell, hole)
            place.fault(
                "hole_outside",
                f"a hole at {at_point(ring[0])} lies {'outside' if wholly else 'partly outside'} of the border",
                "holes inside the outer ring",
                "Remove the hole, or make it a plot or part of its own.",
                pointer,
            )
            valid = False
    if not valid:
        return None
    polygon = Polygon(outer, [ring for _, ring in rings[1:]])
    if not shapely.is_valid(polygon):
        place.fault(
            "holes_overlap", _reason(polygon), "holes that do not overlap", "Join or separate the holes.", outer_pointer
        )
        return None
    return polygon


def _check_ring(ring: BaseGeometry, pointer: str, place: Place) -> bool:
    if shapely.is_valid(ring):
        return True
    touches = shapely.is_valid_reason(ring).startswith("Ring Self")
    place.fault(
        "self_touching" if touches else "self_crossing",
        ("it touches itself " if touches else "it crosses itself ") + _reason(ring),
        "a border that " + ("does not touch itself" if touches else "does not cross itself"),
        "Move the corner, or draw two parts." if touches else "Put the corners in the order in which one walks round.",
        pointer,
    )
    return False


def _reason(geometry: BaseGeometry) -> str:
    point = _POINT.search(shapely.is_valid_reason(geometry))
    return f"at {at_point([float(point[1]), float(point[2])])}" if point else "at several points"


def _joined(polygons: list[Polygon], place: Place) -> BaseGeometry | None:
    whole = MultiPolygon(polygons)
    if shapely.is_valid(whole):
        return whole
    union = shapely.union_all(polygons)
    shared = sum(polygon.area for polygon in polygons) - union.area
    if shared > _TOUCHING_SHARE * min(polygon.area for polygon in polygons):
        place.fault(
            "parts_overlap",
            f"{_reason(whole)}",
            "parts that do not overlap",
            "Join or separate the parts.",
            "/geometry/coordinates",
        )
        return None
    place.warn(
        "parts_joined",
        "parts that share a border",
        "parts apart",
        "Nothing: they were joined.",
        "/geometry/coordinates",
    )
    return union
