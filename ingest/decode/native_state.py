"""Whether a device is online: greensward/v1/{district}/{device_id}/state, retained, also the device's last will."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingest.decode.context import DecodeContext
from ingest.decode.guard import parse_json
from ingest.decode.instants import check_measured_at, parse_instant
from ingest.decode.replies import reply_to
from ingest.decode.schema_faults import schema_faults
from ingest.decode.topics import device_of, identity_mismatch, names_another, reply_topic
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, DeviceStatus, Message

LIMIT_BYTES = 64 * 1024
_WORDS = (b"online", b"offline")


def decode_native_state(message: Message, context: DecodeContext) -> Decoded:
    """Return one status row; `{"state": …}` by the contract device_state, or the bare word online or offline.

    An empty payload is how MQTT takes back a retained state; it says nothing. A retained repeat without `reported_at`
    is ignored: nobody knows when it was said, and it must not make a silent device look alive. A last will has no time
    of its own and counts from its arrival.
    Raises: PayloadError with every fault.
    """
    device_id = device_of(message.topic, context.site)
    if not message.payload:
        return Decoded(ignored="state_cleared", device_id=device_id)
    try:
        said, reported_at = _read(message, device_id)
    except PayloadError as error:
        error.device_id = device_id
        raise
    if message.retained and reported_at is None:
        return Decoded(ignored="retained_without_time", device_id=device_id)
    row = DeviceStatus(
        device_id=device_id,
        reported_at=reported_at or message.received_at,
        state=said["state"],
        battery_v=said.get("battery_v"),
        battery_pct=said.get("battery_pct"),
        rssi_dbm=said.get("rssi_dbm"),
        device_seq=None if said.get("seq") is None else int(said["seq"]),
        firmware=said.get("firmware"),
    )
    reply = None
    if said.get("ack") == 1:
        reply = reply_to(message, reply_topic(message.topic), accepted=True, rows=1, faults=())
    return Decoded(status=(row,), reply=reply, device_id=device_id)


def _read(message: Message, device_id: str) -> tuple[Mapping[str, Any], datetime | None]:
    """Return what the message says, as the contract has it, and its own time."""
    word = message.payload.strip()
    if word in _WORDS:
        return {"state": word.decode("ascii")}, None
    said = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
    faults = list(schema_faults("device_state", said))
    if not isinstance(said, dict):
        raise PayloadError(*faults)
    named = said.get("device_id", device_id)
    if names_another(named, device_id):
        faults.append(identity_mismatch("/device_id", named, device_id))
    reported_at, time_faults = _reported_at(said, message.latest_at)
    if faults or time_faults:
        raise PayloadError(*faults, *time_faults)
    return said, reported_at


def _reported_at(said: Mapping[str, Any], received_at: datetime) -> tuple[datetime | None, tuple[Fault, ...]]:
    text = said.get("reported_at")
    if not isinstance(text, str):
        return None, ()
    try:
        reported_at = parse_instant(text, "/reported_at")
    except PayloadError as error:
        return None, error.faults
    fault = check_measured_at(reported_at, received_at, "/reported_at")
    return reported_at, (fault,) if fault else ()
