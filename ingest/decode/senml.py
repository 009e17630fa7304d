"""SenML (RFC 8428), JSON or CBOR: greensward/v1/{district}/{device_id}/senml.

A record's name is its base name and its own name. Its levels end at "/" and ":", and the last is the quantity, by the
words of `field_names`; the one before may say how deep (`10cm`) or which channel (`ch2`). What stands before that
names the sender: nothing, the device id of the topic, or a URN that ends with it (`urn:dev:mac:0024befffe804ff1:` or,
as RFC 9039 writes it, `urn:dev:mac:0024befffe804ff1_10cm/soil_moisture`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from ingest.decode.cbor import parse_cbor
from ingest.decode.context import DecodeContext
from ingest.decode.device_models import Model, all_models
from ingest.decode.field_names import is_place, read_name
from ingest.decode.guard import describe, parse_json
from ingest.decode.instants import parse_unix_s
from ingest.decode.property_report import PropertyReport
from ingest.decode.quantities import units_of
from ingest.decode.replies import reply_to
from ingest.decode.spelling import fold
from ingest.decode.topics import device_of, identity_mismatch, reply_topic
from ingest.decode.uplink_message import payload_hash
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, Message

LIMIT_BYTES = 64 * 1024
MOST_RECORDS = 5_000
_MOST_LEVELS = 2
_VERSION = 10
_VERSIONS = (*range(1, _VERSION + 1), 26)
"""26 is 10 and the units of RFC 8798 (RFC 9100, section 4)."""
_RELATIVE_BELOW_S = 2**28
"""Times below are seconds from now, others since 1970 (RFC 8428, section 4.5.3)."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]{0,255}")
_VALUES = ("v", "vs", "vb", "vd")
_BASE_NUMBERS, _BASE_TEXTS = ("bt", "bv", "bs", "bver"), ("bn", "bu")
_NUMBERS, _TEXTS = ("t", "v", "s", "ut"), ("n", "u", "vs", "vd")
_LABELS = ("bs", "bv", "bu", "bt", "bn", "bver", "n", "u", "v", "vs", "vb", "s", "t", "ut", "vd")
_CBOR_LABELS = dict(enumerate(_LABELS, start=-6))
_UNITS = {"/": "1", "/100": "%", "%EL": "%", "%RH": "%"}
"""SenML's own units that UCUM writes in another way (RFC 8428, section 12.1; RFC 8798)."""
_ONLY_FOR = {"%RH": "relative_humidity", "%EL": "battery_level"}


@dataclass(slots=True)
class _Base:
    """What earlier records set for the later ones."""

    name: str = ""
    time: float = 0.0
    unit: str | None = None
    value: float | None = None


def decode_senml(message: Message, context: DecodeContext) -> Decoded:
    """Return the rows of a SenML pack; records that are wrong are refused alone, wrong base values refuse the pack.

    measured_at is the record's absolute time; relative times count from the arrival of the message.
    Raises: PayloadError with every fault.
    """
    device_id = device_of(message.topic, context.site)
    try:
        decoded = _decode(message, context, device_id)
    except PayloadError as error:
        error.device_id = device_id
        raise
    if not decoded.parts_refused:
        return decoded
    faults = [fault for part in decoded.parts_refused for fault in part.faults]
    rows = len(decoded.soil) + len(decoded.weather) + len(decoded.status)
    reply = reply_to(message, reply_topic(message.topic), accepted=True, rows=rows, faults=faults)
    return msgspec.structs.replace(decoded, reply=reply)


def _decode(message: Message, context: DecodeContext, device_id: str) -> Decoded:
    if _is_cbor(message.payload):
        pack = _named_labels(parse_cbor(message.payload, limit_bytes=LIMIT_BYTES))
    else:
        pack = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
    if not isinstance(pack, list):
        raise PayloadError(_wrong("", pack, "a list of records"))
    if len(pack) > MOST_RECORDS:
        got = f"{len(pack)} records"
        raise PayloadError(Fault("", "too_many", got, f"at most {MOST_RECORDS}", "Send several packs."))
    report = PropertyReport(message, context, "senml")
    model = all_models().get(context.model_of.get(device_id, ""))
    _add_records(report, pack, device_id, model, payload_hash(message.payload))
    return report.decoded(device_id, "")


