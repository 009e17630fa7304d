"""What a frame says, and how one number in it is laid out."""

from __future__ import annotations

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
}


class Part(TypedDict, total=False):
    """One number of a frame, as schemas/devices lays it out: ((raw & mask) - subtract) × multiply ÷ divide.

    name: the field it becomes; none when it is passed over
    type: u8, i8, u16, i16, u24, u32 or i32
    skip: instead of a type: so many bytes that are passed over
    absent: raw values, read without sign, that mean "no value"
    """

    name: str
    type: str
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
    """Return how many bytes the part takes."""
    return part["skip"] if "skip" in part else _TYPES[part["type"]][0]


def read_part(data: bytes, position: int, part: Part, endian: Endian) -> float | None:
    """Return the number at `position`, which must be there; None when it stands for no value or is passed over."""
    if "name" not in part:
        return None
    size, is_signed = _TYPES[part["type"]]
    raw = data[position : position + size]
    if int.from_bytes(raw, endian) in part.get("absent", ()):
        return None
    number = int.from_bytes(raw, endian, signed=is_signed)
    if "mask" in part:
        number &= part["mask"]
    value = (number - part.get("subtract", 0)) * part.get("multiply", 1)
    return value / part["divide"] if "divide" in part else value


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
        position += size_of(part)
    return fields, position
