"""What an envelope of a LoRaWAN network server says around the payload, the same for every server."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ingest.decode.guard import describe
from ingest.errors import Fault, PayloadError


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
