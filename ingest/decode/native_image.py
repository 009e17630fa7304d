"""Native picture messages: greensward/v1/{district}/{drone_id}/image, contract image_metadata.schema.json."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from ingest.decode.context import DecodeContext
from ingest.decode.guard import describe, parse_json
from ingest.decode.image_findings import refused_detections, refused_index_stats
from ingest.decode.image_message import ImageMessage
from ingest.decode.image_quarantine import impossible_instant, quarantine_reason
from ingest.decode.instants import parse_instant
from ingest.decode.replies import reply_to
from ingest.decode.schema_faults import schema_faults
from ingest.decode.topics import device_of, identity_mismatch, names_another, reply_topic
from ingest.errors import Fault, PayloadError
from ingest.observation import ATTITUDE_SIGMA, V_SIGMA, Decoded, Detection, DroneImage, Message, PartFault
from ingest.picture_parts import detection_id, part_name

LIMIT_BYTES = 256 * 1024

_LOCAL = re.compile(r"(/(?:detections|index_stats)/[0-9]+)(?:/.*)?", re.DOTALL)
_KEPT_AS_SENT = ("seq", "part", "time_sigma_s", "quality", "vendor_raw")
_MOST_PARTS = 100_000
_TURN_DEG = 360.0


def decode_native_image(message: Message, context: DecodeContext) -> Decoded:
    """Return the picture that a native message describes, with its findings and statistics.

    A finding or statistic that is wrong is refused alone. When none of the findings could be kept the picture counts
    as not analysed, so that nothing is called healthy by mistake. How findings are named: `picture_parts`.
    Raises: PayloadError with every fault when the fault is not in a single finding or statistic.
    """
    drone_id = device_of(message.topic, context.site)
    try:
        document = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
        return _decode(document, drone_id, message, context)
    except PayloadError as error:
        error.device_id = drone_id
        raise


def _decode(document: object, drone_id: str, message: Message, context: DecodeContext) -> Decoded:
    faults = schema_faults("image_metadata", document)
    local: dict[str, list[Fault]] = {}
    fatal: list[Fault] = []
    for fault in faults:
        found = _LOCAL.fullmatch(fault.pointer)
        if found:
            local.setdefault(found[1], []).append(fault)
        else:
            fatal.append(fault)
    if not isinstance(document, dict):
        raise PayloadError(*fatal)
    captured_at = _captured_at(document, fatal)
    if names_another(document.get("drone_id"), drone_id):
        fatal.append(identity_mismatch("/drone_id", document["drone_id"], drone_id))
    part = _part(document, fatal)
    if fatal or captured_at is None:
        _look_closer(document, local)
        raise PayloadError(*fatal, *(fault for faults_of_one in local.values() for fault in faults_of_one))

    said = _typed(document, local)
    refused_detections(said, local)
    refused_index_stats(said, local)
    image = _image(said, document, captured_at, _detections(said, local, part), local)
    if said.detections is not None:
        refused = sum(pointer.startswith("/detections/") for pointer in local)
        image = msgspec.structs.replace(image, parts={part_name(part): refused}, part_count=_part_count(document))
    reason = quarantine_reason(image, message.latest_at, context.site)
    parts = tuple(PartFault(pointer, tuple(faults_of_one)) for pointer, faults_of_one in local.items())
    reply = None
    if parts or document.get("ack") == 1:
        every = [fault for refused in parts for fault in refused.faults]
        rows = 1 + len(image.detections or ()) + len(image.index_stats)
        reply = reply_to(message, reply_topic(message.topic), accepted=True, rows=rows, faults=every)
    return Decoded(
        images=(msgspec.structs.replace(image, quarantine=reason),),
        parts_refused=parts,
        reply=reply,
        device_id=drone_id,
    )


def _look_closer(document: Mapping[str, object], local: dict[str, list[Fault]]) -> None:
    """Add the faults of findings and statistics of a picture that is refused anyway, as far as it can be read."""
    try:
        said = _typed(document, local)
    except PayloadError:
        return
    refused_detections(said, local)
    refused_index_stats(said, local)


def _captured_at(document: Mapping[str, object], fatal: list[Fault]) -> datetime | None:
    text = document.get("captured_at")
    if not isinstance(text, str):
        return None
    try:
        instant = parse_instant(text, "/captured_at")
    except PayloadError as error:
        fatal.extend(error.faults)
        return None
    fault = impossible_instant(instant, "/captured_at")
    if fault is not None:
        fatal.append(fault)
    return instant


def _part(document: Mapping[str, object], fatal: list[Fault]) -> int | None:
    """Return which part of its picture the message is: `part` as a whole number, or as an object with `index`."""
    part = document.get("part")
    index = part.get("index") if isinstance(part, dict) else part
    if part is None:
        return None
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= _MOST_PARTS:
        fatal.append(
            Fault("/part", "wrong_type", describe(part), f"a whole number, 0 to {_MOST_PARTS}", "Number the parts.")
        )
        return None
    return index


def _part_count(document: Mapping[str, object]) -> int | None:
    """Return in how many messages the picture's findings come, where `part` says so (`of`, or `count`)."""
    part = document.get("part")
    count: object = part.get("of", part.get("count")) if isinstance(part, dict) else None
    if isinstance(count, bool) or not isinstance(count, int):
        return None
    return count if 0 < count <= _MOST_PARTS else None


