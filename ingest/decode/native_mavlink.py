"""MAVLink's CAMERA_IMAGE_CAPTURED (#263) as JSON: greensward/v1/{district}/{drone_id}/mavlink.

Bridges spell it their own way: mavlink2rest {"header": …, "message": {"type": …, "time_utc": …}} with text as a list of
characters; pymavlink's to_dict {"mavpackettype": …}; gomavlib and node-mavlink TimeUtc or timeUtc; MAVSDK's CaptureInfo
with degrees, metres and attitude_quaternion, whose protobuf writes latitudeDeg, 64-bit numbers as text, and neither
zeros nor false. Fields and units: MAVLink common.xml, message 263; MAVSDK's camera.proto.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from ingest.decode.camera_attitude import from_quaternion
from ingest.decode.context import DecodeContext
from ingest.decode.guard import describe, parse_json
from ingest.decode.image_quarantine import HIGHEST_M, impossible_instant, quarantine_reason
from ingest.decode.topics import device_of
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, DroneImage, Message

LIMIT_BYTES = 16 * 1024

NAME, NUMBER = "CAMERA_IMAGE_CAPTURED", 263
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN_PLACE = frozenset({2_147_483_647, -2_147_483_648})
"""What senders put where there is no position, besides 0."""
_AIRCRAFT_TILT_DEG = 30.0
"""How far an aircraft leans in flight. An axis flatter than this is rather its own: PX4 fills in the attitude of the
aircraft ("this needs to be rotated by camera orientation", camera_feedback/CameraFeedback.cpp), and cameras that know
of no rotation send none."""
_LEAST_MICROSECONDS, _LEAST_MILLISECONDS, _LEAST_SECONDS = 1e14, 1e11, 1e9
"""Of a Unix time since 2001: common.xml says microseconds, and some cameras send the others."""
_FAILED = (0, False, "0", "false")
"""Captures without a picture; -1 is PX4's of a camera that gives no feedback (msg/CameraCapture.msg)."""
_NO_GROUND_BELOW_M = -1.0
"""PX4's height where it knows of no ground below (camera_feedback/CameraFeedback.cpp)."""
_LONGEST = 1024
_FOUR = 4
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?")
_NO_NUMBER = frozenset({"NaN", "Infinity", "-Infinity"})
"""What protobuf's JSON writes for a float without a value."""
_FURTHEST_DEG = 180.0
"""In 1e-7 degrees that lies two metres from 0, 0."""
_HIGHEST_SEA_M = 8849.0 + HIGHEST_M
"""A drone above the highest mountain."""
_WHOLE_WITHIN = 1e-6
"""Of a number: what 16.1 * 1000 is beside 16,100 in floats, and more."""
_MAVSDK_ONLY = ("timeUtcUs", "attitudeQuaternion", "attitudeEulerAngle")


def decode_native_mavlink(message: Message, context: DecodeContext) -> Decoded:
    """Return the picture of a captured-image message; nothing when the camera says that it failed.

    The height is that above home, the altitude above the sea is kept as one, and the camera's quaternion gives the
    pose; without any of them the picture is kept without ground. The lens is in no message: EXIF brings it later.
    Raises: PayloadError with every fault.
    """
    drone_id = device_of(message.topic, context.site)
    try:
        document = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
        fields = _fields(document)
        failed = fields.get("captureresult", fields.get("issuccess")) in _FAILED
        if failed:
            return Decoded(ignored="capture_failed: the camera took no picture", device_id=drone_id)
        return Decoded(images=(_image(fields, drone_id, message, context),), device_id=drone_id)
    except PayloadError as error:
        error.device_id = drone_id
        raise


def _fields(document: object) -> dict[str, object]:
    """Return the fields of the message by their names in small letters, without underscores, whoever bridged it."""
    if not isinstance(document, dict):
        raise PayloadError(Fault("", "wrong_type", describe(document), "an object", "Send the whole message."))
    parts = (document.get(name) for name in ("message", "msg", "fields", "captureInfo", "capture_info"))
    inner = next((part for part in parts if isinstance(part, dict)), None)
    fields: dict[str, object] = {}
    if _is_protobuf(document if inner is None else inner):
        fields |= {"issuccess": False, "index": 0}
    for part in (document, inner or {}):
        for name, value in part.items():
            known = _plain(name)
            if isinstance(value, dict) and known in ("position", "attitudequaternion", "q"):
                fields |= {f"{known}.{_plain(key)}": number for key, number in value.items()}
            else:
                fields[known] = value
    kind = next((fields[name] for name in ("type", "mavpackettype", "messagename", "msgid") if name in fields), NAME)
    if kind not in (NAME, NUMBER):
        raise PayloadError(Fault("/type", "unknown_message", describe(kind), NAME, "Bridge message 263 here alone."))
    return fields


