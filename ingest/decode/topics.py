"""Topics of the native contract: greensward/v1/{district}/{device_id}/{soil|state|image|exif|…|reply}."""

from __future__ import annotations

import functools

from ingest import identifiers
from ingest.decode.guard import describe
from ingest.errors import Fault, PayloadError
from ingest.identifiers import normalise_device_id
from ingest.site import Site

ROOT = "greensward/v1/"
_LEVELS = 5
_ID_WORDS = "1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"


def is_id(text: object) -> bool:
    """Say whether `text` is an id that Greensward takes."""
    return isinstance(text, str) and identifiers.is_id(text)


def device_of(topic: str, site: Site) -> str:
    """Return the device that a native topic names; a DevEUI as the register spells it, in lower case.

    Raises: PayloadError (unknown_topic, bad_device_id, wrong_district).
    """
    return _device_of(topic, site.district)


@functools.lru_cache(maxsize=32_768)
def _device_of(topic: str, district: str) -> str:
    levels = topic.split("/")
    if len(levels) != _LEVELS or not topic.startswith(ROOT):
        raise PayloadError(unknown_topic(topic))
    device_id = levels[3]
    if not is_id(device_id):
        raise PayloadError(
            Fault("", "bad_device_id", describe(device_id), _ID_WORDS, "Give the device such an id on its topic.")
        )
    if levels[2] != district:
        raise PayloadError(
            Fault("", "wrong_district", describe(levels[2]), describe(district), "Publish to the right district."),
            device_id=device_id,
        )
    return normalise_device_id(device_id)


def names_another(named: object, device_id: str) -> bool:
    """Say whether `named`, the device id within a message, is another than that of its topic; no text is none."""
    return isinstance(named, str) and normalise_device_id(named) != device_id


def reply_topic(topic: str) -> str:
    """Return where the sender on a native topic listens for answers: beside it, in the sender's own spelling."""
    return f"{topic.rpartition('/')[0]}/reply"


def unknown_topic(topic: str) -> Fault:
    """Return the fault of a topic that no decoder reads."""
    return Fault(
        "",
        "unknown_topic",
        describe(topic),
        f"a topic that is read, such as {ROOT}DISTRICT/DEVICE/soil",
        "Spell it as the table of topics in docs/device-makers.md does.",
    )


def identity_mismatch(pointer: str, got: object, expected: str) -> Fault:
    """Return the fault of a message that names another device than its topic."""
    return Fault(
        pointer,
        "identity_mismatch",
        describe(got),
        describe(expected),
        "Send the device's own id, as on its topic, or leave it out.",
    )
