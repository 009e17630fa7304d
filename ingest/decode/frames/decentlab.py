"""Decentlab protocol 2: version, device id, flags, then a block of 16-bit words for every flag that is set."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

from ingest.decode.curves import evaluate_polynomial
from ingest.decode.frames.faults import cut, not_this_frame, truncated, unknown_part
from ingest.decode.frames.frame import Frame
from ingest.errors import Fault, PayloadError

_PROTOCOL = 2
_HEADER = 5


class _Value(TypedDict, total=False):
    name: str
    word: int
    subtract: float
    multiply: float
    divide: float
    polynomial: list[float]


class _Block(TypedDict):
    words: int
    values: list[_Value]


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:
    """Return the fields of the model whose `blocks` are in `settings` (schemas/devices/decentlab.toml).

    f_port: any; the vendor uses 1 and does not check it
    Raises: PayloadError for another protocol, or when not one block can be read.
    """
    if len(data) < _HEADER:
        raise truncated(data, f"at least {_HEADER} bytes")
    version, _, flags = struct.unpack_from(">BHH", data)
    if version != _PROTOCOL:
        raise not_this_frame(f"protocol {version} on port {f_port}", f"protocol {_PROTOCOL}")
    blocks = cast("Sequence[_Block]", settings["blocks"])
    fields: dict[str, object] = {}
    position = _HEADER
    unread: list[Fault] = []
    for number, block in enumerate(blocks):
        if not flags >> number & 1:
            continue
        end = position + 2 * block["words"]
        if len(data) < end:
            unread.append(cut(data, f"{end} bytes with flags 0x{flags:04x}"))
            break
        words = struct.unpack_from(f">{block['words']}H", data, position)
        position = end
        for value in block["values"]:
            fields[value["name"]] = _evaluate(words[value["word"]], value)
    else:
        if flags >> len(blocks) or position < len(data):
            unread.append(unknown_part(position, data[position:], f"flags and length of {len(blocks)} blocks"))
    if unread and not fields:
        raise PayloadError(*unread)
    return Frame(fields, unread=tuple(unread))


def _evaluate(word: int, value: _Value) -> float:
    x = (word - value.get("subtract", 0)) * value.get("multiply", 1) / value.get("divide", 1)
    return evaluate_polynomial(value["polynomial"], x) if "polynomial" in value else x