def _is_protobuf(captured: Mapping[str, object]) -> bool:
    """Tell MAVSDK's CaptureInfo as protobuf writes it: own names in camelCase, or the time, 64 bits wide, as text."""
    return any(name in captured for name in _MAVSDK_ONLY) or isinstance(captured.get("time_utc_us"), str)


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _real(value: object) -> float | None:
    """Return a number, also one that stands as text, as 64-bit ones do in protobuf's JSON; None where it is none."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return None


def _image(fields: Mapping[str, object], drone_id: str, message: Message, context: DecodeContext) -> DroneImage:
    faults: list[Fault] = []

    def number(*names: str) -> float | None:
        name = next((name for name in names if fields.get(name) is not None), None)
        value = fields[name] if name else None
        if value is None:
            return None
        real = _real(value)
        if real is None or not math.isfinite(real):
            faults.append(Fault(f"/{name}", "wrong_type", describe(value), "a number", "Send a number."))
            return None
        return real

    lat, lon, height_m, altitude_m = _in_degrees_and_metres(*map(number, ("lat", "lon", "relativealt", "alt")))
    lat = number("position.latitudedeg") if lat is None else lat
    lon = number("position.longitudedeg") if lon is None else lon
    height_m = number("position.relativealtitudem") if height_m is None else height_m
    altitude_m = number("position.absolutealtitudem") if altitude_m is None else altitude_m
    height_m = None if height_m == _NO_GROUND_BELOW_M else height_m
    captured_at = _instant(number("timeutc", "timeutcus"))
    index = number("imageindex", "index")
    url = _text(fields.get("fileurl"))
    if captured_at is not None and (fault := impossible_instant(captured_at, "/time_utc")) is not None:
        faults.append(fault)
    if url is None and (index is None or captured_at is None):
        expected = "file_url, or image_index and time_utc"
        faults.append(Fault("/file_url", "missing", "nothing", expected, "Send what the camera calls the picture."))
    q = _quaternion(fields)
    if isinstance(q, Fault):
        faults.append(q)
    if faults or isinstance(q, Fault):
        raise PayloadError(*faults)
    attitude = from_quaternion(*q) if q else None
    if attitude is not None and abs(attitude[1]) < _AIRCRAFT_TILT_DEG:
        attitude = None
    image = DroneImage(
        image_id=url or f"{captured_at.isoformat() if captured_at else ''}/{index:.0f}",
        captured_at=captured_at or message.received_at,
        drone_id=drone_id,
        time_source="gnss" if captured_at else "upload",
        object_uri=url,
        camera_model=_text(fields.get("cameramodel")),
        lon=lon,
        lat=lat,
        height_takeoff_m=height_m,
        alt_msl_m=altitude_m,
        position_fix="gnss" if lat is not None and lon is not None else "none",
        yaw_deg=attitude[0] if attitude else None,
        pitch_deg=attitude[1] if attitude else None,
        roll_deg=attitude[2] if attitude else None,
        attitude_source="mavlink" if attitude else None,
        vendor={"mavlink": {"image_index": index, "camera_id": fields.get("cameraid")}},
    )
    return msgspec.structs.replace(image, quarantine=quarantine_reason(image, message.latest_at, context.site))


def _quaternion(fields: Mapping[str, object]) -> tuple[float, float, float, float] | Fault | None:
    """Return the camera's rotation, None where the message tells of none, or what is wrong with it."""
    q = fields.get("q")
    for name in ("q", "attitudequaternion"):
        if q is None and any(f"{name}.{axis}" in fields for axis in "wxyz"):
            q = [fields.get(f"{name}.{axis}", 0.0) for axis in "wxyz"]
    if q is None:
        return None
    if not isinstance(q, list) or len(q) != _FOUR:
        return Fault("/q", "wrong_type", describe(q), "four numbers w, x, y, z", "Send four numbers, or leave out q.")
    if any(part is None or part in _NO_NUMBER for part in q if part is None or isinstance(part, str)):
        return None
    parts = [_real(part) for part in q]
    if None in parts:
        number = parts.index(None)
        return Fault(f"/q/{number}", "wrong_type", describe(q[number]), "a number", "Send four numbers w, x, y, z.")
    w, x, y, z = (part for part in parts if part is not None)
    return w, x, y, z


def _in_degrees_and_metres(
    lat: float | None, lon: float | None, height: float | None, altitude: float | None
) -> tuple[float | None, float | None, float | None, float | None]:
    """Return place and heights of a message in 1e-7 degrees and mm, or of one whose bridge turned it into other units.

    Places in degrees mean metres, and heights with a fraction do; but never metres that no drone flies at. Both
    heights of a message have one unit.
    """
    lat, lon = (None if one in _UNKNOWN_PLACE else one for one in (lat, lon))
    furthest = max(abs(lat or 0.0), abs(lon or 0.0))
    are_degrees = 0.0 < furthest <= _FURTHEST_DEG
    heights = ((height, HIGHEST_M), (altitude, _HIGHEST_SEA_M))
    are_metres = all(one is None or abs(one) <= highest for one, highest in heights) and (
        are_degrees or not all(one is None or _is_whole(one) for one, _ in heights)
    )
    degrees, metres = 1.0 if are_degrees else 1e7, 1.0 if are_metres else 1e3
    return _turned(lat, degrees), _turned(lon, degrees), _turned(height, metres), _turned(altitude, metres)


def _turned(value: float | None, parts: float) -> float | None:
    """Return a number of parts as one of wholes."""
    if value is None or parts == 1.0:
        return value
    return (round(value) if _is_whole(value) else value) / parts


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) <= _WHOLE_WITHIN * abs(value)


def _instant(value: float | None) -> datetime | None:
    if not value:
        return None
    for least, per_second in ((_LEAST_MICROSECONDS, 1e6), (_LEAST_MILLISECONDS, 1e3), (_LEAST_SECONDS, 1.0)):
        if value >= least:
            try:
                return _EPOCH + timedelta(seconds=value / per_second)
            except OverflowError:
                return None
    return None


def _text(value: object) -> str | None:
    if isinstance(value, list):  # rust-mavlink: one character, or its number, after the other
        value = "".join(chr(c) if isinstance(c, int) and 0 <= c < 256 else str(c) for c in value)  # noqa: PLR2004 - a byte
    if not isinstance(value, str):
        return None
    text = value.partition("\x00")[0].strip()
    return text if text and len(text) <= _LONGEST and text.isprintable() else None
