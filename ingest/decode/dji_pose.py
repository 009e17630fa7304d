"""Gimbal poses from DJI's OSD (about 0.5 Hz) and from the DRC link's osd_info_push (up to 10 Hz).

`height` is above the ellipsoid and `elevation` above the take-off point, so only `elevation` is a height here. The
aircraft's own `attitude_*` is never the camera's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from ingest.decode.dji_fields import real_of
from ingest.decode.image_quarantine import HIGHEST_M, LOWEST_M
from ingest.observation import DronePose

_PAYLOAD = re.compile(r"[0-9]{1,5}-[0-9]{1,5}-[0-9]{1,5}")
_GIMBAL = ("gimbal_yaw", "gimbal_pitch", "gimbal_roll")


def osd_poses(
    data: Mapping[str, object], serial: str, gateway_id: str | None, posed_at: datetime
) -> tuple[DronePose, ...]:
    """Return a pose for each gimbal of an aircraft's OSD, none for docks, controllers and aircraft without angles.

    serial: the aircraft, from the topic; gateway_id: dock or controller it flies with
    Raises: PayloadError for angles or positions that are no numbers or out of range.
    """
    gimbals = [(key, value) for key, value in data.items() if _PAYLOAD.fullmatch(key) and isinstance(value, dict)]
    return tuple(
        _pose(data, gimbal, f"/data/{payload_index}", serial, gateway_id, payload_index, "osd", posed_at)
        for payload_index, gimbal in gimbals
        if gimbal.get("gimbal_pitch") is not None
    )


def drc_poses(data: Mapping[str, object], serial: str, posed_at: datetime) -> tuple[DronePose, ...]:
    """Return the pose of an osd_info_push, none when it has no gimbal pitch.

    serial: the gateway, from the topic. The push names no aircraft, so the gateway stands in for it as drone_id.
    Raises: PayloadError for angles or positions that are no numbers or out of range.
    """
    if data.get("gimbal_pitch") is None:
        return ()
    return (_pose(data, data, "/data", serial, serial, None, "drc_osd", posed_at),)


def _pose(
    data: Mapping[str, object],
    gimbal: Mapping[str, object],
    pointer: str,
    drone_id: str,
    gateway_id: str | None,
    payload_index: str | None,
    source: str,
    posed_at: datetime,
) -> DronePose:
    yaw, pitch, roll = (real_of(gimbal.get(name), f"{pointer}/{name}", -360.0, 360.0) for name in _GIMBAL)
    lon = real_of(data.get("longitude"), "/data/longitude", -180.0, 180.0)
    lat = real_of(data.get("latitude"), "/data/latitude", -90.0, 90.0)
    height = real_of(data.get("elevation"), "/data/elevation")
    has_fix = lon is not None and lat is not None and (lon, lat) != (0.0, 0.0)
    return DronePose(
        drone_id=drone_id,
        posed_at=posed_at,
        source=source,
        gateway_id=gateway_id,
        payload_index=payload_index,
        lon=lon if has_fix else None,
        lat=lat if has_fix else None,
        height_takeoff_m=height if height is not None and LOWEST_M <= height <= HIGHEST_M else None,
        gimbal_yaw_deg=yaw,
        gimbal_pitch_deg=pitch,
        gimbal_roll_deg=roll,
    )
