"""Aliyun Alink, JSON: /sys/{productKey}/{deviceName}/thing/event/property/post, and its forms for many values.

Forms as in Aliyun's IoT Platform documentation ("Device properties, events, and services"): `post`, `batch/post` (lists
of values with their times), `pack/post` (a gateway and its sub-devices), `history/post` (what was kept while offline).

China Mobile's OneNET has taken the message over: $sys/{productId}/{deviceName}/thing/property/post, answered in fewer
words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from ingest.decode.context import DecodeContext
from ingest.decode.field_values import unit_beside
from ingest.decode.guard import describe, escape, parse_json
from ingest.decode.instants import parse_clock
from ingest.decode.nested_values import flatten
from ingest.decode.property_report import PropertyReport
from ingest.decode.topics import is_id, unknown_topic
from ingest.decode.uplink_message import payload_hash
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, Message, Reply

ROOT = "/sys/"
ONENET_ROOT = "$sys/"
LIMIT_BYTES = 256 * 1024
_TOPIC = re.compile(r"/sys/([^/]+)/([^/]+)/thing/event/property/(?:(batch|pack|history)/)?post")
_ONENET_TOPIC = re.compile(r"\$sys/([^/]+)/([^/]+)/thing/property/post")
_PRODUCT = re.compile(r"[A-Za-z0-9]{1,32}")
_SUCCESS = 200
_BAD_PARAMETERS = 460
"""Aliyun's code for "data is empty, the format is invalid, or there are too many" (Error codes for devices)."""
_LONGEST_ID = 64

_Part = tuple[tuple[object, object], Mapping[str, object], str]
"""Product key and device name, properties, and the pointer to these."""


def decode_alink(message: Message, context: DecodeContext) -> Decoded:
    """Return the rows of a property report; the device is `{productKey}.{deviceName}`.

    measured_at is the `time` of the value, otherwise the arrival. Events and properties that say nothing of soil or
    weather are left aside.
    Raises: PayloadError with every fault.
    """
    product, name, form = _topic(message.topic)
    device_id = _device_id(product, name, "")
    try:
        return _decode(message, context, (product, name), form, device_id)
    except PayloadError as error:
        error.device_id = device_id
        raise


def _decode(message: Message, context: DecodeContext, sender: tuple[str, str], form: str, device_id: str) -> Decoded:
    said = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
    if not isinstance(said, dict):
        raise PayloadError(_wrong("", said, "an object"))
    report = PropertyReport(message, context, "onenet" if _is_onenet(message.topic) else "alink")
    sent_id = said.get("id")
    once = f"{sent_id if _is_message_id(sent_id) else ''}/{payload_hash(message.payload)}"
    for (product_key, device_name), properties, where in _parts(said.get("params"), form, sender, report):
        try:
            here = _device_id(product_key, device_name, where)
        except PayloadError as error:
            report.refuse(where, *error.faults)
            continue
        _add(report, here, (str(product_key), str(device_name)), properties, where, once)
    decoded = report.decoded(device_id, "/params")
    faults = {part.pointer: part.faults[0].code for part in decoded.parts_refused}
    return msgspec.structs.replace(decoded, reply=_reply(message, said, _SUCCESS, "success", faults))


def alink_refusal_reply(message: Message, error: PayloadError) -> Reply | None:
    """Return what a device hears whose report was refused: code 460 and the first fault in words.

    Nobody whose topic is wrong is answered: what came on a topic of 65,535 bytes cannot even be.
    """
    try:
        product, name, _ = _topic(message.topic)
        _device_id(product, name, "")
        said = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
    except PayloadError:
        return None  # also without the id by which a device could tell which message is meant
    if not isinstance(said, dict):
        return None
    first = error.faults[0]
    words = f"request parameter error: {first.pointer or '/'}: {first.code}: expected {first.expected}, got {first.got}"
    return _reply(message, said, _BAD_PARAMETERS, words, {fault.pointer: fault.code for fault in error.faults})


def _reply(
    message: Message, said: Mapping[str, object], code: int, words: str, faults: Mapping[str, str]
) -> Reply | None:
    """Return the answer; None where the device said that it wants none, or gave no id to answer to."""
    system = said.get("sys")
    if (isinstance(system, dict) and system.get("ack") in (0, "0")) or not _is_message_id(said.get("id")):
        return None
    if _is_onenet(message.topic):
        brief = {"id": str(said["id"]), "code": code, "msg": words}
        return Reply(f"{message.topic}/reply", msgspec.json.encode(brief))
    form = _TOPIC.fullmatch(message.topic)
    method = f"thing.event.property.{form[3]}.post" if form and form[3] else "thing.event.property.post"
    body = {
        "code": code,
        "data": dict(faults),
        "id": str(said["id"]),
        "message": words,
        "method": method,
        "version": "1.0",
    }
    return Reply(f"{message.topic}_reply", msgspec.json.encode(body))


