"""Decentlab protocol 2: version, device id, flags, then a block of 16-bit words for every flag that is set."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

from ingest.decode.frames.faults import not_this_frame, truncated

_PROTOCOL = 2
_HEADER = 5


class _Value(TypedDict, total=False):
    name: str
    word: int
    subtract: float
    divide: float
    polynomial: list[float]


class _Block(TypedDict):
    words: int
    values: list[_Value]


def decode_frame(
    data: bytes, f_port: int | None, settings: Mapping[str, object]
) -> tuple[dict[str, object], str | None]:
    """Return the fields of the model whose `blocks` are in `settings` (schemas/devices/decentlab.toml).

    f_port: any; the vendor uses 1 and does not check it
    Raises: PayloadError for another protocol or a frame that ends too early.
    """
    if len(data) < _HEADER:
        raise truncated(data, f"at least {_HEADER} bytes")
    version, _, flags = struct.unpack_from(">BHH", data)
    if version != _PROTOCOL:
        raise not_this_frame(f"protocol {version} on port {f_port}", f"protocol {_PROTOCOL}")
    fields: dict[str, object] = {}
    position = _HEADER
    for number, block in enumerate(cast("Sequence[_Block]", settings["blocks"])):
        if not flags >> number & 1:
            continue
        size = block["words"]
        if len(data) < position + 2 * size:
            raise truncated(data, f"{position + 2 * size} bytes with flags 0x{flags:04x}")
        words = struct.unpack_from(f">{size}H", data, position)
        position += 2 * size
        for value in block["values"]:
            fields[value["name"]] = _evaluate(words[value["word"]], value)
    return fields, None


def _evaluate(word: int, value: _Value) -> float:
    x = (word - value.get("subtract", 0)) / value.get("divide", 1)
    if "polynomial" not in value:
        return x
    result = 0.0
    for coefficient in reversed(value["polynomial"]):
        result = result * x + coefficient
    return result
