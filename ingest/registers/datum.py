"""WGS 84, GCJ-02 (the "Mars" datum of Amap and Tencent) and BD-09 (Baidu), converted into each other.

GCJ-02 has no published definition. This is the transformation known since 2010 from the "EvilTransform" code
(Krasovsky 1940 ellipsoid, a polynomial and sines of the position); it agrees with what the map services do to about
1 m where they were compared, and the values published with github.com/googollee/eviltransform to 1e-12 degrees.
BD-09 adds Baidu's polar offset on top of GCJ-02. At Tianjin GCJ-02 lies about 570 m, BD-09 about 1.3 km off.

Every function takes and returns degrees, longitude first, as numbers or as arrays of equal shape. Outside of the
rectangle below nothing is shifted; it is the rectangle that the usual software takes, wider than China.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

Datum = Literal["wgs84", "gcj02", "bd09"]
Degrees = TypeVar("Degrees", float, npt.NDArray[np.float64])
_Array = npt.NDArray[np.float64]

_AXIS_M = 6378245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
_BAIDU_ANGLE = np.pi * 3000 / 180
_BAIDU_LON, _BAIDU_LAT = 0.0065, 0.006
_CONVERGED_DEG = 1e-11
_ROUNDS = 30


def wgs84_to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return the GCJ-02 longitude and latitude of a WGS 84 position."""
    return _same_kind(lon, *_gcj02(*_arrays(lon, lat)))


def gcj02_to_wgs84(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return the WGS 84 longitude and latitude of a GCJ-02 position, to better than 1e-9 degrees."""
    return _same_kind(lon, *_invert(_gcj02, *_arrays(lon, lat)))


def gcj02_to_bd09(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return the BD-09 longitude and latitude of a GCJ-02 position."""
    return _same_kind(lon, *_bd09(*_arrays(lon, lat)))


def bd09_to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return the GCJ-02 longitude and latitude of a BD-09 position, to better than 1e-9 degrees."""
    return _same_kind(lon, *_invert(_bd09, *_arrays(lon, lat)))


def to_wgs84(lon: Degrees, lat: Degrees, datum: Datum) -> tuple[Degrees, Degrees]:
    """Return the WGS 84 longitude and latitude of a position in `datum`."""
    if datum == "bd09":
        lon, lat = bd09_to_gcj02(lon, lat)
    return (lon, lat) if datum == "wgs84" else gcj02_to_wgs84(lon, lat)


def from_wgs84(lon: Degrees, lat: Degrees, datum: Datum) -> tuple[Degrees, Degrees]:
    """Return the longitude and latitude in `datum` of a WGS 84 position."""
    if datum == "wgs84":
        return lon, lat
    lon, lat = wgs84_to_gcj02(lon, lat)
    return gcj02_to_bd09(lon, lat) if datum == "bd09" else (lon, lat)


def _gcj02(lon: _Array, lat: _Array) -> tuple[_Array, _Array]:
    x, y = lon - 105.0, lat - 35.0
    root, product = np.sqrt(np.abs(x)), x * y
    fine = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    north_m = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * product + 0.2 * root
    north_m += (fine + 20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)) * 2 / 3
    north_m += (160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    east_m = 300 + x + 2 * y + 0.1 * x * x + 0.1 * product + 0.1 * root
    east_m += (fine + 20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)) * 2 / 3
    east_m += (150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    # Metres to degrees by the radii of curvature of the ellipsoid, along the meridian and across it.
    w = 1 - _ECCENTRICITY_SQUARED * np.sin(np.radians(lat)) ** 2
    meridian_m = _AXIS_M * (1 - _ECCENTRICITY_SQUARED) / (w * np.sqrt(w))
    across_m = _AXIS_M / np.sqrt(w) * np.cos(np.radians(lat))
    inside = _inside(lon, lat)
    shifted_lon = np.where(inside, lon + np.degrees(east_m / np.where(inside, across_m, 1.0)), lon)
    return shifted_lon, np.where(inside, lat + np.degrees(north_m / meridian_m), lat)


def _bd09(lon: _Array, lat: _Array) -> tuple[_Array, _Array]:
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BAIDU_ANGLE)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BAIDU_ANGLE)
    inside = _inside(lon, lat)
    return (
        np.where(inside, radius * np.cos(angle) + _BAIDU_LON, lon),
        np.where(inside, radius * np.sin(angle) + _BAIDU_LAT, lat),
    )


def _invert(
    forward: Callable[[_Array, _Array], tuple[_Array, _Array]], lon: _Array, lat: _Array
) -> tuple[_Array, _Array]:
    """Return the position that `forward` takes to (lon, lat); the shift hardly changes over its own length."""
    inside = _inside(lon, lat)
    found_lon, found_lat = lon, lat
    for _ in range(_ROUNDS):
        there_lon, there_lat = forward(found_lon, found_lat)
        off_lon, off_lat = np.where(inside, lon - there_lon, 0.0), np.where(inside, lat - there_lat, 0.0)
        found_lon, found_lat = found_lon + off_lon, found_lat + off_lat
        if max(np.max(np.abs(off_lon), initial=0.0), np.max(np.abs(off_lat), initial=0.0)) < _CONVERGED_DEG:
            break
    return found_lon, found_lat


def _inside(lon: _Array, lat: _Array) -> npt.NDArray[np.bool_]:
    return (lon >= _WEST) & (lon <= _EAST) & (lat >= _SOUTH) & (lat <= _NORTH)


def _arrays(lon: Any, lat: Any) -> tuple[_Array, _Array]:
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def _same_kind(given: Any, lon: _Array, lat: _Array) -> tuple[Any, Any]:
    return (lon, lat) if isinstance(given, np.ndarray) else (float(lon), float(lat))
