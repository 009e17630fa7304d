"""Weather forecasts: greensward/v1/{district}/{device_id}/forecast."""

from __future__ import annotations

from ingest.decode.context import DecodeContext
from ingest.decode.forecast import read_forecast
from ingest.decode.guard import parse_json
from ingest.decode.replies import reply_to
from ingest.decode.topics import device_of, identity_mismatch, names_another, reply_topic
from ingest.errors import PayloadError
from ingest.observation import Decoded, Message

LIMIT_BYTES = 64 * 1024


def decode_native_forecast(message: Message, context: DecodeContext) -> Decoded:
    """Return the days of a forecast by the contract weather_forecast.

    Raises: PayloadError with every fault; a forecast is kept as a whole or not at all.
    """
    device_id = device_of(message.topic, context.site)
    try:
        document = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
    except PayloadError as error:
        error.device_id = device_id
        raise
    days, faults = read_forecast(document, device_id, message.latest_at, context.site)
    named = document.get("device_id", device_id) if isinstance(document, dict) else device_id
    if names_another(named, device_id):
        faults.append(identity_mismatch("/device_id", named, device_id))
    if faults:
        raise PayloadError(*faults, device_id=device_id)
    reply = None
    if isinstance(document, dict) and document.get("ack") == 1:
        reply = reply_to(message, reply_topic(message.topic), accepted=True, rows=len(days), faults=())
    return Decoded(forecasts=days, reply=reply, device_id=device_id)
