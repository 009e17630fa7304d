"""Frames of parts that begin with one byte: what is measured in its upper five bits, which of them in the lower three.

Sensefarm writes so, big endian. A field is named by both, such as soil_moisture_0.
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

    types: layout by type, in hex
    f_port: any
    Raises: PayloadError when not one part can be read.
    """
    types = cast("Mapping[str, Sequence[Part]]", settings["types"])
    fields: dict[str, object] = {}
    position = 0
    unread: list[Fault] = []
    while position < len(data):
        kind, number = data[position] >> _NUMBER_BITS, data[position] & (1 << _NUMBER_BITS) - 1
        layout = types.get(f"{kind:02x}")
        if layout is None:
            if position == 0:
                raise not_this_frame(f"{data[:8].hex()} on port {f_port}", f"one of the types {', '.join(types)}")
            unread.append(unknown_part(position, data[position:], f"one of the types {', '.join(types)}"))
            break
        values, end = read_parts(data, position + 1, layout, "big")
        if end is None:
            unread.append(cut(data, f"all bytes of type {kind:02x} at byte {position}"))
            break
        fields |= {f"{name}_{number}": value for name, value in values.items()}
        position = end
    if unread and position == 0:
        raise PayloadError(*unread)
    return Frame(fields, unread=tuple(unread))
