"""Frames whose first byte says which blocks follow, big endian, in an order of their own (Tinovi)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

from ingest.decode.frames.faults import cut, truncated, unknown_part
from ingest.decode.frames.frame import Frame, Part, parts_of, read_parts
from ingest.errors import Fault


class _Block(TypedDict):
    bit: int
    parts: Sequence[Part]


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:
    """Return the fields of the blocks whose bits are set.

    f_port: any
    settings: `head` what always follows the first byte · `blocks` in the order in which they come, each with its bit ·
    `more` the blocks of a second byte of bits, which may stand behind them
    Raises: PayloadError when the frame ends within the head.
    """
    fields, position = read_parts(data, 1, parts_of(settings, "head"), "big")
    if position is None:
        raise truncated(data, f"at least {1 + len(parts_of(settings, 'head'))} bytes, on port {f_port}")
    unread: list[Fault] = []
    for name in ("blocks", "more"):
        at = 0 if name == "blocks" else position
        if at >= len(data):
            break
        position = position if name == "blocks" else position + 1
        for block in cast("Sequence[_Block]", settings.get(name, ())):
            if not data[at] >> block["bit"] & 1:
                continue
            values, end = read_parts(data, position, block["parts"], "big")
            if end is None:
                return Frame(fields, unread=(cut(data, f"all bytes of block {block['bit']} of byte {at}"),))
            fields |= values
            position = end
    if position < len(data):
        unread.append(unknown_part(position, data[position:], "the end of the frame"))
    return Frame(fields, unread=tuple(unread))
