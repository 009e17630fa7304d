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
    REFUSED,
    REFUSED_SAMPLE,
    Reading,
    SoilMessage,
    read_with_faults,
    read_without_fault,
)
from ingest.decode.topics import device_of, identity_mismatch, reply_topic
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
        refused: list[PartFault] = []
        if said is None:
            said, refused = read_with_faults(message.payload, device_id, limit_bytes=LIMIT_BYTES)
        return _rows(message, context, device_id, said, refused)
    except PayloadError as error:
        error.device_id = device_id
        raise


def _rows(
    message: Message, context: DecodeContext, device_id: str, said: SoilMessage, refused: list[PartFault]
) -> Decoded:
    fatal: list[Fault] = []
    if said.device_id is not UNSET and said.device_id != device_id:
        fatal.append(identity_mismatch("/device_id", said.device_id, device_id))
    soil: list[SoilReading] = []
    weather: list[WeatherReading] = []
    newest: datetime | None = None
    seq = None if said.seq is UNSET else said.seq
    for pointer, text, readings in _samples(said):
        try:
            measured_at = _measured_at(text, message.received_at, f"{pointer}/measured_at")
        except PayloadError as error:
            if pointer:
                refused.append(PartFault(pointer, error.faults))
            else:
                fatal += error.faults
            continue
        newest = measured_at if newest is None or measured_at > newest else newest
        measured = _measure(readings, pointer)
        soil += measured.soil_rows(device_id, measured_at, "device", device_seq=seq)
        weather += measured.weather_rows(device_id, measured_at, "device")
        refused += measured.refused
    if fatal or newest is None or not (soil or weather):
        raise PayloadError(*fatal, *(fault for part in refused for fault in part.faults))
    status = _status(said, device_id, newest)
    reply = None
    if refused or said.ack == 1:
        faults = [fault for part in refused for fault in part.faults]
        rows = len(soil) + len(weather) + len(status)
        reply = reply_to(message, reply_topic(device_id, context.site), accepted=True, rows=rows, faults=faults)
    return Decoded(
        soil=tuple(soil),
        weather=tuple(weather),
        status=status,
        parts_refused=tuple(refused),
        reply=reply,
        device_id=device_id,
    )


def _samples(said: SoilMessage) -> list[tuple[str, str, list[Reading]]]:
    """Return pointer, time and readings of each sample that is left."""
    if said.samples is UNSET:
        return [("", str(said.measured_at), said.readings or [])]
    return [
        (f"/samples/{place}", sample.measured_at, sample.readings)
        for place, sample in enumerate(said.samples)
        if sample is not REFUSED_SAMPLE
    ]


def _measured_at(text: str, received_at: datetime, pointer: str) -> datetime:
    instant = parse_instant(text, pointer)
    fault = check_measured_at(instant, received_at, pointer)
    if fault is not None:
        raise PayloadError(fault)
    return instant


def _measure(readings: list[Reading], pointer: str) -> Measurements:
    measured = Measurements(keyed=True)
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
