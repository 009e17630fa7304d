"""Dragino LSE01 and its successors, port 2, big endian.

    0–1 battery, mV, low 14 bits   2–3 DS18B20   4–5 water content, 0.01 %   6–7 soil temperature, 0.01 °C, signed
    8–9 EC, uS/cm   10 flags: bit 7 raw mode, bit 4 sensor found

In raw mode 4–5 is permittivity, 0.1, and 6–7 raw counts. The vendor's codec reads a negative temperature 0.01 °C
too high (it subtracts 65,535); here it is two's complement.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ingest.decode.frames.faults import not_this_frame, truncated

_PORT = 2
_LENGTH = 11
_RAW_MODE = 0x80
SUSPECT_RAW = "raw_mode_bit"
"""Why readings are set aside: the raw-mode bit is set, on a model whose firmware is not known to have that mode."""


def decode_frame(
    data: bytes, f_port: int | None, settings: Mapping[str, object]
) -> tuple[dict[str, object], str | None]:
    """Return the fields as the vendor's codec names them, and why the readings are to be quarantined, if they are.

    settings: `raw_mode` true when the firmware has the raw mode
    Raises: PayloadError for another port or length.
    """
    if f_port is not None and f_port != _PORT:
        raise not_this_frame(f"port {f_port}", f"port {_PORT}")
    if len(data) < _LENGTH:
        raise truncated(data, f"{_LENGTH} bytes")
    battery, _, word_4, word_6, ec, flags = struct.unpack_from(">HhHHHB", data)
    fields: dict[str, object] = {"BatV": (battery & 0x3FFF) / 1000}
    if flags & _RAW_MODE and settings.get("raw_mode"):
        return fields | {"Raw_water_SOIL": word_6}, None
    temperature = word_6 - 0x10000 if word_6 & 0x8000 else word_6
    fields |= {"water_SOIL": word_4 / 100, "temp_SOIL": temperature / 100, "conduct_SOIL": ec}
    return fields, SUSPECT_RAW if flags & _RAW_MODE else None
