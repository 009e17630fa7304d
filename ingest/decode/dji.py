"""DJI Cloud API (docks, Pilot 2): thing/product/{sn}/events, …/osd and …/drc/up.

Forms and fields: DJI Cloud API documentation v1.1 to v1.16, which spells some of them in several ways.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from ingest.decode.context import DecodeContext
from ingest.decode.dji_fields import instant_of_envelope, object_at, text_of
from ingest.decode.dji_file import UPLOAD, decode_file_upload, event_reply
from ingest.decode.dji_flight import PROGRESS, decode_flight_progress, is_progress
from ingest.decode.dji_pose import Gimbal, drc_gimbals, osd_gimbals, pose_of
from ingest.decode.guard import describe, parse_json
from ingest.decode.topics import is_id
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, Message, PartFault, Reply

LIMIT_BYTES = 256 * 1024

_TOPIC = re.compile(r"thing/product/([^/]+)/(.+)", re.DOTALL)


def decode_dji(message: Message, context: DecodeContext) -> Decoded:
    """Return the pictures, gimbal poses or counts of files of a DJI Cloud API message.

    `file_upload_callback` events become pictures, `osd` messages and `osd_info_push` poses, `flighttask_progress`
    says how many files a flight made. Everything else is
    ignored with its kind as the reason. The reply that an event asks for depends on the message alone, so that a
    message delivered twice is answered twice.
    Raises: PayloadError for a message of these kinds that cannot be read, or that is no JSON object.
    """
    found = _TOPIC.fullmatch(message.topic)
    serial = found[1] if found else None
    if found and not is_id(serial):
        raise PayloadError(
            Fault("", "bad_device_id", describe(serial), "a serial number", "Publish under the device's own number.")
        )
    try:
        document = _envelope(message.payload)
        if found is None or serial is None:
            return Decoded(ignored=f"topic {message.topic[:80]} is not read", device_id=serial)
        return _decode(found[2], serial, document, message, context)
    except PayloadError as error:
        error.device_id = serial
        raise


def _envelope(payload: bytes) -> dict[str, object]:
    document = parse_json(payload, limit_bytes=LIMIT_BYTES)
    if isinstance(document, dict):
        return document
    raise PayloadError(Fault("", "wrong_type", describe(document), "an object", "Send the whole message."))


def _decode(
    kind: str, serial: str, document: Mapping[str, object], message: Message, context: DecodeContext
) -> Decoded:
    if kind == "osd":
        gimbals = osd_gimbals(object_at(document, "data"))
        return _posed(gimbals, "osd", serial, document, message)
    if kind not in ("events", "drc/up"):
        return Decoded(ignored=f"topic …/{kind[:40]} is not read", device_id=serial)
    method = text_of(document.get("method"), "/method", longest=128) or _method_of(kind, document)
    if method is None:
        raise PayloadError(Fault("/method", "missing", "nothing", "the method's name", "Send the method."))
    if kind == "events" and method == UPLOAD:
        return decode_file_upload(document, serial, message, context.site)
    if kind == "events" and method == PROGRESS:
        found = decode_flight_progress(document, serial, message)
        return msgspec.structs.replace(found, reply=event_reply(document, serial, PROGRESS))
    if kind == "drc/up" and method == "osd_info_push":
        return _posed(drc_gimbals(object_at(document, "data")), "osd_info_push", serial, document, message)
    return Decoded(ignored=f"method {method[:80]} is not read", device_id=serial)


def _method_of(kind: str, document: Mapping[str, object]) -> str | None:
    """Return the method of a message that names none, as some versions send it, where its fields leave no doubt."""
    data = document.get("data")
    if kind == "drc/up" and isinstance(data, dict) and "gimbal_pitch" in data:
        return "osd_info_push"
    return PROGRESS if kind == "events" and is_progress(document) else None


def _posed(
    gimbals: Mapping[str, Gimbal], kind: str, serial: str, document: Mapping[str, object], message: Message
) -> Decoded:
    """Return the pose of each gimbal; one that cannot be read is refused alone. Without any no time is asked for."""
    if not gimbals:
        return Decoded(ignored=f"{kind} without gimbal angles", device_id=serial)
    posed_at = instant_of_envelope(document, message.latest_at)
    poses, refused = [], []
    for pointer, gimbal in gimbals.items():
        try:
            poses.append(pose_of(document, gimbal, pointer, serial, posed_at))
        except PayloadError as error:
            refused.append(PartFault(pointer, error.faults))
    if not poses:
        raise PayloadError(*(fault for part in refused for fault in part.faults))
    return Decoded(poses=tuple(poses), parts_refused=tuple(refused), device_id=serial)


def dji_refusal_reply(message: Message) -> Reply | None:
    """Return what a dock whose callback was refused is told, None when it asked for nothing."""
    found = _TOPIC.fullmatch(message.topic)
    if found is None or found[2] != "events":
        return None
    try:
        document = _envelope(message.payload)
    except PayloadError:
        return None
    method = document.get("method")
    return event_reply(document, found[1], method) if method in (UPLOAD, PROGRESS) else None
