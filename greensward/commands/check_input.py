"""From what a person has at hand to one message: a topic and its payload."""

from __future__ import annotations

import json
import re
from typing import Any

from ingest.decode.native_uplink import device_named, server_of
from ingest.errors import ConfigError

_TOPIC_AND_PAYLOAD = re.compile(rb"([^\s{\[\"]+/\S+)[ \t]+(.+)", re.DOTALL)
_HEX = re.compile(r"(?:[0-9a-f]{2})+")

EXPECTED = (
    "Give the topic with --topic, or a line 'TOPIC PAYLOAD' as mosquitto_sub -v prints it, or an object with "
    '"topic" and "payload".'
)


_DECODED = (
    "What a LoRaWAN decoder gives by itself is tried within an uplink: "
    '{"deviceInfo": {"devEui": "0011223344556677"}, "object": {…}}, with --model.'
)


def read_hex(text: str) -> bytes:
    """Return the bytes that a person wrote in hex: "0x0d4e", "0D 4E" and "0d:4e" are the same. Raises: ConfigError."""
    plain = re.sub(r"[\s:,-]|0x", "", text.lower())
    if not _HEX.fullmatch(plain):
        raise ConfigError(f"--hex {text[:60]!r}: expected pairs of hex digits, such as 0d4e0000.")
    return bytes.fromhex(plain)


def split_message(data: bytes, topic: str | None, district: str) -> tuple[str, bytes]:
    """Return topic and payload of one message.

    topic: what the person said; then `data` is the payload as it is
    Raises: ConfigError when nothing tells the topic.
    """
    if topic is not None:
        return topic, data
    if not data.strip():
        raise ConfigError("The message is empty. " + EXPECTED)
    line = _TOPIC_AND_PAYLOAD.fullmatch(data.strip())
    if line is not None:
        return line.group(1).decode("utf-8", "replace"), line.group(2)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"The message is no JSON ({error}), so nothing tells its topic. {EXPECTED}") from error
    if not isinstance(document, dict):
        raise ConfigError("The message is no JSON object, so nothing tells its topic. " + EXPECTED)
    if isinstance(document.get("topic"), str) and "payload" in document:
        payload = document["payload"] if isinstance(document["payload"], str) else json.dumps(document["payload"])
        return _written(document["topic"]), payload.encode("utf-8", "surrogatepass")
    guessed = _topic_of(document, district)
    if guessed is None:
        raise ConfigError(f"Nothing in the message tells its topic. {EXPECTED} {_DECODED}")
    return guessed, data


def _written(topic: str) -> str:
    """Return a topic that can be shown: what is no character (half of a surrogate pair) becomes a question mark."""
    return topic.encode("utf-8", "replace").decode()


def _topic_of(document: dict[str, Any], district: str) -> str | None:
    """Return the topic on which such a payload comes; the application's name does not matter."""
    if str(document.get("schema", "")).startswith("greening.soil_reading/"):
        return f"greensward/v1/{district}/{document.get('device_id', 'check')}/soil"
    if server_of(document) is not None:
        named = device_named(document)
        return f"greensward/v1/{district}/{_written(named) if isinstance(named, str) else 'check'}/uplink"
    if isinstance(document.get("end_device_ids"), dict):
        return f"v3/check/devices/{document['end_device_ids'].get('device_id', 'check')}/up"
    device = document.get("deviceInfo")
    eui = device.get("devEui") if isinstance(device, dict) else document.get("devEUI")
    return f"application/check/device/{_written(eui)}/event/up" if isinstance(eui, str) else None
