"""The native soil message as types, read in one pass when it has no fault and part by part when it has.

The contract is schemas/messages/soil_reading.schema.json; a test holds the bounds here and there together.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ingest.decode.guard import parse_json_around_nan
from ingest.decode.schema_faults import schema_faults
from ingest.errors import Fault, PayloadError

SCHEMA: Final = "greening.soil_reading/1"
LARGEST_SEQ = 2**53 - 1
MOST_READINGS = 256
_NEVER = 10**9


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One measured value; depth in cm, or channel from 1."""

    quantity: str
    value: float
    unit: str
    depth_cm: Annotated[float, Meta(ge=0, le=1000)] | UnsetType = UNSET
    channel: Annotated[int, Meta(ge=1, le=64)] | UnsetType = UNSET


Readings = Annotated[list[Reading], Meta(min_length=1, max_length=MOST_READINGS)]


class Sample(msgspec.Struct, frozen=True):
    """What was measured at one instant (text as received)."""

    measured_at: str
    readings: Readings


class SoilMessage(msgspec.Struct, frozen=True):
    """A whole message: `measured_at` and `readings`, or `samples`."""

    schema: Literal["greening.soil_reading/1"]
    device_id: str | UnsetType = UNSET
    seq: Annotated[int, Meta(ge=0, le=LARGEST_SEQ)] | UnsetType = UNSET
    measured_at: str | UnsetType = UNSET
    readings: Readings | UnsetType = UNSET
    samples: Annotated[list[Sample], Meta(min_length=1, max_length=2000)] | UnsetType = UNSET
    battery_v: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET
    battery_pct: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET
    rssi_dbm: Annotated[float, Meta(ge=-200, le=50)] | UnsetType = UNSET
    ack: Literal[0, 1] | UnsetType = UNSET


REFUSED = Reading("", 0.0, "")
"""Stands where a refused reading stood, so that the others keep their place in the message."""

NO_TIME = "no time"
"""Stands, itself and not its like, where a sample says no time."""

_decoder = msgspec.json.Decoder(SoilMessage)
decode_soil_message = _decoder.decode
"""Reads a message that fits the contract but for what types cannot say: keys written twice, keys without a name."""

_SINGLE_VALUES = ("device_id", "seq", "measured_at", "battery_v", "battery_pct", "rssi_dbm", "ack")
_PART = re.compile(r"(?:/samples/[0-9]+)?/readings/[0-9]+|/samples/[0-9]+|/(?:battery_v|battery_pct|rssi_dbm)")


def read_without_fault(payload: bytes) -> SoilMessage | None:
    """Return the message when it plainly fits the contract; None says nothing but that it must be looked at closely.

    No key is written twice when the payload has as many colons as the keys and times that were read: a second key,
    or a key that the contract does not name, would bring one more. A backslash could hide one, so it is not plain.
    """
    if b"\\" in payload:
        return None
    try:
        said = decode_soil_message(payload)
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


def read_with_faults(payload: bytes, *, limit_bytes: int) -> tuple[SoilMessage, dict[str, list[Fault]]]:
    """Return what can be read of the message, `REFUSED` in the place of wrong readings, and the faults by their part.

    A part is a reading, a sample, the battery or the signal; the part "" is the message as a whole. Also of a message
    or sample that is wrong as a whole everything is returned that can be read, so that all its faults are found.
    Raises: PayloadError when it is no JSON object.
    """
    document, no_numbers = parse_json_around_nan(payload, limit_bytes=limit_bytes)
    parts: dict[str, list[Fault]] = {}
    told = {fault.pointer for fault in no_numbers}
    against = (fault for fault in schema_faults("soil_reading", document) if fault.pointer not in told)
    for fault in (*no_numbers, *against):
        part = _PART.match(fault.pointer)
        parts.setdefault(part.group() if part else "", []).append(fault)
    if not isinstance(document, dict):
        raise PayloadError(*parts[""])
    wrong = {fault.pointer for found in parts.values() for fault in found}
    kept = {
        name: document[name]
        for name in _SINGLE_VALUES
        if name in document and f"/{name}" not in wrong and document[name] is not None
    }
    if "seq" in kept:
        kept["seq"] = int(kept["seq"])  # 5.0 is a whole number in JSON Schema
    if isinstance(document.get("readings"), list):
        kept["readings"] = _readings(document["readings"], "", parts)
    if isinstance(document.get("samples"), list):
        kept["samples"] = [
            _sample(sample, f"/samples/{place}", parts) for place, sample in enumerate(document["samples"])
        ]
    return SoilMessage(schema=SCHEMA, **kept), parts


def _sample(sample: object, pointer: str, parts: dict[str, list[Fault]]) -> Sample:
    if not isinstance(sample, dict):
        return Sample(NO_TIME, [])
    measured_at, readings = sample.get("measured_at"), sample.get("readings")
    return Sample(
        measured_at if isinstance(measured_at, str) else NO_TIME,
        _readings(readings, pointer, parts) if isinstance(readings, list) else [],
    )


def _readings(readings: list[object], pointer: str, parts: dict[str, list[Fault]]) -> list[Reading]:
    """Return the readings that can be read; one that only the schema let pass is refused with what msgspec says."""
    read = []
    for place, reading in enumerate(readings):
        here = f"{pointer}/readings/{place}"
        if here not in parts:
            try:
                # Not strict, so that 2.0 is a whole number, as it is in JSON Schema; types were checked by the schema.
                read.append(msgspec.convert(reading, Reading, strict=False))
                continue
            except msgspec.ValidationError as error:
                against = Fault(here, "against_schema", str(error)[:80], "schemas/messages/soil_reading", "See there.")
                parts.setdefault(here if pointer not in parts else pointer, []).append(against)
        read.append(REFUSED)
    return read
