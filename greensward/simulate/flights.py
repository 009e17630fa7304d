"""Two patrol flights and one dock flight over part of the district, as the messages they send."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from greensward.simulate import messages
from greensward.simulate.ground import (
    CANAL_AZIMUTH_DEG,
    LocalPoint,
    to_east_north,
    to_lon_lat,
)
from greensward.simulate.plots import SECTION_M, Plot
from greensward.simulate.readings import TimedMessage

DRONE_ID = "1581F6GS0000DEMO01"
HEIGHT_M = 55.0
WIDTH_PX, HEIGHT_PX, FOCAL_PX = 5280, 3956, 3713.29
_SPACING_M = 40.0
_LINES_M = (42.0, 88.0, 132.0)
_SPEED_M_S = 8.0
_MARGIN_PX = 60.0
_FALSE_SIGHTINGS = 0.04
_OVERLOOKED = 0.15
_VEGETATION_NDVI = {
    "trees": 0.40,
    "shrubs": 0.53,
    "cool_turf": 0.46,
    "warm_turf": 0.40,
    "conifers": 0.60,
    "new_planting": 0.44,
}
_SICK_NDVI_LOSS = 0.17


@dataclass(frozen=True, slots=True)
class Finding:
    """A thing on the ground that the recognition model sees; size across in metres."""

    class_name: str
    point: LocalPoint
    size_m: float
    confidence: float


def flown(plot: Plot) -> bool:
    """Say whether the patrol's lines cover the plot: every grid but the last on the right bank."""
    return not plot.plot_id.startswith("BC-R3")


def findings(sick: Plot, rubble: Plot, rng: random.Random) -> list[Finding]:
    """Return six sick shrubs in a hedge and a heap of rubble elsewhere."""
    along = min(point[0] for point in sick.ring)
    shrubs = [
        Finding(
            "pest_damage" if number in {2, 5} else "unhealthy_tree",
            (
                along + 14 + 16 * number + rng.uniform(-3, 3),
                sick.centre[1] + rng.uniform(-1.5, 1.5),
            ),
            rng.uniform(1.6, 2.4),
            rng.uniform(0.72, 0.92),
        )
        for number in range(6)
    ]
    return [*shrubs, Finding("dumped_rubble", rubble.centre, 2.6, 0.83)]


def patrol_messages(
    number: int,
    begins: datetime,
    plots: Sequence[Plot],
    sick: Plot,
    seen: Sequence[Finding],
    rng: random.Random,
) -> Iterator[TimedMessage]:
    """Yield a native image message for each picture of a lawnmower pattern, then one with NDVI of every plot flown."""
    flight_id = f"patrol-{begins:%Y%m%d}-{number}"
    for index, (along, across, azimuth) in enumerate(_waypoints()):
        at = begins + timedelta(seconds=index * _SPACING_M / _SPEED_M_S)
        pose = _Pose(
            (along, across),
            azimuth + rng.gauss(0, 1.2),
            -90.0 + abs(rng.gauss(0, 0.3)),
            rng.gauss(0, 0.3),
        )
        found = [hit for finding in seen if (hit := _detect(finding, pose, rng)) is not None]
        if rng.random() < _FALSE_SIGHTINGS:
            found.append(
                {
                    "class": "unhealthy_tree",
                    "confidence": round(rng.uniform(0.21, 0.39), 2),
                    "bbox_px": [900, 700, 120, 110],
                }
            )
        yield _image(flight_id, index, at, pose, found, rng)
    yield _index_message(flight_id, begins + timedelta(minutes=25), plots, sick, rng)


def count_pictures() -> int:
    """Return the messages of one patrol flight."""
    return len(_waypoints()) + 1


@dataclass(frozen=True, slots=True)
class _Pose:
    point: LocalPoint
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def _waypoints() -> list[tuple[float, float, float]]:
    """Return along, across and azimuth of every picture; the right bank's last section is left out."""
    points: list[tuple[float, float, float]] = []
    for side, length in ((1.0, 3 * SECTION_M), (-1.0, 2 * SECTION_M - 20)):
        for line, across in enumerate(_LINES_M):
            along = [10 + _SPACING_M * n for n in range(int((length - 20) / _SPACING_M) + 1)]
            there = line % 2 == 0
            azimuth = CANAL_AZIMUTH_DEG if there else (CANAL_AZIMUTH_DEG + 180) % 360
            points += [(a, side * across, azimuth) for a in (along if there else along[::-1])]
    return points


