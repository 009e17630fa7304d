"""Frames that name their parts: a key (channel and type), then a value whose layout the key tells.

Milesight writes so, little endian, and TEKTELIC, big endian. A key is two bytes, and a third where that tells channels
apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

from ingest.decode.frames.faults import cut, not_this_frame, unknown_part
from ingest.decode.frames.frame import Endian, Frame, Part, read_parts
from ingest.errors import Fault, PayloadError


class _Texts(TypedDict):
    """Texts of channels: `prefix` of their names, before the channel's number from 1, and `size` in bytes."""

    prefix: str
    size: int


_KEYS = (3, 2)
"""Lengths of keys in bytes, the longest first."""


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:
    """Return the fields of the keys that `settings` (schemas/devices) lays out, as far as they are known.

    channels: layout by key of two or three bytes, in hex · endian: "little" unless it says otherwise · history: key of
    back-filled records, which come as a list under `history` · masked: names and size of texts, by key of records that
    hold the texts of some channels (`_read_masked`); they come under `history`, too · answers: length of an answer to a
    downlink by the key's second byte, after a first of 0xfe or 0xff · ports: those that carry measurements, any when
    not given · silent_ports: those that carry only settings
    Raises: PayloadError for another port, or when not one part can be read.
    """
    ports = cast("Sequence[int]", settings.get("ports", ()))
    if f_port is not None and f_port in cast("Sequence[int]", settings.get("silent_ports", ())):
        return Frame()
    if ports and f_port is not None and f_port not in ports:
        raise not_this_frame(f"port {f_port}", f"port {' or '.join(map(str, ports))}")
    channels = cast("Mapping[str, Sequence[Part]]", settings["channels"])
    answers = cast("Mapping[str, int]", settings.get("answers", {}))
    endian = cast("Endian", settings.get("endian", "little"))
    masked = cast("Mapping[str, _Texts]", settings.get("masked", {}))
    fields: dict[str, object] = {}
    history: list[dict[str, object]] = []
    position, understood = 0, 0
    unread: list[Fault] = []
    while position < len(data):
        key = _key(data[position : position + _KEYS[0]], channels)
        layout = channels.get(key) or _answer(key, answers)
        if layout is None and key not in masked:
            if not understood:
                raise not_this_frame(f"key {key} on port {f_port}", f"one of {', '.join(channels)}")
            unread.append(unknown_part(position, data[position:], f"one of {', '.join(channels)}"))
            break
        begins = position + len(key) // 2
        if layout is None:
            values, end = _read_masked(data, begins, masked[key], endian)
        else:
            values, end = read_parts(data, begins, layout, endian)
        if end is None:
            unread.append(cut(data, f"all bytes of {key} at byte {position}"))
            break
        if key == settings.get("history") or key in masked:
            history.append(values)
        else:
            fields.update(values)
        position, understood = end, understood + 1
    if unread and not understood:
        raise PayloadError(*unread)
    return Frame(fields | {"history": history} if history else fields, unread=tuple(unread))


def _read_masked(data: bytes, position: int, text: _Texts, endian: Endian) -> tuple[dict[str, object], int | None]:
    """Return a record of time, a word with a bit for each channel that is there, lowest first, and a text of each."""
    values, begins = read_parts(
        data, position, ({"name": "timestamp", "type": "u32"}, {"name": "channels", "type": "u16"}), endian
    )
    if begins is None:
        return values, None
    channels = cast("int", values.pop("channels"))
    present = [number + 1 for number in range(channels.bit_length()) if channels >> number & 1]
    layout: list[Part] = [
        {"name": f"{text['prefix']}_{number}", "type": "text", "size": text["size"]} for number in present
    ]
    texts, end = read_parts(data, begins, layout, endian)
    return values | texts, end


def _key(begun: bytes, channels: Mapping[str, Sequence[Part]]) -> str:
    """Return the longest key that is laid out, in hex; the first two bytes when none is."""
    return next((key for length in _KEYS if (key := begun[:length].hex()) in channels), begun[: _KEYS[-1]].hex())


def _answer(key: str, answers: Mapping[str, int]) -> Sequence[Part] | None:
    return ({"skip": answers[key[2:]]},) if key[:2] in ("fe", "ff") and key[2:] in answers else None