def _typed(document: Mapping[str, object], local: Mapping[str, object]) -> ImageMessage:
    """Return the message with the refused findings and statistics as None."""
    fit = dict(document)
    for name in ("detections", "index_stats"):
        entries = document.get(name)
        if isinstance(entries, list):
            fit[name] = [None if f"/{name}/{i}" in local else entry for i, entry in enumerate(entries)]
    try:
        return msgspec.convert(fit, ImageMessage)
    except msgspec.ValidationError as error:
        raise PayloadError(
            Fault("", "against_schema", describe(str(error)), "numbers of a usable size", "See the message schema.")
        ) from error


def _detections(said: ImageMessage, local: Mapping[str, object], part: int | None) -> tuple[Detection, ...] | None:
    if said.detections is None:
        return None
    kept = tuple(
        Detection(
            detection_id=detection_id(entry.id, place, part),
            class_name=entry.class_name,
            confidence=entry.confidence,
            severity=entry.severity,
            bbox_px=entry.bbox_px,
            polygon_px=entry.polygon_px,
            whole_image=entry.whole_image,
        )
        for place, entry in enumerate(said.detections)
        if entry is not None and f"/detections/{place}" not in local
    )
    return kept if kept or not said.detections else None


def _image(
    said: ImageMessage,
    document: Mapping[str, object],
    captured_at: datetime,
    detections: tuple[Detection, ...] | None,
    local: Mapping[str, object],
) -> DroneImage:
    position, attitude, sensor = said.position, said.attitude, said.sensor
    intrinsics = said.image.intrinsics
    is_assumed = attitude.source == "assumed"
    extras = {name: document[name] for name in _KEPT_AS_SENT if name in document}
    if attitude.sigma_deg is not None:
        extras[ATTITUDE_SIGMA] = attitude.sigma_deg
    if position.v_sigma_m is not None:
        extras[V_SIGMA] = position.v_sigma_m
    if sensor.bands is not None:
        extras["bands"] = sensor.bands
    return DroneImage(
        image_id=said.image_id,
        captured_at=captured_at,
        drone_id=said.drone_id,
        gateway_id=said.gateway_id,
        flight_id=said.flight_id,
        time_source=said.time_source,
        object_uri=said.object_uri,
        sha256=said.sha256,
        is_original=said.is_original,
        sensor_kind=sensor.kind,
        camera_model=sensor.model,
        payload_index=sensor.payload_index,
        image_width_px=int(said.image.width_px),
        image_height_px=int(said.image.height_px),
        intrinsics=intrinsics,
        lon=position.lon,
        lat=position.lat,
        height_takeoff_m=position.height_takeoff_m,
        height_ground_m=position.height_ground_m,
        alt_ellipsoid_m=position.alt_ellipsoid_m,
        alt_msl_m=position.alt_msl_m,
        alt_unknown_datum_m=position.alt_unknown_datum_m,
        position_fix=position.fix,
        position_sigma_m=position.h_sigma_m,
        yaw_deg=_azimuth_deg(attitude.yaw_deg),
        pitch_deg=None if is_assumed else attitude.pitch_deg,
        roll_deg=None if is_assumed else attitude.roll_deg,
        attitude_source=attitude.source,
        model_name=said.model.name if said.model else None,
        model_version=said.model.version if said.model else None,
        detections=detections,
        index_stats=tuple(
            entry.as_index_stat()
            for place, entry in enumerate(said.index_stats or ())
            if entry is not None and f"/index_stats/{place}" not in local
        ),
        vendor=extras or None,
    )


def _azimuth_deg(yaw_deg: float) -> float:
    """Return the same direction as an azimuth of at least 0° and less than 360°."""
    return yaw_deg % _TURN_DEG % _TURN_DEG
