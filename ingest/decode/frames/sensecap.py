"""SenseCAP records of 7 bytes, little endian: channel, measurement id, value in thousandths; then a CRC of 2 bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ingest.decode.frames.faults import bad_checksum, truncated
from ingest.decode.frames.frame import Frame

_RECORD, _CRC = 7, 2
_BATTERY = 7
_FIRST_MEASUREMENT = 4097
_POLYNOMIAL = 0x8408
"""x¹⁶ + x¹² + x⁵ + 1, reflected (CRC-16/KERMIT, start value 0): a frame and its CRC together give 0."""


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:
    """Return the records as the vendor's codec lists them, under `messages`; ids below 4097 say how the device is.

    f_port: any; the vendor uses 1 and 2 and does not check it
    settings: `checksum` false where the vendor's own codec does not check it
    Raises: PayloadError for a length that is not of whole records, or a wrong CRC.
    """
    if len(data) <= _CRC or (len(data) - _CRC) % _RECORD:
        raise truncated(data, f"records of {_RECORD} bytes and a CRC of {_CRC}, on port {f_port}")
    if settings.get("checksum", True) and _crc(data) != 0:
        raise bad_checksum(data, "a CRC-16/KERMIT at the end")
    messages: list[dict[str, object]] = []
    for _, measured, value in struct.iter_unpack("<BHi", data[:-_CRC]):
        if measured == _BATTERY:
            messages.append({"battery": value & 0xFFFF})
        elif measured >= _FIRST_MEASUREMENT:
            messages.append({"measurementId": measured, "measurementValue": value / 1000})
    return Frame({"messages": messages})


def _crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc
