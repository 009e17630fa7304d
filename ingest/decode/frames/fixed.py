"""Frames whose numbers stand at fixed places, told apart by port, length and first bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

from ingest.decode.frames.faults import not_this_frame, truncated
from ingest.decode.frames.frame import Endian, Frame, Part, read_part, size_of


class _Placed(Part, total=False):
    at: int


class _Layout(TypedDict, total=False):
    ports: Sequence[int]
    lengths: Sequence[int]
    starts: Sequence[str]
    answered_at: int
    record: int
    parts: Sequence[_Placed]


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:
    """Return the fields of the first of the model's `layouts` (schemas/devices) that fits.

    A layout names the ports, the lengths in bytes and the first bytes (in hex, of which one must fit) that it is for;
    what it does not name may be anything. A layout without parts is a frame that measures nothing. A part that
    lies beyond the end is an addition of newer firmware and left out, and so is all behind the byte `answered_at` where
    that is 0: the probe did not answer. Where a layout says how long a `record` is, the frame is a log of such records,
    each with these parts, and they come as a list under `history`; one of zeros is none.
    Raises: PayloadError when none fits.
    """
    layouts = cast("Sequence[_Layout]", settings["layouts"])
    endian = cast("Endian", settings.get("endian", "big"))
    here = [layout for layout in layouts if f_port is None or f_port in layout.get("ports", (f_port,))]
    if not here:
        ports = sorted({port for layout in layouts for port in layout.get("ports", ())})
        raise not_this_frame(f"port {f_port}", f"port {' or '.join(map(str, ports))}")
    begun = [layout for layout in here if _begins(data, layout)]
    if not begun:
        starts = ", ".join(start for layout in here for start in layout.get("starts", ()))
        raise not_this_frame(f"{data[:8].hex()} on port {f_port}", f"a frame that begins with one of {starts}")
    for layout in begun:
        if "record" in layout:
            if data and len(data) % layout["record"] == 0:
                return Frame({"history": _read_log(data, layout, endian)})
        elif len(data) in layout.get("lengths", (len(data),)):
            return Frame(_read(data, layout, endian))
    lengths = sorted({length for layout in begun for length in layout.get("lengths", ())})
    records = [f"records of {layout['record']}" for layout in begun if "record" in layout]
    raise truncated(data, f"{' or '.join([*map(str, lengths), *records])} bytes")


def _begins(data: bytes, layout: _Layout) -> bool:
    return "starts" not in layout or data.startswith(tuple(bytes.fromhex(start) for start in layout["starts"]))


def _read_log(data: bytes, layout: _Layout, endian: Endian) -> list[dict[str, object]]:
    length = layout["record"]
    records = (data[start : start + length] for start in range(0, len(data), length))
    return [_read(record, layout, endian) for record in records if any(record)]


def _read(data: bytes, layout: _Layout, endian: Endian) -> dict[str, object]:
    fields: dict[str, object] = {}
    answered_at = layout.get("answered_at")
    end = answered_at if answered_at is not None and not data[answered_at] else len(data)
    for part in layout.get("parts", ()):
        if part["at"] + size_of(part) <= end:
            value = read_part(data, part["at"], part, endian)
            if value is not None:
                fields[part["name"]] = value
    return fields
