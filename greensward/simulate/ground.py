"""Metres beside the canal and WGS 84 degrees, for a place of a few kilometres."""

from __future__ import annotations

import math

ORIGIN_LON = 117.130
ORIGIN_LAT = 39.220
"""A point on the canal's axis, Beichen."""

CANAL_AZIMUTH_DEG = 128.0
"""Direction of the water's flow, clockwise from true north; plots and flight lines follow it."""

_AXIS = math.radians(CANAL_AZIMUTH_DEG)
# Metres of a degree at the origin's latitude (WGS 84 radii of curvature, Snyder 1987, eq. 4-19 and 4-20).
_W = 1 - 0.00669437999014 * math.sin(math.radians(ORIGIN_LAT)) ** 2
NORTH_M_PER_DEG = math.radians(6378137.0 * (1 - 0.00669437999014) / _W**1.5)
EAST_M_PER_DEG = math.radians(6378137.0 * math.cos(math.radians(ORIGIN_LAT)) / math.sqrt(_W))

LocalPoint = tuple[float, float]
"""Metres along the canal (downstream) and across it (left bank positive)."""


def to_east_north(point: LocalPoint) -> tuple[float, float]:
    """Return metres east and north of the origin."""
    along, across = point
    # The left bank, looking downstream, lies 90° counterclockwise of the axis.
    east = along * math.sin(_AXIS) - across * math.cos(_AXIS)
    north = along * math.cos(_AXIS) + across * math.sin(_AXIS)
    return east, north


def to_lon_lat(point: LocalPoint) -> tuple[float, float]:
    """Return WGS 84 degrees, rounded to 1e-7 (about a centimetre)."""
    east, north = to_east_north(point)
    return round(ORIGIN_LON + east / EAST_M_PER_DEG, 7), round(ORIGIN_LAT + north / NORTH_M_PER_DEG, 7)
