"""Huawei Cloud IoTDA, JSON: $oc/devices/{device_id}/sys/properties/report, and a gateway's for its sub-devices.

Forms as in Huawei's API reference ("Reporting Device Properties", "Gateway Reporting Device Properties in Batches").
The platform answers neither of the two, so nobody listens and we answer nothing either.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ingest.decode.context import DecodeContext
from ingest.decode.guard import describe, escape, parse_json
from ingest.decode.instants import parse_clock
from ingest.decode.nested_values import flatten
from ingest.decode.property_report import PropertyReport
from ingest.decode.topics import is_id, unknown_topic
from ingest.decode.uplink_message import payload_hash
from ingest.errors import Fault, PayloadError
from ingest.identifiers import normalise_device_id
from ingest.observation import Decoded, Message

ROOT = "$oc/devices/"
LIMIT_BYTES = 256 * 1024
_TOPIC = re.compile(r"\$oc/devices/([^/]+)/sys/(gateway/sub_devices/)?properties/report(?:\?request_id=([^/]{1,128}))?")
_COMPACT = re.compile(r"[0-9]{8}T[0-9]{6}Z")


def decode_iotda(message: Message, context: DecodeContext) -> Decoded:
    """Return the rows of a property report, of the device on the topic or of the sub-devices in the message.

    measured_at is `event_time`. As the platform does, one that is missing is the time of arrival; one that cannot be
    read is refused here, with its service, since a wrong time is worse than none.
    Raises: PayloadError with every fault.
    """
    found = _TOPIC.fullmatch(message.topic)
    if found is None:
        raise PayloadError(unknown_topic(message.topic))
    sender = _device_id(found[1], "")
    try:
        once = f"{found[3] or ''}/{payload_hash(message.payload)}"
        return _decode(message, context, sender, once, is_gateway=bool(found[2]))
    except PayloadError as error:
        error.device_id = sender
        raise


def _decode(message: Message, context: DecodeContext, sender: str, once: str, *, is_gateway: bool) -> Decoded:
    said = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
    if not isinstance(said, dict):
        raise PayloadError(_wrong("", said, "an object"))
    report = PropertyReport(message, context, "iotda")
    if not is_gateway:
        _add_services(report, sender, said, "", once)
        return report.decoded(sender, "/services")
    for place, part in enumerate(_list(said, "devices", "")):
        where, device_id = f"/devices/{place}", None
        try:
            device_id = _device_id(_object(part, where).get("device_id"), where)
            _add_services(report, device_id, part, where, once)
        except PayloadError as error:
            report.refuse(where, *error.faults, device_id=device_id)
    return report.decoded(sender, "/devices")


def _add_services(report: PropertyReport, device_id: str, part: object, pointer: str, once: str) -> None:
    """Add each service's properties; one that is wrong is refused alone."""
    for place, service in enumerate(_list(_object(part, pointer), "services", pointer)):
        where = f"{pointer}/services/{place}"
        try:
            given = _object(service, where)
            properties = _object(given.get("properties"), f"{where}/properties")
            measured_at = None
            if given.get("event_time") is not None:
                measured_at = _instant(given["event_time"], f"{where}/event_time", report.received_at)
        except PayloadError as error:
            report.refuse(where, *error.faults, device_id=device_id)
            continue
        service_id = given["service_id"] if isinstance(given.get("service_id"), str) else ""
        for name, given_value in properties.items():
            whole = f"{service_id}/{name}" if service_id else name
            here = f"{where}/properties/{escape(name)}"
            try:
                values = [*flatten(whole, given_value, here)]
            except PayloadError as error:
                report.refuse(here, *error.faults, device_id=device_id)
                continue
            for inner, said, there in values:
                report.add_value(
                    device_id, inner, said, there, measured_at=measured_at, names=(str(service_id),), once=once
                )


def _instant(text: object, pointer: str, received_at: datetime) -> datetime:
    """Return the instant of 20151212T121212Z, of the form with milliseconds, which is RFC 3339, or of a Unix time."""
    if isinstance(text, str) and _COMPACT.fullmatch(text):
        try:
            return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError as error:
            expected = "20151212T121212Z or 2015-12-12T12:12:12.333Z, UTC"
            fault = Fault(pointer, "bad_instant", describe(text), expected, "Send the time in one of these forms.")
            raise PayloadError(fault) from error
    return parse_clock(text, "ms", received_at, pointer)


def _device_id(text: object, pointer: str) -> str:
    if isinstance(text, str) and is_id(text):
        return normalise_device_id(text)
    expected = "1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"
    raise PayloadError(Fault(pointer, "bad_device_id", describe(text), expected, "Give the device such an id."))


def _object(value: object, pointer: str) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    raise PayloadError(_wrong(pointer, value, "an object"))


def _list(part: dict[str, object], name: str, pointer: str) -> list[object]:
    value = part.get(name)
    if isinstance(value, list):
        return value
    raise PayloadError(_wrong(f"{pointer}/{name}", value, "a list"))


def _wrong(pointer: str, got: object, expected: str) -> Fault:
    advice = "Send the message as IoTDA describes it."
    return Fault(pointer, "wrong_type", describe(got), expected, advice)
