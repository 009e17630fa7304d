"""A whole flight in the wrong datum shows against the aircraft's positions, or against the plots."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from ingest.registers.datum import wgs84_to_gcj02
from ingest.registers.flight_datum import shift_by_plots, shift_by_poses
from tests.drone.test_attribution import square

ROW = np.arange(12, dtype=np.float64)
LON, LAT = 117.1 + ROW * 1e-4, np.full(12, 39.2)
PLOTS = shapely.from_wkb(np.array([square(x, -20, x + 40, 20) for x in range(0, 120, 40)], dtype=object))


def test_a_flight_in_gcj02_is_571_m_off_its_own_aircraft_at_tianjin() -> None:
    found = shift_by_poses(*wgs84_to_gcj02(LON, LAT), LON + 1e-4, LAT)
    assert found is not None
    # drone specification, section 1: GCJ-02 positions are 571 m off at Tianjin.
    assert found.offset_m == pytest.approx(571, abs=12)
    assert (found.pictures, found.by) == (12, "poses")


@pytest.mark.parametrize("east_deg", [0.0, 0.0005, 0.0066])
def test_a_flight_in_wgs84_or_off_by_anything_else_is_not_taken_for_it(east_deg: float) -> None:
    assert shift_by_poses(LON + east_deg, LAT, LON, LAT) is None


def test_one_picture_in_ten_may_be_off_and_three_may_not() -> None:
    lon, lat = (part.copy() for part in wgs84_to_gcj02(LON, LAT))
    lon[:1], lat[:1] = LON[:1], LAT[:1]
    assert shift_by_poses(lon, lat, LON, LAT) is not None
    lon[:3], lat[:3] = LON[:3], LAT[:3]
    assert shift_by_poses(lon, lat, LON, LAT) is None


def test_a_flight_that_shows_no_plot_until_the_shift_is_undone_is_shifted() -> None:
    found = shift_by_plots(*wgs84_to_gcj02(LON, LAT), PLOTS)
    assert found is not None
    assert found.offset_m == pytest.approx(571, abs=12)
    assert found.by == "plots"


def test_a_flight_over_the_plots_or_far_from_all_of_them_is_not() -> None:
    assert shift_by_plots(LON, LAT, PLOTS) is None
    assert shift_by_plots(LON + 0.1, LAT, PLOTS) is None
    assert shift_by_plots(*wgs84_to_gcj02(LON, LAT), PLOTS[:0]) is None


def test_over_a_dense_district_nobody_knows_which_of_two_plots_was_flown() -> None:
    there = [shapely.Point(lon, lat).buffer(3e-4) for lon, lat in zip(*wgs84_to_gcj02(LON, LAT), strict=True)]
    assert shift_by_plots(*wgs84_to_gcj02(LON, LAT), np.array([*PLOTS, *there], dtype=object)) is None


@pytest.mark.parametrize(("count", "is_told"), [(5, True), (4, False)])
def test_four_pictures_are_too_few_to_judge_a_flight(count: int, *, is_told: bool) -> None:
    lon, lat = wgs84_to_gcj02(LON[:count], LAT[:count])
    assert (shift_by_poses(lon, lat, LON[:count], LAT[:count]) is not None) is is_told
    assert (shift_by_plots(lon, lat, PLOTS) is not None) is is_told
