"""Frames of which one byte says which blocks follow, big endian, in an order of their own (Tinovi, MCCI)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

from ingest.decode.frames.faults import cut, not_this_frame, truncated, unknown_part
from ingest.decode.frames.frame import Frame, Part, parts_of, read_parts
from ingest.errors import Fault


class _Block(TypedDict):
    bit: int
    parts: Sequence[Part]


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:
    """Return the fields of the blocks whose bits are set.

    f_port: any
    settings: `head` what always follows the byte of bits · `blocks` in the order in which they come, each with its
    bit · `more` the blocks of a second byte of bits, which may stand behind them · `formats` instead: these settings
    by the byte that stands before the byte of bits, in hex
    Raises: PayloadError for another format, or when the frame ends within the head.
    """
    formats = cast("Mapping[str, Mapping[str, object]] | None", settings.get("formats"))
    bits = 0 if formats is None else 1
    if formats is not None:
        if data[:bits].hex() not in formats:
            got, expected = (
                f"{data[:8].hex()} on port {f_port}",
                f"a frame that begins with one of {', '.join(formats)}",
            )
            raise not_this_frame(got, expected)
        settings = formats[data[:bits].hex()]
    fields, position = read_parts(data, bits + 1, parts_of(settings, "head"), "big")
    if position is None or len(data) <= bits:
        raise truncated(data, f"at least {bits + 1 + len(parts_of(settings, 'head'))} bytes, on port {f_port}")
    unread: list[Fault] = []
    for name in ("blocks", "more"):
        at = bits if name == "blocks" else position
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
