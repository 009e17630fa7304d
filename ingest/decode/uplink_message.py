"""What an envelope of a LoRaWAN network server says around the payload, the same for every server."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ingest.decode.guard import describe
from ingest.errors import Fault, PayloadError

_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+", re.ASCII)
_SHORTEST_HEX, _FIGURES_OF_HEX = 16, 4
"""Characters of a text that is taken for hex first, of which every fourth must be a figure: 0 to 9."""
_FOR_ADDRESSES = str.maketrans("-_", "+/")


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
    unread: what is wrong with the decoded payload or with the model's name, where the bytes may still be read
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
    unread: tuple[Fault, ...] = ()


def read_frame_bytes(text: object, pointer: str, *, is_hex: bool = False) -> bytes:
    """Return the bytes of a frame; missing and empty text are no bytes.

    Network servers write base64 (also without its padding, or the alphabet for addresses); bridges write hex, which is
    taken for that where it could hardly be base64: 16 digits or more of one case, with many figures among them.
    is_hex: whether the envelope says that it is hex
    Raises: PayloadError (bad_base64).
    """
    if text is None:
        return b""
    if isinstance(text, str):
        can_be_hex = len(text) % 2 == 0 and _HEX.fullmatch(text) is not None
        figures = sum(character.isdigit() for character in text)
        if can_be_hex and (is_hex or (len(text) >= _SHORTEST_HEX and figures * _FIGURES_OF_HEX >= len(text))):
            return bytes.fromhex(text)
        try:
            return base64.b64decode(text.translate(_FOR_ADDRESSES) + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            if can_be_hex:
                return bytes.fromhex(text)
    raise PayloadError(
        Fault(pointer, "bad_base64", describe(text), "base64 (RFC 4648)", "Check the network server's integration.")
    )


def payload_hash(data: bytes) -> str:
    """Return 16 hex digits that tell payloads of one counter apart."""
    return hashlib.sha256(data).hexdigest()[:16]
