"""The native soil message as types, read in one pass when it has no fault and part by part when it has.

The contract is schemas/messages/soil_reading.schema.json; a test holds the bounds here and there together.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ingest.decode.guard import parse_json
from ingest.decode.instants import parse_instant
from ingest.decode.schema_faults import schema_faults
from ingest.decode.topics import identity_mismatch
from ingest.errors import Fault, PayloadError
from ingest.observation import PartFault

_LARGEST_SEQ = 2**53 - 1
_NEVER = 10**9


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One measured value; depth in cm, or channel from 1."""

    quantity: str
    value: float
    unit: str
    depth_cm: Annotated[float, Meta(ge=0, le=1000)] | UnsetType = UNSET
    channel: Annotated[int, Meta(ge=1, le=64)] | UnsetType = UNSET


Readings = Annotated[list[Reading], Meta(min_length=1, max_length=256)]


class Sample(msgspec.Struct, frozen=True):
    """What was measured at one instant (text as received)."""

    measured_at: str
    readings: Readings


class SoilMessage(msgspec.Struct, frozen=True):
    """A whole message: `measured_at` and `readings`, or `samples`."""

    schema: Literal["greening.soil_reading/1"]
    device_id: str | UnsetType = UNSET
    seq: Annotated[int, Meta(ge=0, le=_LARGEST_SEQ)] | UnsetType = UNSET
    measured_at: str | UnsetType = UNSET
    readings: Readings | UnsetType = UNSET
    samples: Annotated[list[Sample], Meta(min_length=1, max_length=2000)] | UnsetType = UNSET
    battery_v: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET
    battery_pct: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET
    rssi_dbm: Annotated[float, Meta(ge=-200, le=50)] | UnsetType = UNSET
    ack: Literal[0, 1] | UnsetType = UNSET


REFUSED = Reading("", 0.0, "")
"""Stands where a refused reading stood, so that the others keep their place in the message."""
REFUSED_SAMPLE = Sample("", [])
"""Stands where a refused sample stood."""

_decoder = msgspec.json.Decoder(SoilMessage)
_PART = re.compile(r"(?:/samples/[0-9]+)?/readings/[0-9]+|/samples/[0-9]+|/(?:battery_v|battery_pct|rssi_dbm)")


def read_without_fault(payload: bytes) -> SoilMessage | None:
    """Return the message when it plainly fits the contract; None says nothing but that it must be looked at closely.

    No key is written twice when the payload has as many colons as the keys and times that were read: a second key,
    or a key that the contract does not name, would bring one more. A backslash could hide one, so it is not plain.
    """
    if b"\\" in payload:
        return None
    try:
        said = _decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    single = said.measured_at is not UNSET and said.readings is not UNSET
    if said.samples is UNSET and single:
        colons = 3 + _colons(said.measured_at, said.readings)  # type: ignore[arg-type]
    elif said.samples is not UNSET and said.measured_at is UNSET and said.readings is UNSET:
        colons = 2 + sum(2 + _colons(sample.measured_at, sample.readings) for sample in said.samples)
    else:
        return None
    for value in (said.device_id, said.seq, said.battery_v, said.battery_pct, said.rssi_dbm, said.ack):
        if value is not UNSET:
            colons += 1
    return said if colons == payload.count(b":") else None


def _colons(measured_at: str, readings: list[Reading]) -> int:
    """Return the colons of a time and of the readings' keys; a negative many where depth and channel are both given."""
    colons = measured_at.count(":") + 3 * len(readings)
    for reading in readings:
        if reading.depth_cm is not UNSET:
            colons += 1
            if reading.channel is not UNSET:
                return -_NEVER
        elif reading.channel is not UNSET:
            colons += 1
    return colons


def read_with_faults(payload: bytes, device_id: str, *, limit_bytes: int) -> tuple[SoilMessage, list[PartFault]]:
    """Return what can be kept of the message, `REFUSED` in the place of the rest, and the refused parts.

    device_id: as the topic names it
    Raises: PayloadError with every fault when the message as a whole is wrong.
    """
    document = parse_json(payload, limit_bytes=limit_bytes)
    faults = schema_faults("soil_reading", document)
    parts: dict[str, list[Fault]] = {}
    for fault in faults:
        part = _PART.match(fault.pointer)
        parts.setdefault(part.group() if part else "", []).append(fault)
    if "" in parts or not isinstance(document, dict):
        raise PayloadError(*faults, *_further_faults(document, device_id))
    kept = {key: value for key, value in document.items() if f"/{key}" not in parts}
    if "seq" in kept:
        kept["seq"] = int(kept["seq"])  # 5.0 is a whole number in JSON Schema
    try:
        if "samples" in kept:
            kept["samples"] = [
                REFUSED_SAMPLE if f"/samples/{place}" in parts else _sample(sample, f"/samples/{place}", parts)
                for place, sample in enumerate(kept["samples"])
            ]
        else:
            kept["readings"] = _readings(kept["readings"], "", parts)
        known = {key: kept[key] for key in SoilMessage.__struct_fields__ if key in kept}
        return SoilMessage(**known), [PartFault(pointer, tuple(found)) for pointer, found in parts.items()]
    except (msgspec.ValidationError, TypeError) as error:
        against = Fault("", "against_schema", str(error)[:80], "schemas/messages/soil_reading", "See the schema.")
        raise PayloadError(against) from error


def _sample(sample: dict[str, object], pointer: str, parts: dict[str, list[Fault]]) -> Sample:
    return Sample(str(sample["measured_at"]), _readings(sample["readings"], pointer, parts))


def _readings(readings: object, pointer: str, parts: dict[str, list[Fault]]) -> list[Reading]:
    # Not strict, so that 2.0 is a whole number, as it is in JSON Schema; types were checked by the schema.
    return [
        REFUSED if f"{pointer}/readings/{place}" in parts else msgspec.convert(reading, Reading, strict=False)
        for place, reading in enumerate(msgspec.convert(readings, list[object]))
    ]


def _further_faults(document: object, device_id: str) -> list[Fault]:
    """Return what the schema cannot see: another device's id, and times that are none."""
    if not isinstance(document, dict):
        return []
    faults = []
    named = document.get("device_id", device_id)
    if isinstance(named, str) and named != device_id:
        faults.append(identity_mismatch("/device_id", named, device_id))
    if isinstance(document.get("measured_at"), str):
        try:
            parse_instant(document["measured_at"], "/measured_at")
        except PayloadError as error:
            faults += error.faults
    return faults
