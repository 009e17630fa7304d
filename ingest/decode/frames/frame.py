"""What a frame says, and how one number in it is laid out."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict, cast

from ingest.errors import Fault

Endian = Literal["big", "little"]

_TYPES = {
    "u8": (1, False),
    "i8": (1, True),
    "u16": (2, False),
    "i16": (2, True),
    "u24": (3, False),
    "u32": (4, False),
    "i32": (4, True),
    "f32": (4, True),
}


class Part(TypedDict, total=False):
    """One number of a frame, as schemas/devices lays it out: ((raw & mask) - subtract) × multiply ÷ divide.

    name: the field it becomes; none when it is passed over
    type: u8, i8, u16, i16, u24, u32, i32, f32 (IEEE 754) or text (ASCII, to the first NUL)
    size: of a text, in bytes; without it the text goes to the end of the frame
    skip: instead of a type: so many bytes that are passed over
    absent: raw values, read without sign, that mean "no value"
    """

    name: str
    type: str
    size: int
    skip: int
    mask: int
    subtract: float
    multiply: float
    divide: float
    absent: Sequence[int]


@dataclass(frozen=True, slots=True)
class Frame:
    """What could be read of a frame.

    fields: as the maker's codec names them; empty when the frame measures nothing (an answer to a downlink)
    quarantine: why the readings are stored and must not count, or None
    unread: a fault for each part that could not be read, while the rest was
    """

    fields: Mapping[str, object] = field(default_factory=dict)
    quarantine: str | None = None
    unread: tuple[Fault, ...] = ()


def parts_of(settings: Mapping[str, object], key: str) -> Sequence[Part]:
    """Return the layout that stands in a model's frame settings under `key`."""
    return cast("Sequence[Part]", settings[key])


def size_of(part: Part) -> int:
    """Return how many bytes the part takes; 0 for a text that goes to the end."""
    if "skip" in part:
        return part["skip"]
    return part.get("size", 0) if part["type"] == "text" else _TYPES[part["type"]][0]


def read_part(data: bytes, position: int, part: Part, endian: Endian) -> float | str | None:
    """Return the number or text at `position`, which must be there; None for no value, or for what is passed over."""
    if "name" not in part:
        return None
    if part["type"] == "text":
        return _text(data[position : position + part["size"]] if "size" in part else data[position:])
    size, is_signed = _TYPES[part["type"]]
    raw = data[position : position + size]
    if int.from_bytes(raw, endian) in part.get("absent", ()):
        return None
    number: float
    if part["type"] == "f32":
        (number,) = struct.unpack(">f" if endian == "big" else "<f", raw)
        if not math.isfinite(number):
            return None
    else:
        number = int.from_bytes(raw, endian, signed=is_signed)
        number = number & part["mask"] if "mask" in part else number
    value = (number - part.get("subtract", 0)) * part.get("multiply", 1)
    return value / part["divide"] if "divide" in part else value


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("ascii", "replace")


def read_parts(
    data: bytes, position: int, parts: Sequence[Part], endian: Endian
) -> tuple[dict[str, object], int | None]:
    """Return the fields of parts that follow each other, and where they end; None when `data` ends before."""
    fields: dict[str, object] = {}
    for part in parts:
        if position + size_of(part) > len(data):
            return fields, None
        value = read_part(data, position, part, endian)
        if value is not None:
            fields[part["name"]] = value
        position = len(data) if part.get("type") == "text" and "size" not in part else position + size_of(part)
    return fields, position
