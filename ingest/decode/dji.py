"""DJI Cloud API (docks, Pilot 2): thing/product/{sn}/events, …/osd and …/drc/up.

Forms and fields: DJI Cloud API documentation v1.1 to v1.16; spec/drone.md, section 1, lists how they differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingest.decode.context import DecodeContext
from ingest.decode.dji_fields import instant_of_envelope, object_at, text_of
from ingest.decode.dji_file import decode_file_upload
from ingest.decode.dji_pose import drc_poses, osd_poses
from ingest.decode.guard import describe, parse_json
from ingest.decode.topics import is_id
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, DronePose, Message

LIMIT_BYTES = 256 * 1024

_TOPIC = re.compile(r"thing/product/([^/]+)/(.+)", re.DOTALL)


def decode_dji(message: Message, context: DecodeContext) -> Decoded:
    """Return the pictures or gimbal poses of a DJI Cloud API message.

    `file_upload_callback` events become pictures, `osd` messages and `osd_info_push` poses. Everything else is
    ignored with its kind as the reason. The reply that an event asks for depends on the message alone, so that a
    message delivered twice is answered twice.
    Raises: PayloadError for a message of these three kinds that cannot be read, or that is no JSON object.
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
        data = object_at(document, "data")
        posed_at = instant_of_envelope(document, message.received_at)
        gateway = text_of(document.get("gateway"), "/gateway", longest=64)
        return _posed(osd_poses(data, serial, gateway, posed_at), "osd without gimbal angles", serial)
    if kind not in ("events", "drc/up"):
        return Decoded(ignored=f"topic …/{kind[:40]} is not read", device_id=serial)
    method = text_of(document.get("method"), "/method", longest=128)
    if method is None:
        raise PayloadError(Fault("/method", "missing", "nothing", "the method's name", "Send the method."))
    if kind == "events" and method == "file_upload_callback":
        return decode_file_upload(document, serial, message, context.site)
    if kind == "drc/up" and method == "osd_info_push":
        data = object_at(document, "data")
        posed_at = instant_of_envelope(document, message.received_at)
        return _posed(drc_poses(data, serial, posed_at), "osd_info_push without gimbal angles", serial)
    return Decoded(ignored=f"method {method[:80]} is not read", device_id=serial)


def _posed(poses: tuple[DronePose, ...], why_none: str, serial: str) -> Decoded:
    return Decoded(poses=poses, ignored=None if poses else why_none, device_id=serial)
