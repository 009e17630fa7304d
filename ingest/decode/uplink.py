"""A LoRaWAN uplink, whichever network server sent it: from its payload to rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ingest.decode.context import DecodeContext
from ingest.decode.device_models import REGISTER_ITS_MODEL, Model
from ingest.decode.guard import describe
from ingest.decode.instants import check_measured_at
from ingest.decode.notes import Notes
from ingest.decode.recognise import recognise
from ingest.decode.spelling import names_of, respell, spread
from ingest.decode.uplink_message import Uplink
from ingest.decode.uplink_rows import UplinkRows
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, DeviceStatus, Message
from ingest.stream_units import StreamReader


def decode_uplink(uplink: Uplink, message: Message, context: DecodeContext) -> Decoded:
    """Return rows per channel and instant, and one status row with battery and signal.

    The decoded payload is taken first; where it is missing or says nothing of the model, the bytes by their model. Of a
    model whose maker's codec is known to be wrong the bytes are taken first.
    Raises: PayloadError: undecoded (bytes of an unknown model), no_known_field, a wrong time, a broken frame.
    """
    found = recognise(context.model_of.get(uplink.device_id), uplink.names, names_of(uplink.fields or {}))
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
        return _empty(uplink)
    if uplink.fields:
        spelt = spread(uplink.fields) if model is None else respell(uplink.fields, model)
        uplink = uplink if spelt is uplink.fields else replace(uplink, fields=spelt)
    reader = reader or StreamReader({}, 0)
    rows = UplinkRows(uplink, model, received_at, reader, notes)
    known = 0
    if model is not None and model.bytes_first and uplink.fields and uplink.data:
        known = _try_bytes(rows)
    if known == 0 and uplink.fields:
        if notes is not None:
            notes.read.append("decoded payload")
        known = rows.read(uplink.fields, uplink.fields_pointer)
    if known == 0:
        known = rows.read_bytes()
    if known == 0:
        raise PayloadError(*uplink.unread, _nothing_known(uplink))
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
        streams={uplink.device_id: reader.changes} if reader.changes else {},
    )


def _empty(uplink: Uplink) -> Decoded:
    """Return that an uplink carries nothing. Raises: PayloadError where what it carries could not be read."""
    if uplink.unread:
        raise PayloadError(*uplink.unread)
    return Decoded(ignored="empty_uplink", device_id=uplink.device_id)


def _try_bytes(rows: UplinkRows) -> int:
    """Read the bytes; 0 when they are no frame of the model, so that its decoded payload is read instead."""
    try:
        return rows.read_bytes()
    except PayloadError:
        return 0


def _nothing_known(uplink: Uplink) -> Fault:
    if uplink.fields:
        got = describe(", ".join(uplink.fields))
        expected = "fields of a model in schemas/devices"
        return Fault(uplink.fields_pointer, "no_known_field", got, expected, REGISTER_ITS_MODEL)
    return Fault(
        uplink.data_pointer,
        "undecoded",
        f"{len(uplink.data)} bytes on port {uplink.f_port}: {uplink.data[:24].hex()}",
        "a decoded payload, or a device registered with a model whose frames are public",
        "Add a payload codec at the network server, or register the model.",
    )