def _topic(topic: str) -> tuple[str, str, str]:
    """Return product, device and form. Raises: PayloadError (unknown_topic)."""
    found = (_ONENET_TOPIC if _is_onenet(topic) else _TOPIC).fullmatch(topic)
    if found is None:
        raise PayloadError(unknown_topic(topic))
    product, name, *form = found.groups()
    return product, name, (form or [None])[0] or ""


def _is_onenet(topic: str) -> bool:
    return topic.startswith(ONENET_ROOT)


def _device_id(product_key: object, device_name: object, pointer: str) -> str:
    device_id = f"{product_key}.{device_name}"
    known = isinstance(product_key, str) and isinstance(device_name, str) and _PRODUCT.fullmatch(product_key)
    if known and device_name and is_id(device_id):
        return device_id
    expected = "productKey and deviceName of A-Z a-z 0-9 (deviceName also . _ -), together at most 63"
    fault = Fault(pointer, "bad_device_id", describe(device_id), expected, "Give the device such a deviceName.")
    raise PayloadError(fault)


def _parts(params: object, form: str, sender: tuple[str, str], report: PropertyReport) -> Iterator[_Part]:
    """Yield the properties of each device, and of each record of its history."""
    if form == "history":
        for place, record in enumerate(params if isinstance(params, list) else [params]):
            where = f"/params/{place}" if isinstance(params, list) else "/params"
            yield from _one(record, where, sender, report)
        return
    if not isinstance(params, dict):
        raise PayloadError(_wrong("/params", params, "an object of properties"))
    inner = params.get("properties")
    if form or (isinstance(inner, dict) and "value" not in inner):
        yield from _one(params, "/params", sender, report)
    else:
        yield sender, params, "/params"
    parts = params.get("subDevices") if form == "pack" else None
    for place, part in enumerate(parts if isinstance(parts, list) else []):
        yield from _one(part, f"/params/subDevices/{place}", (None, None), report)


def _one(part: object, pointer: str, sender: tuple[str | None, str | None], report: PropertyReport) -> Iterator[_Part]:
    """Yield the properties of one device; sender: who it is when the part has no identity."""
    if not isinstance(part, dict):
        report.refuse(pointer, _wrong(pointer, part, "an object with properties"))
        return
    identity = part.get("identity")
    who: tuple[object, object] = sender
    if isinstance(identity, dict):
        who = (identity.get("productKey") or sender[0], identity.get("deviceName") or sender[1])
    properties = part.get("properties", {})
    for place, record in enumerate(properties if isinstance(properties, list) else [properties]):
        here = f"{pointer}/properties/{place}" if isinstance(properties, list) else f"{pointer}/properties"
        if isinstance(record, dict):
            yield who, record, here
        else:
            report.refuse(here, _wrong(here, record, "an object of properties"))


def _add(
    report: PropertyReport,
    device_id: str,
    names: tuple[str, str],
    properties: Mapping[str, object],
    pointer: str,
    once: str,
) -> None:
    """Add properties: each a value, {"value": …, "time": ms}, or a list of those; a wrong one is refused alone.

    A value may be a structure or an array of the product's thing model (TSL).
    """
    for name, given in properties.items():
        here = f"{pointer}/{escape(name)}"
        are_records = isinstance(given, list) and any(isinstance(one, dict) and "value" in one for one in given)
        for place, one in enumerate(given if are_records and isinstance(given, list) else [given]):
            where = f"{here}/{place}" if are_records else here
            try:
                measured_at, value = _value(one, where, report.received_at)
                for inner, given_value, there in [*flatten(name, value, where)]:  # refused whole, or not at all
                    inner_at, said = _value(given_value, there, report.received_at)
                    at = inner_at or measured_at
                    report.add_value(device_id, inner, said, there, measured_at=at, names=names, once=once)
            except PayloadError as error:
                report.refuse(where, *error.faults, device_id=device_id)


def _value(given: object, pointer: str, received_at: datetime) -> tuple[datetime | None, object]:
    """Return the instant, None where it is not said, and the value; `time` is in ms, though some write it otherwise.

    Raises: PayloadError (bad_instant).
    """
    if not isinstance(given, dict) or "value" not in given:
        return None, given
    unit = unit_beside(given)
    value = given["value"] if unit is None else {"value": given["value"], "unit": unit}
    time = given.get("time")
    return (None if time is None else parse_clock(time, "ms", received_at, f"{pointer}/time")), value


def _is_message_id(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and 0 < len(value) <= _LONGEST_ID
    )


def _wrong(pointer: str, got: object, expected: str) -> Fault:
    return Fault(pointer, "wrong_type", describe(got), expected, "Send the message as Alink JSON describes it.")