def _is_cbor(payload: bytes) -> bool:
    """Say whether a pack is CBOR: a list there begins with a byte from 0x80 to 0x9f, which no JSON text begins with."""
    return bool(payload) and 0x80 <= payload[0] <= 0x9F  # noqa: PLR2004 - as the docstring says


def _named_labels(pack: object) -> object:
    """Return a pack of CBOR with JSON's labels for the whole numbers (RFC 8428, table 6); vd becomes base64url again.

    Raises: PayloadError for a label that is no field of SenML, and for a field given twice.
    """
    if not isinstance(pack, list):
        return pack
    named: list[object] = []
    for place, record in enumerate(pack):
        if not isinstance(record, dict):
            named.append(record)
            continue
        fields: dict[str, object] = {}
        for label, value in record.items():
            name = label if isinstance(label, str) else _CBOR_LABELS.get(label, "")
            if not name or name in fields:
                expected = "each label of RFC 8428, table 6, once"
                raise PayloadError(_wrong(f"/{place}", f"the label {label}", expected))
            is_data = name == "vd" and isinstance(value, bytes)
            fields[name] = base64.urlsafe_b64encode(value).decode().rstrip("=") if is_data else value
        named.append(fields)
    return named


def _add_records(report: PropertyReport, pack: list[object], device_id: str, model: Model | None, digest: str) -> None:
    """Add the records; the fields of a registered model are names, too."""
    fields = frozenset(fold(name) for name in model.fields) if model else frozenset()
    base = _Base()
    for place, record in enumerate(pack):
        pointer = f"/{place}"
        _set_base(base, record, pointer)
        try:
            said = _checked(record, pointer)
            if not said.keys() & {"n", "u", "t", *_VALUES, "s"}:
                continue  # a record of base values only
            name = _quantity_name(base.name + str(said.get("n", "")), device_id, fields, pointer)
            value = _value(base, said, name, pointer)
            measured_at, after = _instant(base.time + _number(said, "t"), pointer)
        except PayloadError as error:
            report.refuse(pointer, *error.faults)
            continue
        report.add_value(device_id, name, value, pointer, measured_at=measured_at, after=after, once=digest)


def _checked(record: object, pointer: str) -> Mapping[str, object]:
    """Return a record whose fields are of their types. Raises: PayloadError with every fault."""
    if not isinstance(record, dict):
        raise PayloadError(_wrong(pointer, record, "an object"))
    faults = _wrong_types(record, pointer, _NUMBERS, _TEXTS)
    must = [str(name) for name in record if name.endswith("_")]
    faults += [
        Fault(
            f"{pointer}/{name}",
            "value_not_allowed",
            describe(name),
            "no field that must be understood",
            "Leave it out.",
        )
        for name in must
    ]
    if sum(name in record for name in _VALUES) > 1:
        got = ", ".join(name for name in _VALUES if name in record)
        faults.append(Fault(pointer, "not_together", got, "one value", "Send one of v, vs, vb and vd."))
    if faults:
        raise PayloadError(*faults)
    return record


def _wrong_types(
    record: Mapping[str, object], pointer: str, numbers: Iterable[str], texts: Iterable[str]
) -> list[Fault]:
    faults = [_wrong(f"{pointer}/{name}", record[name], "a number") for name in numbers if not _is_number(record, name)]
    return faults + [
        _wrong(f"{pointer}/{name}", record[name], "a text")
        for name in texts
        if name in record and not isinstance(record[name], str)
    ]


def _is_number(record: Mapping[str, object], name: str) -> bool:
    value = record.get(name, 0)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(record: Mapping[str, object], name: str) -> float:
    value = record.get(name, 0)
    assert isinstance(value, int | float)
    return float(value)


