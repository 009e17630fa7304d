"""Native soil and weather messages: greensward/v1/{district}/{device_id}/soil."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET

from ingest.decode.context import DecodeContext
from ingest.decode.guard import check_bytes
from ingest.decode.instants import check_measured_at, parse_instant
from ingest.decode.measurements import Measurements
from ingest.decode.replies import reply_to
from ingest.decode.soil_message import (
    NO_TIME,
    REFUSED,
    Reading,
    SoilMessage,
    read_with_faults,
    read_without_fault,
)
from ingest.decode.topics import device_of, identity_mismatch, names_another, reply_topic
from ingest.errors import Fault, PayloadError
from ingest.observation import (
    Decoded,
    DeviceStatus,
    Message,
    PartFault,
    SoilReading,
    WeatherReading,
)

LIMIT_BYTES = 64 * 1024


def decode_native_soil(message: Message, context: DecodeContext) -> Decoded:
    """Return the rows of a native soil message.

    One soil row per depth or channel and instant, one weather row per instant, one status row when the message
    says battery, signal or counter. Readings and samples that are wrong are refused alone.
    Raises: PayloadError when nothing of it can be kept, with every fault.
    """
    device_id = device_of(message.topic, context.site)
    try:
        check_bytes(message.payload, limit_bytes=LIMIT_BYTES)
        said = read_without_fault(message.payload)
        parts: dict[str, list[Fault]] = {}
        if said is None:
            said, parts = read_with_faults(message.payload, limit_bytes=LIMIT_BYTES)
        return _rows(message, device_id, said, parts)
    except PayloadError as error:
        error.device_id = device_id
        raise


def _rows(message: Message, device_id: str, said: SoilMessage, parts: dict[str, list[Fault]]) -> Decoded:
    """Return the rows of what was said; parts: the faults found so far by the pointer of the part they cost.

    The part "" is the message as a whole. All of it is looked at even then, so that the sender hears every fault.
    """
    if names_another(said.device_id, device_id):
        parts.setdefault("", []).append(identity_mismatch("/device_id", said.device_id, device_id))
    soil: list[SoilReading] = []
    weather: list[WeatherReading] = []
    newest: datetime | None = None
    seq = None if said.seq is UNSET else said.seq
    for pointer, text, readings in _samples(said):
        measured = _measure(readings, pointer)
        measured_at, faults = _measured_at(text, message.latest_at, f"{pointer}/measured_at")
        if measured_at is None or pointer in parts:
            # A sample that is refused takes its readings with it.
            faults += [fault for part in measured.refused for fault in part.faults]
            parts.setdefault(pointer, []).extend(faults)
            continue
        newest = measured_at if newest is None or measured_at > newest else newest
        soil += measured.soil_rows(device_id, measured_at, "device", device_seq=seq)
        weather += measured.weather_rows(device_id, measured_at, "device")
        for part in measured.refused:
            parts.setdefault(part.pointer, []).extend(part.faults)
    faults = [fault for found in parts.values() for fault in found]
    if "" in parts or newest is None or not (soil or weather):
        raise PayloadError(*faults)
    status = _status(said, device_id, newest)
    reply = None
    if faults or said.ack == 1:
        rows = len(soil) + len(weather) + len(status)
        reply = reply_to(message, reply_topic(message.topic), accepted=True, rows=rows, faults=faults)
    return Decoded(
        soil=tuple(soil),
        weather=tuple(weather),
        status=status,
        parts_refused=tuple(PartFault(pointer, tuple(found)) for pointer, found in parts.items()),
        reply=reply,
        device_id=device_id,
    )


def _samples(said: SoilMessage) -> list[tuple[str, str | None, list[Reading]]]:
    """Return pointer, time (None when there is none) and readings of each sample, of the single one first."""
    found: list[tuple[str, str | None, list[Reading]]] = []
    if said.readings is not UNSET or said.measured_at is not UNSET:
        text = None if said.measured_at is UNSET else said.measured_at
        found.append(("", text, [] if said.readings is UNSET else said.readings))
    if said.samples is not UNSET:
        found += [
            (f"/samples/{place}", None if sample.measured_at is NO_TIME else sample.measured_at, sample.readings)
            for place, sample in enumerate(said.samples)
        ]
    return found


def _measured_at(text: str | None, received_at: datetime, pointer: str) -> tuple[datetime | None, list[Fault]]:
    """Return the instant, or None and what is wrong with it; nothing where it is missing, which the schema says."""
    if text is None:
        return None, []
    try:
        instant = parse_instant(text, pointer)
    except PayloadError as error:
        return None, list(error.faults)
    fault = check_measured_at(instant, received_at, pointer)
    return (instant, []) if fault is None else (None, [fault])


def _measure(readings: list[Reading], pointer: str) -> Measurements:
    measured = Measurements(native=True)
    for place, reading in enumerate(readings):
        if reading is not REFUSED:
            measured.add(
                reading.quantity,
                reading.unit,
                reading.value,
                f"{pointer}/readings/{place}",
                None if reading.depth_cm is UNSET else reading.depth_cm,
                None if reading.channel is UNSET else reading.channel,
            )
    return measured


def _status(said: SoilMessage, device_id: str, reported_at: datetime) -> tuple[DeviceStatus, ...]:
    if said.battery_v is UNSET and said.battery_pct is UNSET and said.rssi_dbm is UNSET and said.seq is UNSET:
        return ()
    return (
        DeviceStatus(
            device_id=device_id,
            reported_at=reported_at,
            battery_v=None if said.battery_v is UNSET else said.battery_v,
            battery_pct=None if said.battery_pct is UNSET else said.battery_pct,
            rssi_dbm=None if said.rssi_dbm is UNSET else said.rssi_dbm,
            device_seq=None if said.seq is UNSET else said.seq,
        ),
    )
