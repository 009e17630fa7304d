"""Focal lengths and lens distortion."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.drone.camera import cameras_of, focal_length_px, undistort
from tests.drone.pictures import picture


@pytest.mark.parametrize(
    ("intrinsics", "focal_px"),
    [
        ({"focal_px": 3713.29, "focal_mm": 1.0, "sensor_width_mm": 1.0, "focal_35mm_mm": 1.0}, 3713.29),
        # Zenmuse XT2: 13 mm, 17 µm pixels, 640 wide.
        ({"focal_mm": 13.0, "sensor_width_mm": 10.88, "focal_35mm_mm": 1.0}, 13.0 / 0.017),
        # 36 × 24 mm film on a 3 : 2 picture: 24 mm are two thirds of the width.
        ({"focal_35mm_mm": 24.0, "hfov_deg": 10.0}, 3648.0),
        ({"hfov_deg": 90.0}, 2736.0),
        ({"focal_mm": 13.0}, None),
        ({"focal_px": "3713"}, None),
        ({"focal_px": True}, None),
        ({"focal_px": 10**400}, None),
        ({}, None),
    ],
)
def test_the_best_of_the_given_focal_lengths_counts(intrinsics: dict[str, object], focal_px: float | None) -> None:
    width_px = 640.0 if "focal_mm" in intrinsics and "focal_px" not in intrinsics else 5472.0
    found = focal_length_px(intrinsics, width_px, 3648.0)
    assert found == (None if focal_px is None else pytest.approx(focal_px))


def test_a_35_mm_equivalent_keeps_the_diagonal_angle_of_view() -> None:
    # Mavic 3 Enterprise, 4 : 3: the data sheet says 24 mm equivalent and a diagonal field of view of 84°.
    focal_px = focal_length_px({"focal_35mm_mm": 24.0}, 5280.0, 3956.0)
    assert focal_px is not None
    assert np.degrees(2 * np.arctan(np.hypot(5280, 3956) / 2 / focal_px)) == pytest.approx(84.0, abs=0.2)


def test_undistorting_undoes_what_browns_model_does() -> None:
    k1, k2, k3, p1, p2 = -0.28, 0.11, -0.02, 0.001, -0.0007
    x, y = np.meshgrid(np.linspace(-0.6, 0.6, 7), np.linspace(-0.45, 0.45, 7))
    x, y = x.reshape(1, -1), y.reshape(1, -1)
    s = x * x + y * y
    radial = 1 + k1 * s + k2 * s**2 + k3 * s**3
    bent_x = x * radial + 2 * p1 * x * y + p2 * (s + 2 * x * x)
    bent_y = y * radial + p1 * (s + 2 * y * y) + 2 * p2 * x * y
    found = undistort(bent_x, bent_y, np.array([[k1, k2, k3, p1, p2]]))
    assert np.allclose(found, (x, y), atol=1e-9)


def test_a_principal_point_far_off_the_picture_belongs_to_no_lens() -> None:
    assert np.isnan(cameras_of([picture(intrinsics={"focal_px": 3000.0, "cx_px": 1e300})]).focal_x_px[0])


def test_different_focal_lengths_across_and_down_are_kept() -> None:
    cameras = cameras_of([picture(intrinsics={"focal_px": 3000.0, "focal_y_px": 1500.0})])
    x, y = cameras.normalise(np.array([[5000.0]]), np.array([[3000.0]]))
    assert (x[0, 0], y[0, 0]) == (1.0, 1.0)


def test_the_principal_point_that_is_given_is_the_middle_of_the_lens() -> None:
    cameras = cameras_of([picture(intrinsics={"focal_px": 3000.0, "cx_px": 1700.0, "cy_px": 1600.0}), picture()])
    x, y = cameras.normalise(np.full((2, 1), 2000.0), np.full((2, 1), 1500.0))
    assert (x.ravel().tolist(), y.ravel().tolist()) == ([0.1, 0.0], [-100.0 / 3000.0, 0.0])