def _set_base(base: _Base, said: object, pointer: str) -> None:
    """Take over the base values of a record, also of one that is refused for something else.

    Raises: PayloadError for a wrong one: of all records after it nobody knows whose and of when they are.
    """
    if not isinstance(said, dict):
        return
    faults = _wrong_types(said, pointer, _BASE_NUMBERS, _BASE_TEXTS)
    if faults:
        raise PayloadError(*faults)
    if said.get("bver", _VERSION) not in _VERSIONS:
        fault = Fault(
            f"{pointer}/bver",
            "value_not_allowed",
            describe(said["bver"]),
            "at most 10, or 26",
            "Send SenML of RFC 8428.",
        )
        raise PayloadError(fault)
    base.name = str(said.get("bn", base.name))
    base.unit = str(said["bu"]) if "bu" in said else base.unit
    base.time = _number(said, "bt") if "bt" in said else base.time
    base.value = _number(said, "bv") if "bv" in said else base.value


def _quantity_name(name: str, device_id: str, fields: frozenset[str], pointer: str) -> str:
    """Return the part of a record's name that says depth or channel, and quantity. Raises: PayloadError.

    fields: folded, of the registered model
    """
    if not _NAME.fullmatch(name):
        expected = "a name of A-Z a-z 0-9 - : . / _, the first a letter or digit"
        raise PayloadError(Fault(f"{pointer}/n", "wrong_form", describe(name), expected, "Send bn and n in that form."))
    sender = re.compile(rf"(?:urn:(?:[^/]*:)?)?{re.escape(device_id)}[/:_]", re.IGNORECASE).match(name)
    levels = re.split("[/:]", name[sender.end() :] if sender else name)
    found = "/".join(levels)
    named = read_name(found)
    if len(levels) > _MOST_LEVELS or (len(levels) == _MOST_LEVELS and not is_place(levels[0])):
        raise PayloadError(identity_mismatch(f"{pointer}/n", name, f"a name of {device_id}"))
    if named is not None or fold(levels[-1]) in fields:
        return found
    expected = "a name that ends with a quantity, for example 10cm/soil_moisture"
    advice = "Name the quantity as docs/other-formats.md does."
    raise PayloadError(Fault(f"{pointer}/n", "unknown_quantity", describe(name), expected, advice))


def _value(base: _Base, said: Mapping[str, object], name: str, pointer: str) -> object:
    """Return the value with its unit, as `field_values.read_value` takes it. Raises: PayloadError.

    Where a record has no value, the base value is (RFC 8428, section 4.5.4: the missing one of the two is zero).
    """
    value: object = next((said[key] for key in _VALUES if key in said), None)
    if "s" in said and value is None:
        expected, advice = "a measured value (v)", "A sum (s) is no measurement; send v."
        raise PayloadError(Fault(pointer, "value_not_understood", "a sum", expected, advice))
    if value is None and base.value is None:
        raise PayloadError(Fault(f"{pointer}/v", "missing", "nothing", "a measured value (v)", "Send v."))
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        value = (value or 0) + (base.value or 0.0)
    unit = said.get("u", base.unit)
    named = read_name(name)
    quantity = named.quantity if named else ""
    if unit is None:
        if named and named.needs_unit:
            expected = f"one of {', '.join(units_of(quantity))}"
            raise PayloadError(Fault(f"{pointer}/u", "unit_not_known", "nothing", expected, "Send u or bu."))
        return value
    if _ONLY_FOR.get(str(unit), quantity) != quantity:
        expected = f"one of {', '.join(units_of(quantity))}"
        raise PayloadError(Fault(f"{pointer}/u", "unit_not_allowed", describe(unit), expected, "Send its own unit."))
    return {"value": value, "unit": _UNITS.get(str(unit), unit)}


def _instant(time_s: float, pointer: str) -> tuple[datetime | None, timedelta]:
    """Return the instant, or None and how long after the arrival. Raises: PayloadError (bad_instant)."""
    if time_s >= _RELATIVE_BELOW_S:
        return parse_unix_s(time_s, f"{pointer}/t"), timedelta()
    if time_s < -_RELATIVE_BELOW_S:
        expected, advice = "at most 2^28 s ago", "Send an absolute time."
        raise PayloadError(Fault(f"{pointer}/t", "bad_instant", describe(time_s), expected, advice))
    return None, timedelta(seconds=time_s)


def _wrong(pointer: str, got: object, expected: str) -> Fault:
    return Fault(pointer, "wrong_type", describe(got), expected, "Send SenML as RFC 8428 describes it.")
