"""Pictures, reference tables and measuring for the drone tests."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyproj import Geod

from ingest.observation import DroneImage

WHEN = datetime(2026, 6, 15, 2, 30, 12, tzinfo=UTC)

_WGS84 = Geod(ellps="WGS84")


def picture(**changed: Any) -> DroneImage:
    """Return a picture straight down from 60 m over the reference plots, 4000 × 3000 px, focal length 3000 px."""
    facts: dict[str, Any] = {
        "image_id": "P1",
        "captured_at": WHEN,
        "drone_id": "D1",
        "flight_id": "F1",
        "image_width_px": 4000,
        "image_height_px": 3000,
        "intrinsics": {"focal_px": 3000.0},
        "lon": 117.1,
        "lat": 39.2,
        "height_takeoff_m": 60.0,
        "position_fix": "gnss",
        "yaw_deg": 0.0,
        "pitch_deg": -90.0,
        "roll_deg": 0.0,
    }
    return DroneImage(**(facts | changed))


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def metres_between(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Return the geodesic distance of two places."""
    return float(_WGS84.inv(lon, lat, other_lon, other_lat)[2])


def reference_picture(row: dict[str, str], **changed: Any) -> DroneImage:
    """Return the picture that a row of the reference files describes."""
    return picture(
        **{
            "image_id": row.get("case_id") or row["image_id"],
            "image_width_px": int(row["image_width_px"]),
            "image_height_px": int(row["image_height_px"]),
            "intrinsics": {"focal_px": float(row["focal_px"])},
            "lon": float(row["lon"]),
            "lat": float(row["lat"]),
            "height_takeoff_m": None,
            "height_ground_m": float(row["height_above_ground_m"]),
            "yaw_deg": float(row["gimbal_yaw_deg"]),
            "pitch_deg": float(row["gimbal_pitch_deg"]),
            "roll_deg": float(row["gimbal_roll_deg"]),
        }
        | changed
    )
