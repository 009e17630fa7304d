"""GroPoint Air by Dragino, big endian: battery, kind of probe, temperatures from the top down, water contents likewise.

    0–1 battery, mV, low 12 bits   2 number of segments as a digit (ASCII)   then i16 temperatures, 0.1 °C, which are
    left out in a mode of the device, and u16 water contents, 0.1 %; 7fff in their place: the probe did not answer

The vendor's codec reads a negative temperature 0.1 °C too high; here it is two's complement.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ingest.decode.frames.faults import not_this_frame, truncated
from ingest.decode.frames.frame import Frame

_TEMPERATURES = {2: 4, 3: 6, 4: 7, 5: 9, 6: 11, 7: 12, 8: 13}
"""Number of temperature elements by number of segments."""
_HEAD = 3
_SILENT = b"\x7f\xff"


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:  # noqa: ARG001
    """Return the fields as the vendor's codec names them: bat, tem1 …, soil_moisture1 ….

    f_port: any; the vendor does not check it
    Raises: PayloadError for a probe or a length that does not exist.
    """
    if len(data) < _HEAD:
        raise truncated(data, f"at least {_HEAD} bytes")
    segments = data[2] - ord("0")
    if segments not in _TEMPERATURES:
        raise not_this_frame(f"probe {data[2]:#04x} on port {f_port}", "a digit from 2 to 8 (ASCII) at byte 2")
    fields: dict[str, object] = {"bat": (int.from_bytes(data[:2], "big") & 0x0FFF) / 1000}
    temperatures = _TEMPERATURES[segments]
    water = data[_HEAD:]
    if len(water) in (2 * (temperatures + segments), 2 * temperatures + len(_SILENT)):
        fields |= {
            f"tem{number}": value / 10
            for number, value in enumerate(struct.unpack_from(f">{temperatures}h", water), start=1)
        }
        water = water[2 * temperatures :]
    if water == _SILENT:
        return Frame(fields)
    if len(water) != 2 * segments:
        both = _HEAD + 2 * (temperatures + segments)
        raise truncated(data, f"{_HEAD + 2 * segments} or {both} bytes with {segments} segments")
    contents = enumerate(struct.unpack(f">{segments}H", water), start=1)
    return Frame(fields | {f"soil_moisture{number}": value / 10 for number, value in contents})
