"""Lens models: from what a message says of a camera to a ray for each pixel.

The camera is a pinhole with square pixels. The pixel origin is the outer corner of the top-left pixel, x right, y down;
where no principal point is given it is the middle of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.observation import DroneImage

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]
Shapes = npt.NDArray[np.object_]

FILM_DIAGONAL_MM = math.hypot(36.0, 24.0)
"""Diagonal of 35 mm film; the equivalent focal length keeps the diagonal angle of view (CIPA DCG-001)."""

_NO_PINHOLE = frozenset({"fisheye", "digital_zoom", "panorama"})
"""What intrinsics.model says of pictures whose focal length, if one is given, does not tell which ground they show."""

ZOOM_NOT_TOLD = "zoom_not_told"
"""What intrinsics.doubt says where the lens was taken for the wide one at 1x: DJI's ending V is any visible lens."""
NOT_VERIFIED = "camera_not_verified"
"""What it says where the lens is that of a camera whose row nobody has held against a source."""

_DISTORTION = ("k1", "k2", "k3", "p1", "p2")
_NEWTON_STEPS = 20
_RESIDUAL = 1e-9
"""Largest error of an undistorted point that is accepted, in focal lengths: 0.1 micrometre at 100 m."""
_BRANCH_CHECKS = 16
_TINY = 1e-12
_NARROWEST_MM = 1e-3
_NARROWEST_DEG, _WIDEST_DEG = 1e-3, 180.0
_SHORTEST, _LONGEST = 0.01, 1e5
"""Focal length in picture sizes: fields of view from 178° down to 2 arc seconds."""
_FARTHEST_CENTRE = 10.0
"""A principal point this many picture sizes away belongs to no lens."""


@dataclass(frozen=True, slots=True)
class Cameras:
    """Lens models of N pictures; every array has the shape (N,), pixels, NaN where unknown.

    distortion: (N, 5) Brown's k1, k2, k3, p1, p2 in the order of their use; zero where none is given
    """

    width_px: Floats
    height_px: Floats
    focal_x_px: Floats
    focal_y_px: Floats
    centre_x_px: Floats
    centre_y_px: Floats
    distortion: Floats

    @property
    def is_distorted(self) -> Bools:
        """Say for each camera whether it has any distortion, shape (N,)."""
        return np.asarray(np.any(self.distortion != 0.0, axis=1), dtype=np.bool_)

    def take(self, index: Ints) -> Cameras:
        """Return the cameras at `index`, in that order."""
        return Cameras(
            self.width_px[index],
            self.height_px[index],
            self.focal_x_px[index],
            self.focal_y_px[index],
            self.centre_x_px[index],
            self.centre_y_px[index],
            self.distortion[index],
        )

    def normalise(self, a_px: Floats, b_px: Floats) -> tuple[Floats, Floats]:
        """Return where pixels lie on the image plane at distance 1, undistorted.

        a_px, b_px: (N,) or (N, K), pixel x and y for each camera
        Returns: x right and y down in focal lengths; NaN where the distortion cannot be undone.
        """
        shape = (-1,) + (1,) * (a_px.ndim - 1)
        x = (a_px - self.centre_x_px.reshape(shape)) / self.focal_x_px.reshape(shape)
        y = (b_px - self.centre_y_px.reshape(shape)) / self.focal_y_px.reshape(shape)
        bent = self.is_distorted
        if bent.any():
            x[bent], y[bent] = undistort(x[bent], y[bent], self.distortion[bent])
        return x, y


def cameras_of(images: Sequence[DroneImage]) -> Cameras:
    """Return the lens models of `images`, NaN where a message does not say enough."""
    rows = [_lens(image) for image in images]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 11)
    return Cameras(
        table[:, 0],
        table[:, 1],
        table[:, 2],
        table[:, 3],
        table[:, 4],
        table[:, 5],
        distortion=table[:, 6:],
    )


def focal_length_px(intrinsics: Mapping[str, object], width_px: float, height_px: float) -> float | None:
    """Return the focal length in pixels, or None when nothing says it.

    The first of these that is there counts: a calibrated length in pixels; millimetres and sensor width; the 35 mm
    equivalent; the horizontal angle of view.
    """
    if is_no_pinhole(intrinsics):
        return None
    pixels = number(intrinsics, "focal_px")
    if pixels is not None and pixels > 0.0:
        return pixels
    millimetres, sensor_width_mm = (
        number(intrinsics, "focal_mm"),
        number(intrinsics, "sensor_width_mm"),
    )
    if millimetres is not None and sensor_width_mm is not None and millimetres > 0.0 and sensor_width_mm > 0.0:
        return millimetres * width_px / max(sensor_width_mm, _NARROWEST_MM)
    equivalent_mm = number(intrinsics, "focal_35mm_mm")
    if equivalent_mm is not None and equivalent_mm > 0.0:
        return equivalent_mm / FILM_DIAGONAL_MM * math.hypot(width_px, height_px)
    hfov_deg = number(intrinsics, "hfov_deg")
    if hfov_deg is not None and _NARROWEST_DEG < hfov_deg < _WIDEST_DEG:
        return width_px / 2.0 / math.tan(math.radians(hfov_deg) / 2.0)
    return None


