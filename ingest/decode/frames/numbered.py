"""Frames of numbered parts, big endian: a head says what is measured and which of them, then a value follows.

A head of one byte holds the type in its upper five bits and the number in the lower three (Sensefarm); a head of two is
Cayenne LPP: channel, then type (RAK, with types of its own). A field is named by what its type measures and by its
number or channel, such as soil_moisture_0 or temperature_11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from ingest.decode.frames.faults import cut, not_this_frame, unknown_part
from ingest.decode.frames.frame import Frame, Part, read_parts
from ingest.errors import Fault, PayloadError

_NUMBER_BITS = 3


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:
    """Return the fields of the types that `settings` (schemas/devices) lays out, as far as they are known.

    types: layout by type: in hex with a head of one byte, as Cayenne LPP writes them (decimal) with one of two
    head_bytes: 1 when not given
    f_port: any
    Raises: PayloadError when not one part can be read.
    """
    types = cast("Mapping[str, Sequence[Part]]", settings["types"])
    head_bytes = cast("int", settings.get("head_bytes", 1))
    fields: dict[str, object] = {}
    position = 0
    unread: list[Fault] = []
    while position < len(data):
        kind, number = _head(data[position : position + head_bytes], head_bytes)
        layout = types.get(kind)
        if layout is None:
            if position == 0:
                raise not_this_frame(f"{data[:8].hex()} on port {f_port}", f"one of the types {', '.join(types)}")
            unread.append(unknown_part(position, data[position:], f"one of the types {', '.join(types)}"))
            break
        values, end = read_parts(data, position + head_bytes, layout, "big")
        if end is None:
            unread.append(cut(data, f"all bytes of type {kind} at byte {position}"))
            break
        fields |= {f"{name}_{number}": value for name, value in values.items()}
        position = end
    if unread and position == 0:
        raise PayloadError(*unread)
    return Frame(fields, unread=tuple(unread))


def _head(head: bytes, head_bytes: int) -> tuple[str, int]:
    """Return type and number; the type of a head that is cut off is none."""
    if head_bytes == 1:
        return f"{head[0] >> _NUMBER_BITS:02x}", head[0] & (1 << _NUMBER_BITS) - 1
    return (str(head[1]) if len(head) == head_bytes else ""), head[0]
