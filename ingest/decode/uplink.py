"""A LoRaWAN uplink, whichever network server sent it: from its payload to rows."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ingest.decode.context import DecodeContext
from ingest.decode.device_models import Clock, Model
from ingest.decode.frames.families import FAMILIES
from ingest.decode.frames.frame import Frame
from ingest.decode.guard import describe
from ingest.decode.instants import check_measured_at, parse_instant, parse_unix_ms, parse_unix_s
from ingest.decode.measurements import Measurements
from ingest.decode.notes import Notes
from ingest.decode.payload_fields import read_fields
from ingest.decode.recognise import recognise
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, DeviceStatus, Message, PartFault, SoilReading, WeatherReading
from ingest.stream_units import StreamReader

MOST_APART = timedelta(hours=24)
"""Device and network clock further apart than this, and no history: the reading is quarantined (soil.md, section 1)."""

_CLOCKS = {"rfc3339": parse_instant, "unix_s": parse_unix_s, "unix_ms": parse_unix_ms}


@dataclass(frozen=True, slots=True)
class Uplink:
    """What an envelope says around the payload.

    device_id: DevEUI, lower case
    heard_at: the network server's receive time
    key: identity of the uplink; the same for every copy of it
    names: what the network server calls the model, best first
    fields: the decoded payload; None when there is none
    data: the frame's bytes; empty when there are none
    rssi_dbm, snr_db: of the best gateway
    """

    device_id: str
    heard_at: datetime
    key: str
    names: tuple[str, ...]
    fields: Mapping[str, object] | None
    fields_pointer: str
    data: bytes
    data_pointer: str
    f_port: int | None
    seq: int
    rssi_dbm: float | None = None
    snr_db: float | None = None
    firmware: str | None = None


class _Rows:
    """Rows of one uplink, as they are found."""

    def __init__(self, uplink: Uplink, model: Model | None, reader: StreamReader, notes: Notes | None) -> None:
        self.uplink = uplink
        self.reader = reader
        self.notes = notes
        self.model_id = model.model_id if model else None
        self.soil: list[SoilReading] = []
        self.weather: list[WeatherReading] = []
        self.refused: list[PartFault] = []
        self.status: dict[str, float] = {}

    def add(self, measured: Measurements, measured_at: datetime, time_source: str, quarantine: str | None) -> None:
        # One uplink brings many instants of the device's own clock: each is told by its instant, not by the uplink.
        key = self.uplink.key if time_source == "network" else f"{self.uplink.key}@{measured_at:%Y%m%dT%H%M%S}"
        self.soil += measured.soil_rows(
            self.uplink.device_id,
            measured_at,
            time_source,
            model=self.model_id,
            quarantine=quarantine,
            uplink_key=key,
            device_seq=self.uplink.seq,
        )
        self.weather += measured.weather_rows(self.uplink.device_id, measured_at, time_source, uplink_key=key)
        self.refused += measured.refused


def decode_uplink(uplink: Uplink, message: Message, context: DecodeContext) -> Decoded:
    """Return rows per channel and instant, and one status row with battery and signal.

    The decoded payload is taken first; where it is missing or says nothing of the model, the bytes by their model. Of a
    model whose maker's codec is known to be wrong the bytes are taken first.
    Raises: PayloadError: undecoded (bytes of an unknown model), no_known_field, a wrong time, a broken frame.
    """
    found = recognise(context.model_of.get(uplink.device_id), uplink.names, uplink.fields or ())
    if context.notes is not None:
        context.notes.model, context.notes.why = found
    reader = StreamReader(context.streams.of_device(uplink.device_id), message.message_seq)
    return decode_uplink_of(uplink, found.model, message.latest_at, context.notes, reader)


def decode_uplink_of(
    uplink: Uplink,
    model: Model | None,
    received_at: datetime,
    notes: Notes | None = None,
    reader: StreamReader | None = None,
) -> Decoded:
    """Return the rows of an uplink whose model is known to be `model`, or unknown (None); as `decode_uplink`.

    reader: of the device's streams; without one the device has never sent anything
    """
    fault = check_measured_at(uplink.heard_at, received_at)
    if fault is not None:
        raise PayloadError(fault)
    if not uplink.fields and not uplink.data:
        return Decoded(ignored="empty_uplink", device_id=uplink.device_id)
    rows = _Rows(uplink, model, reader or StreamReader({}, 0), notes)
    known = 0
    if model is not None and model.bytes_first and uplink.fields and uplink.data:
        known = _try_bytes(rows, model, received_at)
    if known == 0 and uplink.fields:
        if notes is not None:
            notes.read.append("decoded payload")
        known = _read(rows, uplink.fields, model, uplink.fields_pointer, received_at)
    if known == 0 and uplink.data and model is not None and model.frame is not None:
        known = _read_bytes(rows, model, received_at)
    if known == 0:
        raise PayloadError(_nothing_known(uplink))
    if model is None and not (rows.soil or rows.weather) and rows.refused:
        raise PayloadError(*(fault for part in rows.refused for fault in part.faults))
    status = DeviceStatus(
        device_id=uplink.device_id,
        reported_at=uplink.heard_at,
        battery_v=rows.status.get("battery_v"),
        battery_pct=rows.status.get("battery_pct"),
        rssi_dbm=uplink.rssi_dbm,
        snr_db=uplink.snr_db,
        device_seq=uplink.seq,
        firmware=uplink.firmware,
    )
    return Decoded(
        soil=tuple(rows.soil),
        weather=tuple(rows.weather),
        status=(status,),
        parts_refused=tuple(rows.refused),
        device_id=uplink.device_id,
        streams={uplink.device_id: rows.reader.changes} if rows.reader.changes else {},
    )


def read_base64(text: object, pointer: str) -> bytes:
    """Return the bytes of a frame; missing and empty text are no bytes. Raises: PayloadError (bad_base64)."""
    if text is None:
        return b""
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise PayloadError(
        Fault(pointer, "bad_base64", describe(text), "base64 (RFC 4648)", "Check the network server's integration.")
    )


def payload_hash(data: bytes) -> str:
    """Return 16 hex digits that tell payloads of one counter apart."""
    return hashlib.sha256(data).hexdigest()[:16]


def _try_bytes(rows: _Rows, model: Model, received_at: datetime) -> int:
    """Read the bytes; 0 when they are no frame of the model, so that its decoded payload is read instead."""
    try:
        return _read_bytes(rows, model, received_at)
    except PayloadError:
        return 0


def _read_bytes(rows: _Rows, model: Model, received_at: datetime) -> int:
    """Add the rows that the frame gives, and what could not be read of it.

    Returns more than 0: a frame of the model that measures nothing (a start-up report) is understood all the same.
    Raises: PayloadError when nothing of the frame can be read.
    """
    uplink = rows.uplink
    frame = _decode_frame(uplink, model)
    if rows.notes is not None:
        rows.notes.read.append("bytes")
    rows.refused += [PartFault(uplink.data_pointer, (_placed(fault, uplink),)) for fault in frame.unread]
    return 1 + _read(rows, frame.fields, model, uplink.data_pointer, received_at, frame.quarantine)


def _decode_frame(uplink: Uplink, model: Model) -> Frame:
    settings = model.frame or {}
    try:
        return FAMILIES[str(settings["family"])](uplink.data, uplink.f_port, settings)
    except PayloadError as error:
        raise PayloadError(*(_placed(fault, uplink) for fault in error.faults)) from error


def _placed(fault: Fault, uplink: Uplink) -> Fault:
    return replace(fault, pointer=uplink.data_pointer)


def _read(
    rows: _Rows,
    fields: Mapping[str, object],
    model: Model | None,
    pointer: str,
    received_at: datetime,
    quarantine: str | None = None,
) -> int:
    """Add the rows that `fields` give, history included; return how many fields are known."""
    measured, known = read_fields(fields, model, pointer, rows.reader, rows.notes)
    rows.status |= measured.status
    measured_at, time_source = rows.uplink.heard_at, "network"
    if model is not None and model.time is not None and fields.get(model.time.field) is not None:
        try:
            measured_at = _instant(fields[model.time.field], model.time, received_at, f"{pointer}/{model.time.field}")
        except PayloadError as error:
            rows.refused.append(PartFault(pointer, error.faults))
            return known + 1
        time_source = "device"
        apart = abs(measured_at - rows.uplink.heard_at)
        if apart > MOST_APART:
            quarantine = f"clocks_apart: device and network differ by {apart.total_seconds() / 3600:.1f} h"
    rows.add(measured, measured_at, time_source, quarantine)
    if model is not None and model.history is not None and isinstance(fields.get(model.history[0]), list):
        known += _read_history(rows, fields[model.history[0]], model, f"{pointer}/{model.history[0]}", received_at)
    return known


def _read_history(rows: _Rows, records: object, model: Model, pointer: str, received_at: datetime) -> int:
    if model.history is None or not isinstance(records, list):
        return 0
    clock = model.history[1]
    for place, record in enumerate(records):
        here = f"{pointer}/{place}"
        if not isinstance(record, dict):
            fault = Fault(here, "wrong_type", describe(record), "an object", "Check the payload codec.")
            rows.refused.append(PartFault(here, (fault,)))
            continue
        try:
            measured_at = _instant(record.get(clock.field), clock, received_at, f"{here}/{clock.field}")
        except PayloadError as error:
            rows.refused.append(PartFault(here, error.faults))
            continue
        measured, _ = read_fields(record, model, here, rows.reader, rows.notes)
        rows.add(measured, measured_at, "device", None)
    return len(records)


def _instant(value: object, clock: Clock, received_at: datetime, pointer: str) -> datetime:
    instant = _CLOCKS[clock.format](value, pointer)
    fault = check_measured_at(instant, received_at, pointer)
    if fault is not None:
        raise PayloadError(fault)
    return instant


def _nothing_known(uplink: Uplink) -> Fault:
    if uplink.fields:
        got = describe(", ".join(uplink.fields))
        expected = "fields of a model in schemas/devices"
        return Fault(uplink.fields_pointer, "no_known_field", got, expected, "Register the device with its model.")
    return Fault(
        uplink.data_pointer,
        "undecoded",
        f"{len(uplink.data)} bytes on port {uplink.f_port}: {uplink.data[:24].hex()}",
        "a decoded payload, or a device registered with a model whose frames are public",
        "Add a payload codec at the network server, or register the model.",
    )
