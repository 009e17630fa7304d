"""The ground that a picture shows: pinhole camera, flat ground, WGS 84 (drone specification, section 2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from ingest.drone.camera import Bools, Floats, Shapes
from ingest.drone.view import Views, depression_deg, ground_offsets, to_lonlat, views_of
from ingest.observation import DroneImage

MIN_DEPRESSION_DEG = 15.0
"""Rays flatter than this are no ground truth: one degree of pitch moves them by a third of the height and more."""

REACH = 1.0 / math.tan(math.radians(MIN_DEPRESSION_DEG))
"""Radius of the ground that counts, in heights above ground."""

PINHOLE, BROWN = "pinhole_flat_ground", "brown_flat_ground"
"""How a footprint was computed: rays of a pinhole, or of one behind Brown's distortion, that meet flat ground."""

_ROUNDING_DEG = 1e-9
_SIDE_SAMPLES = 32
"""Points along each side of a distorted picture; the bow between two of them is below 0.1 % of the side."""
_CIRCLE_QUARTER = 90
_NEAR_HORIZON = 0.01
"""Image points whose ray falls by less than this per focal length lie over 100 heights away, far outside the disc."""
_FEWEST_POINTS = 3
_SMALLEST_SHARE = 1e-9
"""Footprints smaller than this share of a squared height are rounding errors of the clipping."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """The columns footprint_* of drone_images for one picture.

    status, reason: as in the table; reason also says "roll_not_given" where the roll was taken as level, and
    "zoom_not_told" where the lens was taken for the wide one, "camera_not_verified" where nobody has held the table's
    figures of the camera against a source
    polygon: WKB, WGS 84 lon/lat, counter-clockwise; None unless status is ok or clipped
    corners: lon, lat of the image corners tl, tr, br, bl, eight numbers; None unless status is ok
    area_m2, height_m: of the polygon; the height above ground that it was computed with
    method: PINHOLE, or BROWN where the lens was given a distortion; None without a polygon
    reach_m: from the point below the camera to the middle of the polygon
    """

    status: str
    reason: str | None = None
    polygon: bytes | None = None
    corners: tuple[float, ...] | None = None
    area_m2: float | None = None
    height_m: float | None = None
    method: str | None = None
    reach_m: float | None = None


def compute_footprints(images: Sequence[DroneImage], views: Views | None = None) -> list[Footprint]:
    """Return the footprint of every picture, in order; one that has none says why.

    views: of the same pictures, where the caller has them
    """
    views = views_of(images) if views is None else views
    found = [Footprint(status, reason) for status, reason in zip(views.status, views.reason, strict=True)]
    seen = np.array([i for i, status in enumerate(views.status) if status == "ok"], dtype=np.intp)
    if seen.size:
        for position, footprint in zip(seen, _project(views.take(seen)), strict=True):
            found[position] = footprint
    return found


def _project(views: Views) -> list[Footprint]:
    """Return footprints of pictures that all have a view."""
    cameras = views.cameras
    zero = np.zeros_like(cameras.width_px)
    corners = views.directions(
        *cameras.normalise(
            np.stack([zero, cameras.width_px, cameras.width_px, zero], axis=1),
            np.stack([zero, zero, cameras.height_px, cameras.height_px], axis=1),
        )
    )
    polygons = np.full(len(zero), None, dtype=object)
    lowest_deg = depression_deg(corners).min(axis=1)
    bent = cameras.is_distorted
    if bent.any():
        index = np.flatnonzero(bent)
        borders = _borders(views.take(index))
        lowest_deg[index] = depression_deg(borders).min(axis=1)
        polygons[index] = _ground_polygons(borders, views.height_m[index])
    straight = np.flatnonzero(~bent)
    polygons[straight] = _ground_polygons(corners[straight], views.height_m[straight])

    foldless = np.isfinite(lowest_deg) & shapely.is_valid(polygons)
    whole = foldless & (lowest_deg >= MIN_DEPRESSION_DEG - _ROUNDING_DEG)
    cut = np.flatnonzero(foldless & ~whole)
    discs = shapely.buffer(
        shapely.points(np.zeros((cut.size, 2))),
        REACH * views.height_m[cut],
        quad_segs=_CIRCLE_QUARTER,
    )
    polygons[cut] = shapely.intersection(polygons[cut], discs)
    return _described(views, polygons, corners, foldless, whole)


def _described(views: Views, polygons: Shapes, corners: Floats, foldless: Bools, whole: Bools) -> list[Footprint]:
    areas = shapely.area(polygons)
    on_ground = foldless & (areas > _SMALLEST_SHARE * views.height_m**2)
    shown = np.flatnonzero(on_ground)
    wkb: dict[int, bytes] = dict(zip(shown.tolist(), _to_wkb(views.take(shown), polygons[shown]), strict=True))
    east, north = ground_offsets(corners, views.height_m)
    places = np.stack(
        to_lonlat(
            np.repeat(views.lon, 4),
            np.repeat(views.lat, 4),
            np.nan_to_num(east.ravel()),
            np.nan_to_num(north.ravel()),
        ),
        axis=1,
    ).reshape(-1, 8)
    middles = shapely.get_coordinates(shapely.centroid(polygons[shown]))
    reach_m = dict(zip(shown.tolist(), np.hypot(middles[:, 0], middles[:, 1]).tolist(), strict=True))
    bent = views.cameras.is_distorted
    found = []
    for i, reason in enumerate(views.reason):
        height = float(views.height_m[i])
        if not foldless[i]:
            found.append(Footprint("unknown_camera", "distortion_not_invertible", height_m=height))
        elif not on_ground[i]:
            found.append(Footprint("rejected_horizon", reason, height_m=height))
        else:
            found.append(
                Footprint(
                    status="ok" if whole[i] else "clipped",
                    reason=reason,
                    polygon=wkb[i],
                    corners=tuple(places[i].tolist()) if whole[i] else None,
                    area_m2=float(areas[i]),
                    height_m=height,
                    method=BROWN if bent[i] else PINHOLE,
                    reach_m=reach_m[i],
                )
            )
    return found


def _borders(views: Views) -> Floats:
    """Return rays along the picture's border, clockwise from the top left corner, (N, 4 × samples, 3)."""
    along = np.arange(_SIDE_SAMPLES) / _SIDE_SAMPLES
    start, end = np.zeros_like(along), np.ones_like(along)
    across = np.concatenate([along, end, 1.0 - along, start])
    down = np.concatenate([start, along, end, 1.0 - along])
    cameras = views.cameras
    return views.directions(*cameras.normalise(cameras.width_px[:, None] * across, cameras.height_px[:, None] * down))


