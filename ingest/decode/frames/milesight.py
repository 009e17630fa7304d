"""Milesight's channel encoding: channel id, channel type, then a value whose layout the pair tells; little endian."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

from ingest.decode.frames.faults import not_this_frame, truncated

_LAYOUTS = {"u8": "<B", "u16": "<H", "i16": "<h", "u32": "<I"}
# 65535 "collection failed" and 65533 "out of range", in a signed word too: -0.1 and -0.3 °C cannot be told from them.
_NO_VALUE = {"u16": (65535, 65533), "i16": (-1, -3)}
_HISTORY = "20ce"


class _Part(TypedDict, total=False):
    name: str
    type: str
    divide: float


def decode_frame(
    data: bytes, f_port: int | None, settings: Mapping[str, object]
) -> tuple[dict[str, object], str | None]:
    """Return the fields of the channels that `settings` (schemas/devices/milesight.toml) lays out.

    Back-filled records come as a list under `history`. Answers to downlinks (channel 0xfe, 0xff) end the reading,
    as nobody says how long each is.
    f_port: any; the vendor uses 85 and lets people change it
    Raises: PayloadError when the first channel is unknown or the frame ends within a value.
    """
    layouts = cast("Mapping[str, Sequence[_Part]]", settings["channels"])
    fields: dict[str, object] = {}
    history: list[dict[str, object]] = []
    position = 0
    while position < len(data):
        channel = data[position : position + 2].hex()
        layout = layouts.get(channel)
        if layout is None:
            if position == 0:
                raise not_this_frame(f"channel {channel} on port {f_port}", f"one of {', '.join(layouts)}")
            break
        values, position = _read(data, position + 2, layout)
        if channel == _HISTORY:
            history.append(values)
        else:
            fields.update(values)
    return (fields | {"history": history} if history else fields), None


def _read(data: bytes, position: int, layout: Sequence[_Part]) -> tuple[dict[str, object], int]:
    values: dict[str, object] = {}
    for part in layout:
        kind = part["type"]
        size = struct.calcsize(_LAYOUTS[kind])
        if len(data) < position + size:
            raise truncated(data, f"at least {position + size} bytes")
        (number,) = struct.unpack_from(_LAYOUTS[kind], data, position)
        position += size
        if "name" in part and number not in _NO_VALUE.get(kind, ()):
            values[part["name"]] = number / part["divide"] if "divide" in part else number
    return values, position
