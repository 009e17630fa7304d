"""GCJ-02 and BD-09 against published points and against a second way to compute them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import Geod

from ingest.registers.datum import (
    bd09_to_gcj02,
    from_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    to_wgs84,
    wgs84_to_gcj02,
)

# lon, lat WGS 84; lon, lat GCJ-02. The first three: github.com/googollee/eviltransform, its tests; the last: README of
# github.com/wandergis/coordtransform.
PUBLISHED_GCJ02 = [
    (121.5272106, 31.1774276, 121.531541859215, 31.17530398364597),
    (113.912316, 22.543847, 113.9171764808363, 22.540796131694766),
    (116.377817, 39.911954, 116.38404722455657, 39.91334545536069),
    (116.404, 39.915, 116.41024449916938, 39.91640428150164),
]
# README of coordtransform: GCJ-02 to BD-09.
PUBLISHED_BD09 = (116.404, 39.915, 116.41036949371029, 39.92133699351021)


@pytest.mark.parametrize(("lon", "lat", "lon_gcj02", "lat_gcj02"), PUBLISHED_GCJ02)
def test_published_points_are_met_in_both_directions(
    lon: float, lat: float, lon_gcj02: float, lat_gcj02: float
) -> None:
    assert wgs84_to_gcj02(lon, lat) == pytest.approx((lon_gcj02, lat_gcj02), abs=1e-11)
    assert gcj02_to_wgs84(lon_gcj02, lat_gcj02) == pytest.approx((lon, lat), abs=1e-10)


def test_the_published_baidu_point_is_met_in_both_directions() -> None:
    lon, lat, lon_bd09, lat_bd09 = PUBLISHED_BD09
    assert gcj02_to_bd09(lon, lat) == pytest.approx((lon_bd09, lat_bd09), abs=1e-11)
    assert bd09_to_gcj02(lon_bd09, lat_bd09) == pytest.approx((lon, lat), abs=1e-10)


def test_a_second_way_to_compute_the_shift_agrees_within_a_millimetre() -> None:
    """Series as tables of (amplitude, half-waves per degree); metres become degrees by a finite arc, not by radii."""
    krasovsky = Geod(a=6378245.0, es=0.00669342162296594323)
    both = [(20.0, 6.0), (20.0, 2.0)]
    along_lat = [(20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30)]
    along_lon = [(20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30)]

    def series(terms: list[tuple[float, float]], at: float) -> float:
        return sum(amplitude * math.sin(math.pi * waves * at) for amplitude, waves in terms) / 1.5

    for lon, lat in [(117.13, 39.22), (87.6, 43.8), (104.06, 30.67), (110.35, 20.02), (126.6, 45.7)]:
        x, y = lon - 105, lat - 35
        root = abs(x) ** 0.5
        north_m = np.polyval([0.2, 3 + 0.1 * x, -100 + 2 * x + 0.2 * root], y) + series(both, x) + series(along_lat, y)
        east_m = np.polyval([0.1, 1 + 0.1 * y, 300 + 2 * y + 0.1 * root], x) + series(both, x) + series(along_lon, x)
        _, _, metres_north = krasovsky.inv(lon, lat - 5e-4, lon, lat + 5e-4)
        _, _, metres_east = krasovsky.inv(lon - 5e-4, lat, lon + 5e-4, lat)
        expected = lon + east_m / metres_east * 1e-3, lat + north_m / metres_north * 1e-3
        assert wgs84_to_gcj02(lon, lat) == pytest.approx(expected, abs=1e-8)


def test_going_there_and_back_loses_less_than_a_ten_millionth_of_a_degree_anywhere_in_china() -> None:
    random = np.random.default_rng(7)
    lon, lat = random.uniform(73.5, 135.0, 20_000), random.uniform(18.2, 53.5, 20_000)
    for datum in ("gcj02", "bd09"):
        back = to_wgs84(*from_wgs84(lon, lat, datum), datum)
        assert np.abs(back[0] - lon).max() < 1e-9
        assert np.abs(back[1] - lat).max() < 1e-9


def test_in_beichen_a_wrong_datum_is_half_a_kilometre_off() -> None:
    for lon, lat in [(117.05, 39.18), (117.13, 39.22), (117.22, 39.26)]:
        _, _, metres = Geod(ellps="WGS84").inv(lon, lat, *wgs84_to_gcj02(lon, lat))
        assert 515 < metres < 580


@pytest.mark.parametrize(
    ("lon", "lat"), [(-104.9903, 39.7392), (153.0251, -27.4698), (2.35, 48.85), (0.0, 0.0), (180.0, -90.0)]
)
def test_outside_of_china_nothing_is_shifted(lon: float, lat: float) -> None:
    for datum in ("gcj02", "bd09"):
        assert from_wgs84(lon, lat, datum) == (lon, lat)
        assert to_wgs84(lon, lat, datum) == (lon, lat)


def test_numbers_stay_numbers_and_arrays_stay_arrays() -> None:
    assert isinstance(wgs84_to_gcj02(117.1, 39.2)[0], float)
    lon, lat = wgs84_to_gcj02(np.array([117.1, 2.0]), np.array([39.2, 48.0]))
    assert lon[0] == pytest.approx(wgs84_to_gcj02(117.1, 39.2)[0])
    assert (lon[1], lat[1]) == (2.0, 48.0)
