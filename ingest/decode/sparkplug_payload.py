"""The payload of Sparkplug B: protobuf bytes to plain values, and the one command that we send.

Messages, fields and numbers are those of the public definition (Eclipse Sparkplug 3.0.0, section 6.4.1; Eclipse Tahu,
sparkplug_b.proto), described here as far as they are read: data sets, templates, files and extensions are skipped as
protobuf skips what it does not know. `google.protobuf` reads the bytes; it stops at 100 levels of nesting.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from ingest.decode.guard import describe
from ingest.errors import Fault, PayloadError

LIMIT_BYTES = 64 * 1024
MOST_METRICS = 5_000
REBIRTH = "Node Control/Rebirth"
BD_SEQ = "bdSeq"

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "greensward.sparkplug_b"
# name: number, type (a message by its name). Repeated ones end with "*".
_DEFINITION: dict[str, dict[str, tuple[int, int | str]]] = {
    "Payload": {
        "timestamp": (1, _Field.TYPE_UINT64),
        "metrics*": (2, "Metric"),
        "seq": (3, _Field.TYPE_UINT64),
    },
    "Metric": {
        "name": (1, _Field.TYPE_STRING),
        "alias": (2, _Field.TYPE_UINT64),
        "timestamp": (3, _Field.TYPE_UINT64),
        "datatype": (4, _Field.TYPE_UINT32),
        "is_historical": (5, _Field.TYPE_BOOL),
        "is_transient": (6, _Field.TYPE_BOOL),
        "is_null": (7, _Field.TYPE_BOOL),
        "properties": (9, "PropertySet"),
        "int_value": (10, _Field.TYPE_UINT32),
        "long_value": (11, _Field.TYPE_UINT64),
        "float_value": (12, _Field.TYPE_FLOAT),
        "double_value": (13, _Field.TYPE_DOUBLE),
        "boolean_value": (14, _Field.TYPE_BOOL),
        "string_value": (15, _Field.TYPE_STRING),
    },
    "PropertySet": {"keys*": (1, _Field.TYPE_STRING), "values*": (2, "PropertyValue")},
    "PropertyValue": {"string_value": (8, _Field.TYPE_STRING)},
}
_SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
"""Bits of the data types Int8 to Int64, which travel as two's complement in an unsigned field."""
_BOOLEAN = 11
_LARGEST_COUNTER = 2**63 - 1
"""What the tables hold; seq and bdSeq run from 0 to 255, and what is larger counts nothing."""
_LONGEST_UNIT = 64
_UNIT_KEYS = {"engunit", "engunits", "engineeringunit", "engineeringunits", "unit", "units"}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it came; None for what it does not say.

    timestamp_ms: milliseconds since 1970, UTC
    value: the number as it travelled, see `signed`; None also for a kind of value that is not read
    unit: of the property engUnit
    """

    name: str | None
    alias: int | None
    timestamp_ms: int | None
    datatype: int | None
    is_historical: bool
    is_transient: bool
    value: float | str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Payload:
    """One Sparkplug B payload."""

    timestamp_ms: int | None
    seq: int | None
    metrics: tuple[Metric, ...]


def read_payload(payload: bytes) -> Payload:
    """Return the payload. Raises: PayloadError (too_large, malformed_protobuf, too_many, not_utf8)."""
    if len(payload) > LIMIT_BYTES:
        got = f"{len(payload)} bytes"
        raise PayloadError(Fault("", "too_large", got, f"at most {LIMIT_BYTES} bytes", "Send it in smaller parts."))
    said = _message("Payload")
    try:
        said.ParseFromString(payload)
        if len(said.metrics) > MOST_METRICS:
            got = f"{len(said.metrics)} metrics"
            raise PayloadError(Fault("/metrics", "too_many", got, f"at most {MOST_METRICS}", "Send several messages."))
        return Payload(
            _of(said, "timestamp"), counter(_of(said, "seq")), tuple(_metric(metric) for metric in said.metrics)
        )
    except DecodeError as error:
        got = f"{len(payload)} bytes: {payload[:24].hex()}"
        fault = Fault("", "malformed_protobuf", got, "a Sparkplug B payload", "Check the encoder.")
        raise PayloadError(fault) from error


def counter(value: object) -> int | None:
    """Return a sequence number; None when it is none, or larger than the tables hold."""
    return value if type(value) is int and 0 <= value <= _LARGEST_COUNTER else None


def signed(value: float | str | None, datatype: int | None) -> float | str | None:
    """Return an integer with its sign: Int8 to Int64 travel unsigned, as two's complement."""
    bits = _SIGNED_BITS.get(datatype or 0)
    if bits is None or type(value) is not int:
        return value
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def rebirth_command(at: datetime) -> bytes:
    """Return the payload of an NCMD that asks an edge node for its birth certificates (Sparkplug 3.0.0, 6.4.25)."""
    said = _message("Payload")
    said.timestamp = int(at.timestamp() * 1000)
    metric = said.metrics.add()
    metric.name, metric.timestamp, metric.datatype, metric.boolean_value = REBIRTH, said.timestamp, _BOOLEAN, True
    sent: bytes = said.SerializeToString(deterministic=True)
    return sent


def _metric(metric: Any) -> Metric:
    return Metric(
        name=_text(metric.name) if metric.HasField("name") else None,
        alias=_of(metric, "alias"),
        timestamp_ms=_of(metric, "timestamp"),
        datatype=_of(metric, "datatype"),
        is_historical=metric.is_historical,
        is_transient=metric.is_transient,
        value=None if metric.is_null else _value(metric),
        unit=_unit(metric.properties) if metric.HasField("properties") else None,
    )


def _value(metric: Any) -> float | str | None:
    if any(math.isnan(getattr(metric, name)) for name in ("float_value", "double_value")):
        return None  # how floating point says that there is no value
    if metric.HasField("float_value"):
        return float(f"{metric.float_value:.7g}")  # single precision holds seven digits; the others are noise
    if metric.HasField("string_value"):
        return _text(metric.string_value)
    for name in ("double_value", "int_value", "long_value"):
        if metric.HasField(name):
            value: float = getattr(metric, name)
            return value
    return None


def _unit(properties: Any) -> str | None:
    for key, value in zip(properties.keys, properties.values, strict=False):
        if _text(key).lower().replace(" ", "").replace("_", "") in _UNIT_KEYS and value.string_value:
            unit = _text(value.string_value)
            return unit if len(unit) <= _LONGEST_UNIT else None
    return None


def _text(value: str | bytes) -> str:
    """Return a text; protobuf hands out bytes where it is not UTF-8."""
    if isinstance(value, bytes):
        raise PayloadError(Fault("", "not_utf8", describe(value), "UTF-8", "Encode names and texts as UTF-8."))
    return value


def _of(message: Any, name: str) -> Any:
    return getattr(message, name) if message.HasField(name) else None


def _message(name: str) -> Any:
    return _classes()[name]()


@functools.cache
def _classes() -> dict[str, Any]:
    """Return the message classes, in a pool of our own: a program that has Tahu's loaded keeps both apart."""
    file = descriptor_pb2.FileDescriptorProto(name="greensward/sparkplug_b.proto", package=_PACKAGE, syntax="proto2")
    for message, fields in _DEFINITION.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            field = described.field.add(name=name.rstrip("*"), number=number)
            field.label = _Field.LABEL_REPEATED if name.endswith("*") else _Field.LABEL_OPTIONAL
            if isinstance(kind, str):
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"{_PACKAGE}.{name}") for name in _DEFINITION}
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}