def _ground_polygons(borders: Floats, height_m: Floats) -> Shapes:
    """Return shapely polygons on the ground, metres east and north, cut off far beyond the disc that counts.

    The border is cut along a line parallel to the horizon. In the image plane and on flat ground alike that line is
    straight, so the cut adds no ground inside the disc. A border wholly above it gives an empty polygon, and so does
    one with a lens that folds (NaN).
    """
    following = np.roll(borders, -1, axis=1)
    margin = -borders[..., 2] - _NEAR_HORIZON
    next_margin = np.roll(margin, -1, axis=1)
    below = margin >= 0.0
    crosses = below != (next_margin >= 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (margin / (margin - next_margin))[..., None]
        crossing = np.where(crosses[..., None], borders + share * (following - borders), np.nan)
    count, points_each = below.shape
    rays = np.stack([borders, crossing], axis=2).reshape(count, 2 * points_each, 3)
    kept = np.stack([below, crosses], axis=2).reshape(count, 2 * points_each)
    east, north = ground_offsets(rays, height_m)
    polygons = np.full(count, shapely.Polygon(), dtype=object)
    # A folded lens has no border: shapely refuses a ring with NaN, and one such picture would fail its whole batch.
    enough = np.flatnonzero((kept.sum(axis=1) >= _FEWEST_POINTS) & np.isfinite(borders).all(axis=(1, 2)))
    if enough.size:
        row, column = np.nonzero(kept[enough])
        points = np.stack([east[enough][row, column], north[enough][row, column]], axis=1)
        polygons[enough] = shapely.polygons(shapely.linearrings(points, indices=row))
    return polygons


def _to_wkb(views: Views, polygons: Shapes) -> list[bytes]:
    points, owner = shapely.get_coordinates(polygons, return_index=True)
    lon, lat = to_lonlat(views.lon[owner], views.lat[owner], points[:, 0], points[:, 1])
    # Across the 180th meridian the polygon goes on past 180 degrees: cut at it, it would run around the earth.
    lon = lon + 360.0 * np.round((views.lon[owner] - lon) / 360.0)
    placed = shapely.set_coordinates(polygons.copy(), np.stack([lon, lat], axis=1))
    return list(shapely.to_wkb(shapely.orient_polygons(placed)))
