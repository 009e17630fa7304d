"""Cayenne LPP, big endian: channel, type, then a value whose layout the type tells.

RAK writes so, with types of its own. The fields are named as RAK's codec names them: what the type measures, and the
channel, such as temperature_11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from ingest.decode.frames.faults import cut, not_this_frame, unknown_part
from ingest.decode.frames.frame import Frame, Part, read_parts
from ingest.errors import Fault, PayloadError

_KEY = 2


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:
    """Return the fields of the types that `settings` (schemas/devices) lays out, as far as they are known.

    f_port: any
    Raises: PayloadError when not one part can be read.
    """
    types = cast("Mapping[str, Sequence[Part]]", settings["types"])
    fields: dict[str, object] = {}
    position = 0
    unread: list[Fault] = []
    while position < len(data):
        layout = types.get(str(data[position + 1])) if position + 1 < len(data) else None
        if layout is None:
            if position == 0:
                raise not_this_frame(f"{data[:8].hex()} on port {f_port}", "Cayenne LPP")
            unread.append(unknown_part(position, data[position:], f"one of types {', '.join(types)}"))
            break
        values, end = read_parts(data, position + _KEY, layout, "big")
        if end is None:
            unread.append(cut(data, f"all bytes of type {data[position + 1]} at byte {position}"))
            break
        fields |= {f"{name}_{data[position]}": value for name, value in values.items()}
        position = end
    if unread and position == 0:
        raise PayloadError(*unread)
    return Frame(fields, unread=tuple(unread))
