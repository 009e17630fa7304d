"""ChirpStack, JSON: application/{id}/device/{devEui}/event/{up, join, …}; v4, and the uplink as v3 wrote it.

In the first versions the uplink's topic ended with `rx`; gateways with a network server of their own have kept that
(RAK, Milesight), and write the uplink nearly as v3 did.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime

from ingest.decode.context import DecodeContext
from ingest.decode.envelope import Envelope, dev_eui_of
from ingest.decode.guard import parse_json
from ingest.decode.instants import EARLIEST, parse_clock, parse_instant
from ingest.decode.topics import identity_mismatch, unknown_topic
from ingest.decode.uplink import decode_uplink
from ingest.decode.uplink_message import Uplink, payload_hash, read_frame_bytes
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, Message

LIMIT_BYTES = 64 * 1024
TOPIC = re.compile(r"application/[^/]{1,128}/device/([^/]{1,64})/(?:event/([a-z]{1,16})|rx)")
_HEX = ("hexstring", "hex")
_OTHER_EVENTS = ("join", "ack", "txack", "status", "log", "location", "integration", "error")


def decode_chirpstack(message: Message, context: DecodeContext) -> Decoded:
    """Return the rows of an uplink event; other events and simulated uplinks are ignored, with the reason.

    measured_at is the device's where its model sends one, otherwise the event's `time`.
    Raises: PayloadError with every fault.
    """
    topic = TOPIC.fullmatch(message.topic)
    kind = (topic.group(2) or "up") if topic is not None else None
    if topic is None or kind not in ("up", *_OTHER_EVENTS):
        raise PayloadError(unknown_topic(message.topic))
    device_id = dev_eui_of(topic.group(1))
    if kind != "up":
        return Decoded(ignored=f"chirpstack_{kind}", device_id=device_id)
    try:
        event = _event(message)
        if event.get("simulated") in (True, "true", "True"):
            return Decoded(ignored="simulated", device_id=device_id)
        return decode_uplink(_uplink(message, event, device_id), message, context)
    except PayloadError as error:
        error.device_id = device_id
        raise


def _event(message: Message) -> Envelope:
    document = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
    if not isinstance(document, dict):
        raise PayloadError(Fault("", "wrong_type", "no object", "an uplink event", "Publish ChirpStack's JSON events."))
    return Envelope(document)


def _uplink(message: Message, event: Envelope, topic_eui: str | None) -> Uplink:
    device = event.part("deviceInfo")
    device_id = _device_id(event, device, topic_eui)
    data = b""
    try:
        data = read_frame_bytes(event.get("data"), "/data", is_hex=event.get("data_encode") in _HEX)
    except PayloadError as error:
        event.faults += error.faults
    decoded = event.dispensable()
    fields, fields_pointer = decoded.fields("object"), "/object"
    if fields is None and isinstance(inner := event.get("objectJSON"), str):
        fields, fields_pointer = _object_json(decoded, inner), "/objectJSON"
    rssi_dbm, snr_db = event.best_gateway("rxInfo", rssi="rssi", snr=("snr", "loRaSNR"))
    heard_at = event.instant("time") or _gateway_time(event.get("rxInfo")) or _timestamp(event, message.received_at)
    seq, port = event.counter("fCnt"), event.port("fPort")
    once = event.text("deduplicationId")
    session = event.text("devAddr") or "-"
    named = device.dispensable()
    names = (named.text("deviceProfileName"), named.part("tags").get("model"), decoded.text("deviceProfileName"))
    if event.faults or device_id is None:
        raise PayloadError(*event.faults)
    return Uplink(
        device_id=device_id,
        heard_at=heard_at,
        key=f"chirpstack/{device_id}/{once or f'{session}/{seq}/{payload_hash(data)}'}",
        names=tuple(name for name in names if isinstance(name, str)),
        fields=fields,
        fields_pointer=fields_pointer,
        data=data,
        data_pointer="/data",
        f_port=port,
        seq=seq,
        rssi_dbm=rssi_dbm,
        snr_db=snr_db,
        unread=tuple(event.unread),
    )


def _device_id(event: Envelope, device: Envelope, topic_eui: str | None) -> str | None:
    """Return the DevEUI that topic and event agree on; v3 wrote it as base64 or hex at the top level."""
    holder, name = (event, "devEUI") if device.get("devEui") is None and event.get("devEUI") else (device, "devEui")
    given = holder.get(name)
    found = dev_eui_of(given) or (_base64_eui(given) if name == "devEUI" else None)
    if found is None:
        holder.wrong(name, "a DevEUI, 16 hex digits", "bad_device_id")
    elif found != topic_eui:
        event.faults.append(identity_mismatch(holder.at(name), given, topic_eui or "a DevEUI on the topic"))
    return found


def _base64_eui(text: object) -> str | None:
    try:
        return dev_eui_of(base64.b64decode(text, validate=True).hex()) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None


def _object_json(event: Envelope, text: str) -> dict[str, object] | None:
    """Return the decoded payload that v3 wrote as JSON within a text."""
    if not text.strip():
        return None
    try:
        inner = parse_json(text.encode("utf-8"), limit_bytes=LIMIT_BYTES)
    except PayloadError:
        inner = None
    if isinstance(inner, dict):
        return inner
    event.wrong("objectJSON", "a JSON object within a text", "malformed_json")
    return None


def _gateway_time(gateways: object) -> datetime | None:
    """Return when the first gateway whose clock is set heard it, for events (v3) that carry no time of their own."""
    for gateway in gateways if isinstance(gateways, list) else ():
        for name in ("nsTime", "time", "gwTime"):
            try:
                instant = parse_instant(gateway.get(name)) if isinstance(gateway, dict) else EARLIEST
            except PayloadError:
                continue
            if instant > EARLIEST:
                return instant
    return None


def _timestamp(event: Envelope, received_at: datetime) -> datetime:
    """Return the Unix time that gateways of RAK write, or else when the message came."""
    if event.get("timestamp") is None:
        return received_at
    try:
        return parse_clock(event.get("timestamp"), "s", received_at, "/timestamp")
    except PayloadError as error:
        event.faults += error.faults
        return received_at
