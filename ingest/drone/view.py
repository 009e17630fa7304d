"""Where cameras were, how they looked, and why some pictures have no view.

Axes as in the drone specification, section 2: yaw clockwise from true north, pitch 0 at the horizon and -90 straight
down, roll positive with the right side down; east, north, up in metres from the ground point below the camera.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyproj import Geod

from ingest.drone.camera import NOT_VERIFIED, ZOOM_NOT_TOLD, Cameras, Floats, Ints, cameras_of
from ingest.observation import DroneImage

MIN_HEIGHT_M = 2.0
"""Below this a height above take-off says nothing of the height above ground."""

LAST_LON_DEG, LAST_LAT_DEG = 180.0, 90.0

WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Views:
    """Positions, axes and lenses of N pictures; arrays hold NaN where `status` is not "ok".

    status, reason: "ok", or why the picture has no view, in the words of drone_images.footprint_status
    lon, lat: (N,) degrees, WGS 84; height_m: (N,) above ground
    forward, right, up: (N, 3) unit vectors of the camera in east, north, up
    """

    status: list[str]
    reason: list[str | None]
    lon: Floats
    lat: Floats
    height_m: Floats
    forward: Floats
    right: Floats
    up: Floats
    cameras: Cameras

    def take(self, index: Ints) -> Views:
        """Return the views at `index`, in that order."""
        return Views(
            [self.status[i] for i in index],
            [self.reason[i] for i in index],
            self.lon[index],
            self.lat[index],
            self.height_m[index],
            self.forward[index],
            self.right[index],
            self.up[index],
            self.cameras.take(index),
        )

    def directions(self, x: Floats, y: Floats) -> Floats:
        """Return rays through image plane points.

        x, y: (N, K) focal lengths, right and down
        Returns: (N, K, 3) east, north, up, not of unit length; linear in x and y.
        """
        return self.forward[:, None, :] + x[:, :, None] * self.right[:, None, :] - y[:, :, None] * self.up[:, None, :]


def views_of(images: Sequence[DroneImage]) -> Views:
    """Return the views of `images`; never guesses a missing angle, height or lens."""
    cameras = cameras_of(images)
    known = np.isfinite(cameras.focal_x_px)
    verdicts = [_verdict(image, camera_is_known=bool(known[i])) for i, image in enumerate(images)]
    numbers = np.array(
        [
            (
                image.lon,
                image.lat,
                height_above_ground_m(image),
                image.yaw_deg,
                image.pitch_deg,
                image.roll_deg or 0.0,
            )
            if status == "ok"
            else (math.nan,) * 6
            for image, (status, _) in zip(images, verdicts, strict=True)
        ],
        dtype=np.float64,
    ).reshape(len(images), 6)
    forward, right, up = camera_axes(numbers[:, 3], numbers[:, 4], numbers[:, 5])
    return Views(
        status=[status for status, _ in verdicts],
        reason=[reason for _, reason in verdicts],
        lon=numbers[:, 0],
        lat=numbers[:, 1],
        height_m=numbers[:, 2],
        forward=forward,
        right=right,
        up=up,
        cameras=cameras,
    )


def height_above_ground_m(image: DroneImage) -> float | None:
    """Return the measured height above ground, else the height above take-off, else None; never an altitude."""
    return image.height_ground_m if image.height_ground_m is not None else image.height_takeoff_m


def camera_axes(yaw_deg: Floats, pitch_deg: Floats, roll_deg: Floats) -> tuple[Floats, Floats, Floats]:
    """Return forward, right and up of cameras, each (N, 3) in east, north, up (drone specification, section 2)."""
    yaw, pitch, roll = np.radians(yaw_deg), np.radians(pitch_deg), np.radians(roll_deg)
    forward = np.stack(
        [np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), np.sin(pitch)],
        axis=1,
    )
    level_right = np.stack([np.cos(yaw), -np.sin(yaw), np.zeros_like(yaw)], axis=1)
    level_up = np.cross(level_right, forward)
    cosine, sine = np.cos(roll)[:, None], np.sin(roll)[:, None]
    return (
        forward,
        level_right * cosine - level_up * sine,
        level_up * cosine + level_right * sine,
    )


def depression_deg(directions: Floats) -> Floats:
    """Return how far rays point below the horizon, degrees; negative above it.

    directions: (…, 3) east, north, up
    """
    flat = np.hypot(directions[..., 0], directions[..., 1])
    return np.degrees(np.arctan2(-directions[..., 2], flat))


def ground_offsets(directions: Floats, height_m: Floats) -> tuple[Floats, Floats]:
    """Return where rays meet flat ground, metres east and north of the point below the camera.

    directions: (N, K, 3); height_m: (N,)
    Returns: two arrays (N, K), NaN for rays that do not go down.
    """
    fall = np.where(directions[..., 2] < 0.0, -directions[..., 2], np.nan)
    reach = height_m[:, None] / fall
    return reach * directions[..., 0], reach * directions[..., 1]


def to_lonlat(lon: Floats, lat: Floats, east_m: Floats, north_m: Floats) -> tuple[Floats, Floats]:
    """Return WGS 84 positions at offsets from `lon`, `lat`, along geodesics of the ellipsoid; arrays of one shape."""
    azimuth_deg = np.degrees(np.arctan2(east_m, north_m))
    to_lon, to_lat, _ = WGS84.fwd(lon, lat, azimuth_deg, np.hypot(east_m, north_m))
    return np.asarray(to_lon, dtype=np.float64), np.asarray(to_lat, dtype=np.float64)


def _verdict(image: DroneImage, *, camera_is_known: bool) -> tuple[str, str | None]:
    """Say whether a picture has a view; the first thing that is in the way counts."""
    lon, lat, height = _real(image.lon), _real(image.lat), _real(height_above_ground_m(image))
    has_size = bool(image.image_width_px and image.image_height_px)
    in_the_way = (
        (image.media_kind != "image", "not_an_image", image.media_kind),
        (image.quarantine is not None, "quarantined", image.quarantine),
        (image.is_original is False, "not_original", None),
        (lon is None or lat is None, "quarantined", "no_position"),
        (abs(lon or 0.0) > LAST_LON_DEG or abs(lat or 0.0) > LAST_LAT_DEG, "quarantined", "invalid_position"),
        (image.attitude_source == "assumed" or _real(image.pitch_deg) is None, "unknown_pose", "no_pitch"),
        (_real(image.yaw_deg) is None, "unknown_pose", "no_yaw"),
        (height is None, "unknown_pose", "no_height"),
        (not camera_is_known, "unknown_camera", "no_focal_length" if has_size else "no_image_size"),
        ((height or 0.0) < MIN_HEIGHT_M, "too_low", None),
    )
    told = (image.intrinsics or {}).get("doubt")
    doubt = next((one for one in (ZOOM_NOT_TOLD, NOT_VERIFIED) if one == told), None)
    fine = ("ok", "roll_not_given" if _real(image.roll_deg) is None else doubt)
    return next(((status, reason) for is_so, status, reason in in_the_way if is_so), fine)


def _real(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
