"""Gimbal poses from DJI's OSD (about 0.5 Hz) and from the DRC link's osd_info_push (up to 10 Hz).

`height` is above the ellipsoid and `elevation` above the take-off point, so only `elevation` is a height here. The
aircraft's own `attitude_*` is never the camera's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ingest.decode.dji_fields import real_of, text_of
from ingest.decode.image_quarantine import HIGHEST_M, LOWEST_M
from ingest.errors import PayloadError
from ingest.observation import DronePose

_PAYLOAD = re.compile(r"[0-9]{1,5}-[0-9]{1,5}-[0-9]{1,5}")
_GIMBAL = ("gimbal_yaw", "gimbal_pitch", "gimbal_roll")


@dataclass(frozen=True, slots=True)
class Gimbal:
    """Where one gimbal's angles stand in a message.

    payload_index: which gimbal of the aircraft; None where the message does not say
    source: "osd" or "drc_osd"
    """

    angles: Mapping[str, object]
    payload_index: str | None
    source: str


def osd_gimbals(data: Mapping[str, object]) -> dict[str, Gimbal]:
    """Return each gimbal of an aircraft's OSD by its pointer; none for docks, controllers, aircraft without angles."""
    return {
        f"/data/{key}": Gimbal(value, key, "osd")
        for key, value in data.items()
        if _PAYLOAD.fullmatch(key) and isinstance(value, dict) and value.get("gimbal_pitch") is not None
    }


def drc_gimbals(data: Mapping[str, object]) -> dict[str, Gimbal]:
    """Return the gimbal of an osd_info_push by its pointer, none when it has no pitch."""
    return {} if data.get("gimbal_pitch") is None else {"/data": Gimbal(data, None, "drc_osd")}


def pose_of(document: Mapping[str, object], gimbal: Gimbal, pointer: str, serial: str, posed_at: datetime) -> DronePose:
    """Return the pose of one gimbal. A position or height that cannot be is left out: the angles count.

    serial: from the topic: of the aircraft for OSD; of the gateway for the DRC push, which names no aircraft, so that
    the gateway stands in for it as drone_id
    Raises: PayloadError for angles that are no numbers or out of range.
    """
    data = document["data"]
    assert isinstance(data, dict), "the gimbals were found in it"
    yaw, pitch, roll = (real_of(gimbal.angles.get(name), f"{pointer}/{name}", -360.0, 360.0) for name in _GIMBAL)
    lon, lat = _possible(data, "longitude", 180.0), _possible(data, "latitude", 90.0)
    height = _possible(data, "elevation", HIGHEST_M)
    has_fix = lon is not None and lat is not None and (lon, lat) != (0.0, 0.0)
    gateway = serial if gimbal.source == "drc_osd" else text_of(document.get("gateway"), "/gateway", longest=64)
    return DronePose(
        drone_id=serial,
        posed_at=posed_at,
        source=gimbal.source,
        gateway_id=gateway,
        payload_index=gimbal.payload_index,
        lon=lon if has_fix else None,
        lat=lat if has_fix else None,
        height_takeoff_m=height if height is not None and height >= LOWEST_M else None,
        gimbal_yaw_deg=yaw,
        gimbal_pitch_deg=pitch,
        gimbal_roll_deg=roll,
    )


def _possible(data: Mapping[str, object], name: str, bound: float) -> float | None:
    try:
        return real_of(data.get(name), f"/data/{name}", -bound, bound)
    except PayloadError:
        return None
