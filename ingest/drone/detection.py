"""Where findings in pictures lie on the ground, and with what doubt (drone specification, sections 2 and 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ingest.drone.camera import Bools, Floats, Ints, number
from ingest.drone.canopy import lies_on_ground
from ingest.drone.footprint import MIN_DEPRESSION_DEG, Footprint
from ingest.drone.view import Views, depression_deg, to_lonlat, views_of
from ingest.observation import ATTITUDE_SIGMA, V_SIGMA, Detection, DroneImage
from ingest.outline import cut_to_picture

LOCATED = "located"
"""Status of a finding that has a place on the ground; attribution says which plot."""

GPS_SIGMA_M = 2.2
RTK_SIGMA_M = 0.05
HEIGHT_SIGMA_M = 0.5
HEIGHT_SIGMA_SHARE = 0.05
PITCH_SIGMA_DEG = ROLL_SIGMA_DEG = 1.2
YAW_SIGMA_DEG = 3.0

_ROUNDING_DEG = 1e-9
_NO_AREA_PX2 = 1e-9
_ROUNDING_PX = 1e-3
_NOWHERE: bytes = shapely.to_wkb(shapely.Polygon())


@dataclass(frozen=True, slots=True, eq=False)
class GroundDetections:
    """All findings of some pictures, in their order; arrays of shape (M,), NaN where unknown.

    image: which picture, counted from 0
    status: LOCATED, or why there is no place: the footprint's status, or rejected_horizon
    lon, lat: of the centre, WGS 84; area_m2 on flat ground; min_depression_deg: the smallest of the outline's rays
    sigma_radial_m, sigma_tangential_m: along and across the line of sight, one standard deviation
    sigma_azimuth_deg: of the radial axis, clockwise from true north, 0 to 360
    outline_east_m, outline_north_m: (P,) outline points on the ground, from the point below the camera, NaN for
    rays that do not go down; outline_owner: (P,) whose
    offset_east_m, offset_north_m: (M,) of the centre from the point below the camera
    height_m: (M,) of the camera above ground
    on_ground: (M,) whether findings of that class lie on the ground also among trees
    whole_area: finding → footprint polygon (WGS 84 lon/lat) for those that speak of the whole picture
    """

    image: Ints
    status: list[str]
    lon: Floats
    lat: Floats
    area_m2: Floats
    min_depression_deg: Floats
    sigma_radial_m: Floats
    sigma_tangential_m: Floats
    sigma_azimuth_deg: Floats
    offset_east_m: Floats
    offset_north_m: Floats
    height_m: Floats
    on_ground: Bools
    outline_east_m: Floats
    outline_north_m: Floats
    outline_owner: Ints
    whole_area: dict[int, BaseGeometry]


def locate_detections(
    images: Sequence[DroneImage], footprints: Sequence[Footprint], views: Views | None = None
) -> GroundDetections:
    """Return where the findings of `images` lie; `footprints`, and `views` if there are, are of the same pictures."""
    pairs = [(i, finding) for i, image in enumerate(images) for finding in image.detections or ()]
    status = [_first_status(footprints[i]) for i, _ in pairs]
    image = np.array([i for i, _ in pairs], dtype=np.intp)
    columns = {name: np.full(len(pairs), math.nan) for name in _NUMBERS}
    whole: dict[int, BaseGeometry] = {}
    outlined: list[int] = []
    for k, (i, finding) in enumerate(pairs):
        if status[k] != LOCATED:
            continue
        if finding.whole_image:
            area = shapely.from_wkb(footprints[i].polygon or _NOWHERE)
            whole[k] = area
            columns["lon"][k], columns["lat"][k] = area.centroid.x, area.centroid.y
            columns["area_m2"][k] = footprints[i].area_m2
        else:
            outlined.append(k)
    east = north = np.empty(0)
    owner = np.empty(0, dtype=np.intp)
    if outlined:
        views = views_of(images) if views is None else views
        east, north, owner = _project(images, views, pairs, np.array(outlined, dtype=np.intp), image, status, columns)
    return GroundDetections(
        image=image,
        status=status,
        on_ground=np.array([lies_on_ground(finding.class_name) for _, finding in pairs], dtype=np.bool_),
        outline_east_m=east,
        outline_north_m=north,
        outline_owner=owner,
        whole_area=whole,
        **columns,
    )


def position_sigma_m(image: DroneImage) -> float:
    """Return the standard deviation of the camera's horizontal position.

    The message's own figure counts where it gives one, but never less than the default of an RTK fix.
    """
    if image.position_sigma_m is not None and math.isfinite(image.position_sigma_m):
        return max(image.position_sigma_m, RTK_SIGMA_M)
    return RTK_SIGMA_M if image.position_fix == "rtk_fixed" else GPS_SIGMA_M


@dataclass(frozen=True, slots=True, eq=False)
class PoseDoubts:
    """Standard deviations of cameras' poses, arrays (N,).

    position_m: of the horizontal position; height_m, angles_deg: what messages say of height and attitude, 0 where
    they do not; it counts where it is larger than the defaults, which real pictures showed: what a gimbal or receiver
    says of itself knows neither its mount nor the slope of the ground
    """

    position_m: Floats
    height_m: Floats
    angles_deg: Floats

    @classmethod
    def of(cls, images: Sequence[DroneImage]) -> PoseDoubts:
        """Return the doubts of the poses of `images`."""
        said = [image.vendor or {} for image in images]
        return cls(
            np.array([position_sigma_m(image) for image in images], dtype=np.float64),
            np.array([number(one, V_SIGMA) or 0.0 for one in said], dtype=np.float64),
            np.array([number(one, ATTITUDE_SIGMA) or 0.0 for one in said], dtype=np.float64),
        )

    def take(self, index: Ints) -> PoseDoubts:
        """Return the doubts at `index`, in that order."""
        return PoseDoubts(self.position_m[index], self.height_m[index], self.angles_deg[index])

    def ellipses_m(self, height_m: Floats, reach_m: Floats) -> tuple[Floats, Floats]:
        """Return radial and tangential standard deviations on the ground (drone specification, section 3).

        height_m: above ground; reach_m: from below the camera
        radial² = position² + (σ_h / tan d)² + (h / sin² d · σ_pitch)², tangential² = position² + (reach · σ_yaw)² +
        (slant range · σ_roll)², d the depression of the ray.
        """
        pitch, roll, yaw = (
            np.radians(np.maximum(default, self.angles_deg))
            for default in (PITCH_SIGMA_DEG, ROLL_SIGMA_DEG, YAW_SIGMA_DEG)
        )
        height_sigma = np.maximum(np.maximum(HEIGHT_SIGMA_M, HEIGHT_SIGMA_SHARE * height_m), self.height_m)
        slant_m = np.hypot(height_m, reach_m)
        by_height, by_pitch = height_sigma * reach_m / height_m, slant_m**2 / height_m * pitch
        by_yaw, by_roll = reach_m * yaw, slant_m * roll
        squared = self.position_m**2
        return np.sqrt(squared + by_height**2 + by_pitch**2), np.sqrt(squared + by_yaw**2 + by_roll**2)


_NUMBERS = (
    "lon",
    "lat",
    "area_m2",
    "min_depression_deg",
    "sigma_radial_m",
    "sigma_tangential_m",
    "sigma_azimuth_deg",
    "offset_east_m",
    "offset_north_m",
    "height_m",
)


def _first_status(footprint: Footprint) -> str:
    return LOCATED if footprint.status in ("ok", "clipped") else footprint.status


def _project(
    images: Sequence[DroneImage],
    views: Views,
    pairs: Sequence[tuple[int, Detection]],
    chosen: Ints,
    image: Ints,
    status: list[str],
    columns: dict[str, Floats],
) -> tuple[Floats, Floats, Ints]:
    """Fill status and columns for the findings `chosen`; return their outlines on the ground and whose they are."""
    # A model's boxes reach over the picture's edge; what lies out there nobody saw.
    outlines = [
        cut_to_picture(outline_px(pairs[k][1]), views.cameras.width_px[image[k]], views.cameras.height_px[image[k]])
        or ((math.nan, math.nan),)
        for k in chosen
    ]
    length = np.array([len(outline) for outline in outlines], dtype=np.intp)
    begin = np.cumsum(length) - length
    pixels = np.array([point for outline in outlines for point in outline], dtype=np.float64)
    owner = np.repeat(chosen, length)
    rays = _rays(views, image[owner], pixels)
    lowest = np.minimum.reduceat(depression_deg(rays), begin)
    columns["min_depression_deg"][chosen] = lowest
    height = views.height_m[image[owner]]
    east, north = _ground(rays, height)

    following = np.arange(len(owner)) + 1
    following[begin + length - 1] = begin
    area = np.abs(np.add.reduceat(east * north[following] - east[following] * north, begin)) / 2.0

    centre_rays = _rays(views, image[chosen], centres_px(pixels, begin, length, following))
    usable = (lowest >= MIN_DEPRESSION_DEG - _ROUNDING_DEG) & (
        depression_deg(centre_rays) >= MIN_DEPRESSION_DEG - _ROUNDING_DEG
    )
    for k, low in zip(chosen[~usable].tolist(), lowest[~usable].tolist(), strict=True):
        status[k] = "unknown_camera" if math.isnan(low) else "rejected_horizon"

    kept, on = chosen[usable], image[chosen[usable]]
    centre_east, centre_north = _ground(centre_rays[usable], views.height_m[on])
    columns["lon"][kept], columns["lat"][kept] = to_lonlat(views.lon[on], views.lat[on], centre_east, centre_north)
    columns["offset_east_m"][kept], columns["offset_north_m"][kept] = centre_east, centre_north
    columns["height_m"][kept] = views.height_m[on]
    columns["area_m2"][kept] = area[usable]
    columns["sigma_radial_m"][kept], columns["sigma_tangential_m"][kept] = (
        PoseDoubts.of(images).take(on).ellipses_m(views.height_m[on], np.hypot(centre_east, centre_north))
    )
    columns["sigma_azimuth_deg"][kept] = np.degrees(np.arctan2(centre_east, centre_north)) % 360.0
    return east, north, owner


def outline_px(finding: Detection) -> Sequence[tuple[float, float]]:
    """Return the outline of a box or polygon, pixels, clockwise from the top left corner for a box."""
    if finding.bbox_px is not None:
        x, y, width, height = finding.bbox_px
        return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return finding.polygon_px or ((math.nan, math.nan),)


def centres_px(pixels: Floats, begin: Ints, length: Ints, following: Ints) -> Floats:
    """Return the centroid of each outline, (M, 2) pixels; the mean of its points where it has no area of its own.

    An outline that crosses itself may have next to no area, and a centroid far away from all of it: the mean again.

    pixels: (P, 2) points of all outlines; begin, length: (M,) where each starts and how many points it has
    following: (P,) the next point of the same outline
    """
    origin = pixels[begin]
    local = pixels - np.repeat(origin, length, axis=0)
    ahead = local[following]
    doubled = local[:, 0] * ahead[:, 1] - ahead[:, 0] * local[:, 1]
    total = np.add.reduceat(doubled, begin)
    moment = np.add.reduceat((local + ahead) * doubled[:, None], begin, axis=0)
    flat = np.abs(total) < _NO_AREA_PX2
    mean = np.add.reduceat(local, begin, axis=0) / length[:, None]
    centroid = moment / np.where(flat, 1.0, 3.0 * total)[:, None]
    low, high = np.minimum.reduceat(local, begin, axis=0), np.maximum.reduceat(local, begin, axis=0)
    is_inside = ~flat & np.all((centroid >= low - _ROUNDING_PX) & (centroid <= high + _ROUNDING_PX), axis=1)
    return np.asarray(origin + np.where(is_inside[:, None], centroid, mean), dtype=np.float64)


def _rays(views: Views, image: Ints, pixels: Floats) -> Floats:
    """Return rays through pixels, (P, 3); image: (P,) whose view, pixels: (P, 2)."""
    x, y = views.cameras.take(image).normalise(pixels[:, 0], pixels[:, 1])
    return views.forward[image] + x[:, None] * views.right[image] - y[:, None] * views.up[image]


def _ground(rays: Floats, height_m: Floats) -> tuple[Floats, Floats]:
    reach = height_m / np.where(rays[:, 2] < 0.0, -rays[:, 2], np.nan)
    return reach * rays[:, 0], reach * rays[:, 1]