def _image(
    flight_id: str,
    index: int,
    at: datetime,
    pose: _Pose,
    found: list[dict[str, object]],
    rng: random.Random,
) -> TimedMessage:
    lon, lat = to_lon_lat(pose.point)
    name = f"{flight_id}_{index:04d}"
    body: dict[str, object] = {
        "schema": "greening.image_metadata/1",
        "image_id": f"{DRONE_ID}/{name}",
        "drone_id": DRONE_ID,
        "flight_id": flight_id,
        "seq": index,
        "captured_at": messages.local(at),
        "time_source": "gnss",
        "object_uri": f"oss://greening-demo/{flight_id}/{name}.JPG",
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "is_original": True,
        "sensor": {"kind": "rgb", "model": "M3E wide", "payload_index": "66-0-0"},
        "image": {
            "width_px": WIDTH_PX,
            "height_px": HEIGHT_PX,
            "intrinsics": {"focal_px": FOCAL_PX},
        },
        "position": {
            "lon": lon,
            "lat": lat,
            "crs": "EPSG:4326",
            "height_takeoff_m": round(HEIGHT_M + rng.gauss(0, 0.1), 2),
            "fix": "rtk_fixed",
            "h_sigma_m": 0.03,
        },
        "attitude": {
            "yaw_deg": round((pose.yaw_deg + 180) % 360 - 180, 1),
            "pitch_deg": round(pose.pitch_deg, 1),
            "roll_deg": round(pose.roll_deg, 1),
            "frame": "camera_axis_ned_zyx",
            "source": "exif_xmp",
        },
        "model": {"name": "edge-tree-health", "version": "2.3.1", "task": "detect"},
        "detections": found,
    }
    return TimedMessage(at + timedelta(seconds=20), _topic(), messages.encode(body))


def _index_message(flight_id: str, at: datetime, plots: Sequence[Plot], sick: Plot, rng: random.Random) -> TimedMessage:
    light = rng.gauss(0, 0.01)
    stats = []
    for plot in plots:
        if not flown(plot):
            continue
        middle = _VEGETATION_NDVI[plot.shape.vegetation] + rng.gauss(0, 0.012) + light
        middle -= _SICK_NDVI_LOSS if plot is sick else 0.0
        stats.append(
            {
                "index": "NDVI",
                "scope": "plot",
                "plot_id": plot.plot_id,
                "n_pixels": rng.randrange(60_000, 400_000),
                "valid_fraction": round(rng.uniform(0.88, 0.99), 2),
                "calibrated": True,
                "p10": round(middle - 0.09, 3),
                "median": round(middle, 3),
                "mean": round(middle - 0.005, 3),
                "p90": round(middle + 0.08, 3),
            }
        )
    lon, lat = to_lon_lat((SECTION_M, 88.0))
    body: dict[str, object] = {
        "schema": "greening.image_metadata/1",
        "image_id": f"{DRONE_ID}/{flight_id}_ndvi",
        "drone_id": DRONE_ID,
        "flight_id": flight_id,
        "captured_at": messages.local(at),
        "time_source": "gnss",
        "sensor": {
            "kind": "multispectral",
            "model": "M3M mosaic",
            "bands": ["G", "R", "RE", "NIR"],
        },
        "image": {"width_px": 2592, "height_px": 1944},
        "position": {
            "lon": lon,
            "lat": lat,
            "height_takeoff_m": HEIGHT_M,
            "fix": "rtk_fixed",
        },
        "attitude": {"yaw_deg": 0.0},
        "index_stats": stats,
    }
    return TimedMessage(at + timedelta(seconds=20), _topic(), messages.encode(body))


def _topic() -> str:
    return f"greensward/v1/{messages.DISTRICT}/{DRONE_ID}/image"


def _detect(finding: Finding, pose: _Pose, rng: random.Random) -> dict[str, object] | None:
    """Return the finding as the camera sees it, or None when it is outside the picture or overlooked."""
    east, north = (a - b for a, b in zip(to_east_north(finding.point), to_east_north(pose.point), strict=True))
    pixel = pixel_of((east, north, -HEIGHT_M), pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    half = finding.size_m * FOCAL_PX / HEIGHT_M / 2
    inside = _MARGIN_PX + half <= pixel[0] <= WIDTH_PX - half - _MARGIN_PX
    inside = inside and _MARGIN_PX + half <= pixel[1] <= HEIGHT_PX - half - _MARGIN_PX
    if not inside or rng.random() < _OVERLOOKED:
        return None
    confidence = min(0.97, max(0.45, finding.confidence + rng.gauss(0, 0.04)))
    box = [
        round(pixel[0] - half),
        round(pixel[1] - half),
        round(2 * half),
        round(2 * half),
    ]
    return {
        "class": finding.class_name,
        "confidence": round(confidence, 2),
        "bbox_px": box,
    }


def pixel_of(
    offset_m: tuple[float, float, float],
    yaw_deg: float,
    pitch_deg: float,
    roll_deg: float,
) -> tuple[float, float]:
    """Return the pixel of a point east, north, up of the camera: the pinhole of drone.md, section 2, turned round."""
    y, p, r = (math.radians(angle) for angle in (yaw_deg, pitch_deg, roll_deg))
    forward = (math.sin(y) * math.cos(p), math.cos(y) * math.cos(p), math.sin(p))
    level = (math.cos(y), -math.sin(y), 0.0)
    above = (
        level[1] * forward[2] - level[2] * forward[1],
        level[2] * forward[0] - level[0] * forward[2],
        level[0] * forward[1] - level[1] * forward[0],
    )
    right = tuple(a * math.cos(r) - b * math.sin(r) for a, b in zip(level, above, strict=True))
    up = tuple(b * math.cos(r) + a * math.sin(r) for a, b in zip(level, above, strict=True))
    ahead, aside, high = (
        math.fsum(a * b for a, b in zip(axis, offset_m, strict=True)) for axis in (forward, right, up)
    )
    return (
        WIDTH_PX / 2 + FOCAL_PX * aside / ahead,
        HEIGHT_PX / 2 - FOCAL_PX * high / ahead,
    )
