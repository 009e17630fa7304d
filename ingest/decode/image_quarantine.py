"""Reasons why a picture is stored but must not get a footprint (drone specification, sections 1 and 2)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from ingest.decode.guard import describe
from ingest.decode.instants import check_measured_at
from ingest.errors import Fault
from ingest.observation import DroneImage
from ingest.site import Site

MOST_AHEAD = timedelta(minutes=5)
"""A picture cannot have been taken later than this after it was uploaded."""

LOWEST_M, HIGHEST_M = -100.0, 2000.0
"""Heights above take-off that a drone of a district can have; the bounds of the native contract."""

_LAST_LON_DEG, _LAST_LAT_DEG = 180.0, 90.0
_NULL_ISLAND_DEG = 0.001
_FULL_TURN_DEG = 360.0
_GIMBAL_UP_DEG = 1.0
"""Elevation of the optical axis beyond the noise of a gimbal held at the horizon."""
_END = datetime(2100, 1, 1, tzinfo=UTC)


def quarantine_reason(image: DroneImage, uploaded_at: datetime, site: Site) -> str | None:
    """Return the first reason that speaks against the picture's place, pose or time, or None.

    uploaded_at: when the picture reached a clock that is not the camera's
    """
    lon, lat = image.lon, image.lat
    if lon is None or lat is None:
        return "no_position"
    heights = (image.height_takeoff_m or 0.0, image.height_ground_m or 0.0)
    angles = (image.yaw_deg or 0.0, image.pitch_deg or 0.0, image.roll_deg or 0.0)
    against = (
        (abs(lon) > _LAST_LON_DEG or abs(lat) > _LAST_LAT_DEG, "invalid_position"),
        (image.position_fix == "none" or max(abs(lon), abs(lat)) < _NULL_ISLAND_DEG, "no_fix"),
        (not site.contains(lon, lat), "out_of_area"),
        (min(heights) < LOWEST_M or max(heights) > HIGHEST_M, "impossible_height"),
        (max(map(abs, angles)) > _FULL_TURN_DEG, "impossible_attitude"),
        (image.pitch_deg is not None and _elevation_deg(image.pitch_deg) > _GIMBAL_UP_DEG, "gimbal_up"),
        (image.captured_at - uploaded_at > MOST_AHEAD, "captured_after_upload"),
    )
    return next((reason for is_so, reason in against if is_so), None)


def impossible_instant(instant: datetime, pointer: str) -> Fault | None:
    """Return what is wrong with the time of a picture, whatever our own clock says; before 2015 or from 2100 on."""
    if instant >= _END:
        return Fault(pointer, "after_2099", describe(instant.isoformat()), "an instant before 2100", "Set the clock.")
    return check_measured_at(instant, instant, pointer)


def _elevation_deg(pitch_deg: float) -> float:
    return math.degrees(math.asin(math.sin(math.radians(pitch_deg))))
