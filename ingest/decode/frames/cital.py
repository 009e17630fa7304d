"""Cital LoRaSoil, a tensiometer, port 152, big endian, by bytes.

    0–1 soil temperature, 0.01 °C, signed   2–3 tension, 0.01 kPa   4 battery, %   5–6 year and month, 7–8 day and hour,
    9–10 minute and second, UTC, as decimal digits   11–18 place   19–20 firmware, then what newer firmware adds:
    21–22 temperature of the case, 0.01 °C, signed   23–24 air pressure   25 humidity in the case, %   26–29 resistance

The vendor's own example has air pressure and humidity the other way round; its code has them as here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime

from ingest.decode.frames.faults import not_this_frame, truncated
from ingest.decode.frames.frame import Frame
from ingest.errors import Fault

_PORT = 152
_LENGTHS = (21, 26, 30)
_SILENT = 0xFFFF


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:  # noqa: ARG001
    """Return the fields as the vendor's codec names them, of which `soil_moisture` is a potential, kPa, negative.

    A date that there is not is told, and the reading counts from when the network heard it.
    Raises: PayloadError for another port or length.
    """
    if f_port not in (None, _PORT):
        raise not_this_frame(f"port {f_port}", f"port {_PORT}")
    if len(data) not in _LENGTHS:
        raise truncated(data, f"{', '.join(map(str, _LENGTHS))} bytes")
    temperature, tension, battery, *digits = struct.unpack_from(">hHBHHH", data)
    fields: dict[str, object] = {"soil_temperature": temperature / 100, "battery": battery}
    if tension != _SILENT:
        fields["soil_moisture"] = tension / -100
    if len(data) > _LENGTHS[0]:
        air, _, humidity = struct.unpack_from(">hHB", data, 21)
        fields |= {"ambient_temperature": air / 100, "ambient_humidity": humidity}
    parts = [part for pair in digits for part in divmod(pair, 100)]
    try:
        at = datetime(2000 + parts[0], *parts[1:], tzinfo=UTC)  # type: ignore[misc]
    except ValueError:
        got, expected = f"{data[5:11].hex()} at byte 5", "year, month, day, hour, minute and second"
        return Frame(fields, unread=(Fault("", "bad_instant", got, expected, "Set the device's clock."),))
    return Frame(fields | {"time_stamp": round(at.timestamp() * 1000)})
