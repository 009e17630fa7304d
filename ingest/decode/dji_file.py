"""DJI's file_upload_callback: a picture, video or data file that a dock or controller has uploaded.

It has no pitch, roll, field of view or image size in any version: the pose comes from elsewhere or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ParamSpec, TypeVar

import msgspec

from ingest.decode.dji_fields import camera_instant, name_of, object_at, real_of, text_of, upload_instant
from ingest.decode.dji_flight import counts_beside_file
from ingest.decode.image_quarantine import quarantine_reason
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, DroneImage, Message, PartFault, Reply
from ingest.picture_names import lens_of
from ingest.site import Site

_T = TypeVar("_T")
_P = ParamSpec("_P")

_IMAGE = re.compile(r".*\.(?:jpe?g|tiff?|dng|png|r?jpg|heic)", re.IGNORECASE | re.DOTALL)
_VIDEO = re.compile(r".*\.(?:mp4|mov|lrf|avi|mkv)", re.IGNORECASE | re.DOTALL)
_KINDS = {"W": "rgb", "V": "rgb", "D": "rgb", "Z": "zoom", "T": "thermal"}
# domain-type-subtype; domain 1 is a payload (product type table of the Cloud API).
_PAYLOAD_KEY = re.compile(r"1-([0-9]{1,5}-[0-9]{1,5})")
UPLOAD = "file_upload_callback"
_LONGEST = 1024
_MOST_YAW_DEG = 360.0
_MOST = 1e9
"""Of degrees and metres: what is impossible is quarantined with its reason, not refused."""
_LONGEST_ID = 128


def decode_file_upload(document: Mapping[str, object], serial: str, message: Message, site: Site) -> Decoded:
    """Return the picture of a callback; nothing when the upload failed.

    serial: of the gateway, from the topic. It counts, whatever the body says. A place, height or direction that is no
    number, and a flight or camera that has no name, is refused alone; without a place the picture has no footprint.
    Raises: PayloadError with every fault.
    """
    data = object_at(document, "data")
    reply = event_reply(document, serial)
    faults: list[Fault] = []
    result = _kept(faults, real_of, data.get("result"), "/data/result")
    if result:
        return Decoded(ignored=f"upload_failed: result {result:g}", reply=reply, device_id=serial)
    refused: list[Fault] = []
    file = object_at(data, "file", "/data")
    image = _image(file, data, serial, document, message, site, faults, refused)
    if faults or image is None:
        raise PayloadError(*faults, *refused)
    counts = _kept(refused, counts_beside_file, data, image.flight_id, serial, document, message) or ()
    parts = tuple(PartFault(fault.pointer, (fault,)) for fault in refused)
    return Decoded(images=(image,), flights=counts, parts_refused=parts, reply=reply, device_id=serial)


def _kept(faults: list[Fault], read: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T | None:
    """Return what `read` returns; when it refuses, keep its faults and go on, so that all are found."""
    try:
        return read(*args, **named)
    except PayloadError as error:
        faults.extend(error.faults)
        return None


def _image(
    file: Mapping[str, object],
    data: Mapping[str, object],
    serial: str,
    document: Mapping[str, object],
    message: Message,
    site: Site,
    faults: list[Fault],
    refused: list[Fault],
) -> DroneImage | None:
    ext = _kept(refused, _optional_object, file, "ext") or {}
    metadata = _kept(refused, _optional_object, file, "metadata") or {}
    at = "/data/file"
    key, name, path = (
        _kept(faults, text_of, file.get(field), f"{at}/{field}", longest=_LONGEST)
        for field in ("object_key", "name", "path")
    )
    image_id = key or (f"{path}/{name}" if path and name else name)
    if image_id is None:
        faults.append(Fault(f"{at}/object_key", "missing", "nothing", "the object's key", "Send object_key."))
    flight_id = _kept(refused, name_of, ext.get("flight_id"), f"{at}/ext/flight_id", longest=128)
    payload = _kept(refused, text_of, ext.get("payload_model_key"), f"{at}/ext/payload_model_key", longest=64)
    captured_at, time_source = _captured_at(metadata, document, message, site, faults)
    numbers = _numbers(metadata, refused)
    if image_id is None or captured_at is None or faults:
        return None
    image = DroneImage(
        image_id=image_id,
        captured_at=captured_at,
        gateway_id=serial,
        flight_id=flight_id,
        time_source=time_source,
        media_kind=_media_kind(name, key, path),
        object_uri=key,
        is_original=_flag(ext.get("is_original")),
        sensor_kind=_sensor_kind(name or image_id),
        camera_model=payload,
        payload_index=_payload_index(payload),
        vendor=_vendor(file, data),
        lon=numbers["lon"],
        lat=numbers["lat"],
        height_takeoff_m=numbers["height_takeoff_m"],
        alt_unknown_datum_m=numbers["alt_unknown_datum_m"],
        yaw_deg=numbers["yaw_deg"],
    )
    if image.media_kind != "image":
        return image
    uploaded_at = min(upload_instant(document) or message.received_at, message.received_at)
    return msgspec.structs.replace(image, quarantine=quarantine_reason(image, uploaded_at, site))


def _optional_object(file: Mapping[str, object], name: str) -> dict[str, object]:
    return {} if file.get(name) is None else object_at(file, name, "/data/file")


def _captured_at(
    metadata: Mapping[str, object], document: Mapping[str, object], message: Message, site: Site, faults: list[Fault]
) -> tuple[datetime | None, str]:
    """Return when the picture was taken and by which clock; without a camera time, when it was uploaded."""
    for name in ("create_time", "created_time"):
        pointer = f"/data/file/metadata/{name}"
        before = len(faults)
        instant = _kept(faults, camera_instant, metadata.get(name), site.timezone, pointer)
        if instant is not None or len(faults) > before:
            return instant, "camera_clock"
    return upload_instant(document) or message.received_at, "upload"


def _numbers(metadata: Mapping[str, object], faults: list[Fault]) -> dict[str, float | None]:
    at = "/data/file/metadata"
    place = metadata.get("shoot_position")
    holder, where = (place, f"{at}/shoot_position") if isinstance(place, dict) else (metadata, at)
    fields: tuple[tuple[str, Mapping[str, object], str, Sequence[str]], ...] = (
        ("lat", holder, where, ("lat", "latitude")),
        ("lon", holder, where, ("lng", "lon", "longitude")),
        ("height_takeoff_m", metadata, at, ("relative_altitude",)),
        ("alt_unknown_datum_m", metadata, at, ("absolute_altitude",)),
        ("yaw_deg", metadata, at, ("gimbal_yaw_degree",)),
    )
    numbers = {}
    for field, source, pointer, names in fields:
        name = next((name for name in names if source.get(name) is not None), names[0])
        value, full = source.get(name), f"{pointer}/{name}"
        bound = _MOST_YAW_DEG if field == "yaw_deg" else _MOST
        numbers[field] = _kept(faults, real_of, value, full, -bound, bound)
    return numbers


def _media_kind(*names: str | None) -> str:
    """Return what the first name that ends as a file of a known kind says."""
    for name in names:
        if name and _IMAGE.fullmatch(name):
            return "image"
        if name and _VIDEO.fullmatch(name):
            return "video"
    return "other"


def _sensor_kind(name: str) -> str | None:
    lens = lens_of(name)
    return None if lens is None else _KINDS.get(lens, "multispectral" if lens.startswith("MS_") else None)


def _payload_index(model_key: str | None) -> str | None:
    """Return type-subtype, the first two parts of a payload index; which of two equal gimbals is not said."""
    found = _PAYLOAD_KEY.fullmatch(model_key) if model_key else None
    return found[1] if found else None


def _flag(value: object) -> bool | None:
    text = str(value).strip().lower() if isinstance(value, bool | int | str) else ""
    return {"0": False, "1": True, "false": False, "true": True}.get(text)


def _vendor(file: Mapping[str, object], data: Mapping[str, object]) -> dict[str, object]:
    """Return the file's fields as received, with the flight's counts of files."""
    return {"file": dict(file)} | {name: data[name] for name in ("flight_task",) if name in data}


def event_reply(document: Mapping[str, object], serial: str, method: str = UPLOAD) -> Reply | None:
    """Return the answer where one is asked for: need_reply 1 or true, and ids to answer to, which go back as they came.

    Result 0 says that the message is kept, and it is, also when it was refused: the dock need not send it again.
    """
    if document.get("need_reply") not in (1, True, "1", "true"):
        return None
    ids = {name: document[name] for name in ("tid", "bid") if _is_id(document.get(name))}
    if not ids:
        return None
    body = {**ids, "method": method, "data": {"result": 0}}
    return Reply(f"thing/product/{serial}/events_reply", msgspec.json.encode(body))


def _is_id(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and 0 < len(value) <= _LONGEST_ID)
