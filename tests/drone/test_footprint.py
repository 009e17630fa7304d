"""Footprints against the reference poses, real surveyed corners, and absurd poses."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
import shapely

from ingest.drone.footprint import Footprint, compute_footprints
from tests.drone.pictures import metres_between, picture, reference_picture, rows_of

CORNERS = ("tl", "tr", "br", "bl")


def footprint_of(**changed: Any) -> Footprint:
    return compute_footprints([picture(**changed)])[0]


def corner_errors_m(footprint: Footprint, row: dict[str, str], prefix: str = "") -> list[float]:
    assert footprint.corners is not None
    return [
        metres_between(
            footprint.corners[2 * i],
            footprint.corners[2 * i + 1],
            float(row[f"{prefix}{corner}_lon"]),
            float(row[f"{prefix}{corner}_lat"]),
        )
        for i, corner in enumerate(CORNERS)
    ]


def ground_of(footprint: Footprint) -> shapely.Polygon:
    assert footprint.polygon is not None
    polygon = shapely.from_wkb(footprint.polygon)
    assert isinstance(polygon, shapely.Polygon)
    return polygon


def test_every_reference_pose_shows_the_reference_ground_corner_by_corner(shared: Path) -> None:
    rows = rows_of(shared / "data/drone/footprint_reference_give.csv")
    footprints = compute_footprints([reference_picture(row) for row in rows])
    for row, footprint in zip(rows, footprints, strict=True):
        if row["expected_status"] == "ok":
            assert footprint.status == "ok", row["case_id"]
            assert max(corner_errors_m(footprint, row)) <= 0.05, row["case_id"]
            assert footprint.area_m2 == pytest.approx(float(row["area_m2"]), rel=0.001)
        else:
            expected = float(row["clip15_area_m2"])
            assert footprint.status == ("clipped" if expected else "rejected_horizon"), row["case_id"]
            assert footprint.corners is None
            assert (footprint.area_m2 or 0.0) == pytest.approx(expected, rel=0.01)


def test_clipped_ground_lies_where_the_reference_says(shared: Path) -> None:
    rows = [row for row in rows_of(shared / "data/drone/footprint_reference_give.csv") if row["clip15_centroid_lon"]]
    for row, footprint in zip(rows, compute_footprints([reference_picture(row) for row in rows]), strict=True):
        middle = ground_of(footprint).centroid
        away = metres_between(middle.x, middle.y, float(row["clip15_centroid_lon"]), float(row["clip15_centroid_lat"]))
        assert away < 0.5, row["case_id"]


def test_real_pictures_fall_within_metres_of_their_surveyed_corners(shared: Path) -> None:
    rows = rows_of(shared / "data/drone/treagron_footprint_truth_give.csv")
    footprints = compute_footprints(
        [
            reference_picture(row | {"height_above_ground_m": row["relative_altitude_m"]}, image_id=row["image_id"])
            for row in rows
        ]
    )
    errors = sorted(
        math.sqrt(float(np.mean(np.square(corner_errors_m(footprint, row, "true_")))))
        for row, footprint in zip(rows, footprints, strict=True)
    )
    assert len(errors) == 234
    assert median(errors) <= 3.6
    assert errors[math.ceil(0.95 * len(errors)) - 1] <= 5.4


def test_a_drone_that_looks_straight_down_northwards_shows_a_rectangle_around_itself() -> None:
    footprint = footprint_of()
    # 4000 × 3000 px at 3000 px focal length from 60 m: 80 m × 60 m, so the top left corner is 40 m west, 30 m north.
    west, north = footprint.corners[:2] if footprint.corners else (0.0, 0.0)
    assert metres_between(west, north, 117.1, north) == pytest.approx(40.0, abs=0.01)
    assert metres_between(117.1, north, 117.1, 39.2) == pytest.approx(30.0, abs=0.01)
    assert west < 117.1
    assert north > 39.2
    assert footprint.area_m2 == pytest.approx(4800.0)


def test_the_principal_point_shifts_the_ground_by_whole_pixels_from_the_outer_edge() -> None:
    footprint = footprint_of(intrinsics={"focal_px": 3000.0, "cx_px": 2000.0, "cy_px": 1450.0})
    lat = footprint.corners[1] if footprint.corners else 0.0
    assert metres_between(117.1, lat, 117.1, 39.2) == pytest.approx(29.0, abs=0.001)


def test_straight_down_a_roll_is_a_turn_of_the_picture() -> None:
    rolled, turned = footprint_of(yaw_deg=20.0, roll_deg=5.0), footprint_of(yaw_deg=25.0)
    assert rolled.corners == pytest.approx(turned.corners, abs=1e-9)


def test_turning_the_gimbal_over_writes_the_same_pose_twice() -> None:
    upside, plain = (
        footprint_of(yaw_deg=30.0 - 180.0, pitch_deg=-110.0, roll_deg=180.0 - 4.0),
        footprint_of(yaw_deg=30.0, pitch_deg=-70.0, roll_deg=-4.0),
    )
    assert upside.corners == pytest.approx(plain.corners, abs=1e-9)


def test_right_side_down_shows_less_ground_on_the_right() -> None:
    # Looking north and down with the right side lower: the right edge lies nearer than the left one.
    footprint = footprint_of(pitch_deg=-60.0, roll_deg=15.0)
    assert footprint.corners is not None
    left, right = footprint.corners[1], footprint.corners[3]
    assert left > right


@pytest.mark.parametrize(("steeper_deg", "status"), [(0.001, "ok"), (-0.001, "clipped")])
def test_a_corner_ray_flatter_than_fifteen_degrees_clips_the_ground(steeper_deg: float, status: str) -> None:
    # The top corners of a 4000 × 3000 px picture with a focal length of 3000 px lie 2/3 aside and 1/2 above the axis;
    # with the axis a below the horizon they fall by sin a - cos a / 2 over a length of sqrt(1 + 4/9 + 1/4).
    length = math.sqrt(1 + 4 / 9 + 1 / 4)
    edge_deg = math.degrees(math.atan(0.5) + math.asin(math.sin(math.radians(15.0)) * length / math.sqrt(1.25)))
    assert footprint_of(pitch_deg=-edge_deg - steeper_deg).status == status


def test_clipped_ground_ends_where_rays_fall_below_fifteen_degrees() -> None:
    ground = ground_of(footprint_of(pitch_deg=-20.0))
    reach = 60.0 / math.tan(math.radians(15.0))
    farthest = max(metres_between(117.1, 39.2, x, y) for x, y in ground.exterior.coords)
    assert farthest == pytest.approx(reach, rel=1e-3)


@pytest.mark.parametrize("pitch_deg", [15.0, 30.0, 90.0])
def test_a_camera_that_looks_up_shows_no_ground(pitch_deg: float) -> None:
    assert footprint_of(pitch_deg=pitch_deg).status == "rejected_horizon"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"pitch_deg": None}, "unknown_pose"),
        ({"yaw_deg": None}, "unknown_pose"),
        ({"attitude_source": "assumed"}, "unknown_pose"),
        ({"height_takeoff_m": None, "alt_msl_m": 60.0, "alt_ellipsoid_m": 60.0}, "unknown_pose"),
        ({"intrinsics": None}, "unknown_camera"),
        ({"intrinsics": {}}, "unknown_camera"),
        ({"image_width_px": None}, "unknown_camera"),
        ({"height_takeoff_m": 1.99}, "too_low"),
        ({"height_takeoff_m": -3.0}, "too_low"),
        ({"height_takeoff_m": 2.0}, "ok"),
        ({"is_original": False}, "not_original"),
        ({"media_kind": "video"}, "not_an_image"),
        ({"quarantine": "out_of_area"}, "quarantined"),
        ({"lon": None}, "quarantined"),
        ({"lon": 325.0}, "quarantined"),
        ({"lat": math.nan}, "quarantined"),
        ({"pitch_deg": math.inf}, "unknown_pose"),
    ],
)
def test_a_picture_that_does_not_say_enough_gets_no_ground_but_a_reason(changed: dict[str, Any], status: str) -> None:
    footprint = footprint_of(**changed)
    assert footprint.status == status
    assert (footprint.polygon is None) == (status != "ok")


def test_the_measured_height_above_ground_counts_before_the_height_above_take_off() -> None:
    assert footprint_of(height_ground_m=30.0).area_m2 == pytest.approx(1200.0)


def test_an_altitude_is_never_taken_for_a_height() -> None:
    assert footprint_of(alt_msl_m=400.0, alt_ellipsoid_m=-24.5, alt_unknown_datum_m=9.0).area_m2 == pytest.approx(4800)


def test_a_missing_roll_counts_as_level_and_says_so() -> None:
    footprint = footprint_of(roll_deg=None)
    assert (footprint.status, footprint.reason) == ("ok", "roll_not_given")


def test_a_barrel_lens_shows_more_ground_than_its_straight_sides_would() -> None:
    bent = footprint_of(intrinsics={"focal_px": 3000.0, "distortion": {"model": "brown", "k1": -0.1}})
    assert bent.status == "ok"
    assert bent.area_m2 is not None
    assert bent.area_m2 > 4800.0
    ground = ground_of(bent)
    corners = shapely.Polygon(np.array(bent.corners).reshape(4, 2))
    # A barrel pulls corners in most, so undone they stand out beyond the sides' middles.
    assert corners.area > ground.area


def test_a_lens_that_folds_the_picture_is_an_unknown_camera() -> None:
    footprint = footprint_of(intrinsics={"focal_px": 1000.0, "distortion": {"model": "brown", "k1": -5.0}})
    assert (footprint.status, footprint.polygon) == ("unknown_camera", None)


def test_a_bent_picture_across_the_horizon_is_clipped_too() -> None:
    plain = footprint_of(pitch_deg=-20.0)
    bent = footprint_of(pitch_deg=-20.0, intrinsics={"focal_px": 3000.0, "distortion": {"model": "brown", "k1": 0.001}})
    assert bent.status == "clipped"
    assert bent.area_m2 == pytest.approx(plain.area_m2, rel=0.01)


def test_polygons_are_counter_clockwise_as_geojson_wants_them() -> None:
    assert ground_of(footprint_of()).exterior.is_ccw


def test_no_pictures_give_no_footprints() -> None:
    assert compute_footprints([]) == []


@pytest.mark.parametrize("k1", [-0.5, -0.45, -0.4, -0.35, -0.3, -0.25])
@pytest.mark.parametrize("pitch_deg", [-90.0, -45.0, -15.0])
def test_a_lens_that_folds_the_picture_over_itself_shows_no_ground_and_costs_no_neighbour(
    k1: float, pitch_deg: float
) -> None:
    folded = picture(pitch_deg=pitch_deg, intrinsics={"focal_px": 3000.0, "distortion": {"model": "brown", "k1": k1}})
    found = compute_footprints([picture(), folded, picture()])
    assert [footprint.status for footprint in found] == ["ok", "unknown_camera", "ok"]
    assert found[1].reason == "distortion_not_invertible"
    assert found[1].polygon is None


@pytest.mark.parametrize("lon", [179.9999, -179.9999, 117.1])
def test_a_picture_across_the_180th_meridian_shows_no_ground_around_the_earth(lon: float) -> None:
    (found,) = compute_footprints([picture(lon=lon)])
    west, _, east, _ = shapely.bounds(shapely.from_wkb(found.polygon))
    assert (west, east) == pytest.approx((lon - 0.000463, lon + 0.000463), abs=1e-6)