def is_no_pinhole(intrinsics: Mapping[str, object]) -> bool:
    """Say whether a message says of its lens that it draws otherwise than a pinhole of the length that it gives."""
    return intrinsics.get("model") in _NO_PINHOLE


def is_by_film_equivalent(intrinsics: Mapping[str, object]) -> bool:
    """Say whether the 35 mm equivalent is what tells the focal length: nothing better is there."""
    without = {name: value for name, value in intrinsics.items() if name not in ("focal_35mm_mm", "hfov_deg")}
    return number(intrinsics, "focal_35mm_mm") is not None and focal_length_px(without, 1.0, 1.0) is None


def number(facts: Mapping[str, object], name: str) -> float | None:
    """Return the finite number called `name`, or None when it is absent or no number."""
    value = facts.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        real = float(value)
    except OverflowError:
        return None
    return real if math.isfinite(real) else None


def undistort(x: Floats, y: Floats, coefficients: Floats) -> tuple[Floats, Floats]:
    """Return the points that Brown's model moves to `x`, `y`.

    Model (D. C. Brown, Close-range camera calibration, 1971; the form of OpenCV):
    x' = x (1 + k1 r² + k2 r⁴ + k3 r⁶) + 2 p1 x y + p2 (r² + 2 x²), y' = y (…) + p1 (r² + 2 y²) + 2 p2 x y.
    x, y: (N, …) distorted image plane points, focal lengths; coefficients: (N, 5) k1, k2, k3, p1, p2
    Returns: points found by Newton's method; NaN where there is none on the branch that starts at the centre, because
    such a lens would fold the picture over itself there.
    """
    k1, k2, k3, p1, p2 = (coefficients[:, i].reshape((-1,) + (1,) * (x.ndim - 1)) for i in range(5))
    u, v = x.copy(), y.copy()
    with np.errstate(all="ignore"):
        for _ in range(_NEWTON_STEPS):
            s = u * u + v * v
            radial = 1.0 + s * (k1 + s * (k2 + s * k3))
            slope = k1 + s * (2.0 * k2 + s * 3.0 * k3)
            f = u * radial + 2.0 * p1 * u * v + p2 * (s + 2.0 * u * u) - x
            g = v * radial + p1 * (s + 2.0 * v * v) + 2.0 * p2 * u * v - y
            f_u = radial + 2.0 * u * u * slope + 2.0 * p1 * v + 6.0 * p2 * u
            f_v = 2.0 * u * v * slope + 2.0 * p1 * u + 2.0 * p2 * v
            g_v = radial + 2.0 * v * v * slope + 6.0 * p1 * v + 2.0 * p2 * u
            determinant = f_u * g_v - f_v * f_v
            u = u - (g_v * f - f_v * g) / determinant
            v = v - (f_u * g - f_v * f) / determinant
        usable = (np.abs(f) < _RESIDUAL) & (np.abs(g) < _RESIDUAL) & (determinant > _TINY)
        for step in range(1, _BRANCH_CHECKS + 1):
            part = (u * u + v * v) * (step / _BRANCH_CHECKS) ** 2
            usable &= 1.0 + part * (3.0 * k1 + part * (5.0 * k2 + part * 7.0 * k3)) > 0.0
    return np.where(usable, u, np.nan), np.where(usable, v, np.nan)


def _focal_y_px(intrinsics: Mapping[str, object], focal_px: float) -> float:
    """Return the focal length down the picture; another than across only where both are given in pixels."""
    focal_y = number(intrinsics, "focal_y_px") if number(intrinsics, "focal_px") == focal_px else None
    return focal_px if focal_y is None else focal_y


def _is_lens(intrinsics: Mapping[str, object], focal_px: float, width: int, height: int) -> bool:
    """Say whether focal lengths and principal point are such as a lens can have."""
    lengths = (focal_px / width, _focal_y_px(intrinsics, focal_px) / height)
    centre_x, centre_y = number(intrinsics, "cx_px") or 0.0, number(intrinsics, "cy_px") or 0.0
    return (
        min(lengths) >= _SHORTEST
        and max(lengths) <= _LONGEST
        and abs(centre_x) <= _FARTHEST_CENTRE * width
        and abs(centre_y) <= _FARTHEST_CENTRE * height
    )


def _lens(image: DroneImage) -> tuple[float, ...]:
    width, height, intrinsics = (
        image.image_width_px,
        image.image_height_px,
        image.intrinsics,
    )
    if not width or not height or width < 0 or height < 0:
        return (math.nan,) * 6 + (0.0,) * 5
    focal = focal_length_px(intrinsics, float(width), float(height)) if intrinsics is not None else None
    if intrinsics is None or focal is None or not _is_lens(intrinsics, focal, width, height):
        return (float(width), float(height)) + (math.nan,) * 4 + (0.0,) * 5
    centre_x, centre_y = number(intrinsics, "cx_px"), number(intrinsics, "cy_px")
    distortion = intrinsics.get("distortion")
    bends = distortion if isinstance(distortion, Mapping) else {}
    return (
        float(width),
        float(height),
        focal,
        _focal_y_px(intrinsics, focal),
        width / 2.0 if centre_x is None else centre_x,
        height / 2.0 if centre_y is None else centre_y,
        *(number(bends, name) or 0.0 for name in _DISTORTION),
    )
