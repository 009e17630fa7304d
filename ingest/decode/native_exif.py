"""EXIF and XMP of a picture, from a drone's sidecar or from a back-fill: greensward/v1/{district}/{drone_id}/exif."""

from __future__ import annotations

import msgspec

from ingest.decode.context import DecodeContext
from ingest.decode.exif_image import image_from_tags
from ingest.decode.guard import describe, parse_json
from ingest.decode.image_quarantine import impossible_instant, quarantine_reason
from ingest.decode.topics import device_of, is_id
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, Message

LIMIT_BYTES = 256 * 1024

UNKNOWN_DRONE = "unknown-drone"
"""Stands for the drone on the topic where nobody knows it; the tags may tell it still."""


def decode_native_exif(message: Message, context: DecodeContext) -> Decoded:
    """Return the picture that one object of `exiftool -json` speaks of.

    The drone is that of the topic; its tags' own serial number where the topic names none. A picture whose clock shows
    a time before 2015 is kept in quarantine: an old picture, or a clock that was never set.
    Raises: PayloadError when it is no object, or says not what the file is called or when the picture was taken.
    """
    drone_id = device_of(message.topic, context.site)
    try:
        document = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
        image = image_from_tags(_object(document), context.site.timezone)
    except PayloadError as error:
        error.device_id = drone_id
        raise
    if drone_id != UNKNOWN_DRONE:
        image = msgspec.structs.replace(image, drone_id=drone_id)
    elif image.drone_id is not None and not is_id(image.drone_id):
        image = msgspec.structs.replace(image, drone_id=None)
    if image.media_kind == "image":
        reason = quarantine_reason(image, message.latest_at, context.site)
        clock = impossible_instant(image.captured_at, "/DateTimeOriginal")
        image = msgspec.structs.replace(image, quarantine=reason or (clock.code if clock else None) or image.quarantine)
    return Decoded(images=(image,), device_id=drone_id)


def _object(document: object) -> dict[str, object]:
    if isinstance(document, dict):
        return document
    expected, advice = "an object of exiftool -json", "Send one object a picture."
    raise PayloadError(Fault("", "wrong_type", describe(document), expected, advice))
