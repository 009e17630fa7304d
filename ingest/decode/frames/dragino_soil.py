"""Dragino's soil probes LSE01, SE01, SE02 and SE0X, big endian.

Port 2, one probe after the other:

    0–1 battery, mV, low 14 bits   2–3 DS18B20 on a cable   then for each probe: water content, 0.01 % · soil
    temperature, 0.01 °C, signed · EC, uS/cm   and one byte of flags: bit 7 raw mode, bit 4 probe found

SE01 and SE02 that count pulses (AT+COUNTMOD=1) write the count behind that, four bytes. SE0X has the flags at byte 4,
before the probes: bit 7 raw mode, bits 3 to 0 which of the four slots have a probe. In raw mode (AT+MOD=1) the three
words are permittivity, 0.1, raw counts of water and raw counts of conductivity. Port 3 is the data log: water content
and temperature of each probe as above, flags, Unix time. Port 5 tells the battery.

The vendor's codec reads a negative temperature 0.01 °C too high (it subtracts 65,535), and so does an example of the
LSE01 manual (FF7E as -1.29 °C); here it is two's complement.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import cast

from ingest.decode.frames.faults import not_this_frame, truncated
from ingest.decode.frames.frame import Frame

_READINGS, _DATALOG, _STATUS = 2, 3, 5
_HEAD, _PROBE, _TIME, _COUNT = 4, 6, 4, 4
_STATUS_LENGTH = 7
_SLOTS = 4
_RAW_MODE = 0x80
_FOUND = 0x10
SUSPECT_RAW = "raw_mode_bit"
"""Why readings are set aside: the raw-mode bit is set, on a model whose firmware is not known to have that mode."""


def decode_frame(data: bytes, f_port: int | None, settings: Mapping[str, object]) -> Frame:
    """Return the fields as the vendor's codec names them; records of the data log come as a list under `history`.

    settings: `raw_mode` true when the firmware has the raw mode · `probes` what the codec writes behind the names of
    each probe's fields, one probe without anything when not given · `slots` true for the flags of SE0X · `datalog`
    true when there is one, `log_ec` true when its third word is known to be the EC · `counts` true when it can count
    pulses · `status` the first byte on port 5
    Raises: PayloadError for another port or length.
    """
    names = cast("Sequence[str]", settings.get("probes", ("",)))
    if f_port in (None, _READINGS):
        return _slots(data, names) if settings.get("slots") else _readings(data, names, settings)
    if f_port == _DATALOG and settings.get("datalog"):
        return _datalog(data, names, has_ec=bool(settings.get("log_ec")))
    if f_port == _STATUS and "status" in settings:
        return _status(data, settings)
    ports = [_READINGS] + [_DATALOG] * bool(settings.get("datalog")) + [_STATUS] * ("status" in settings)
    raise not_this_frame(f"port {f_port}", f"port {' or '.join(map(str, ports))}")


def _readings(data: bytes, names: Sequence[str], settings: Mapping[str, object]) -> Frame:
    length = _HEAD + _PROBE * len(names) + 1
    lengths = (length, length + _COUNT) if settings.get("counts") else (length,)
    if len(data) not in lengths:
        raise truncated(data, f"{' or '.join(map(str, lengths))} bytes")
    is_raw, is_found = bool(data[length - 1] & _RAW_MODE), bool(data[length - 1] & _FOUND)
    fields = _battery(data)
    for number, name in enumerate(names):
        words = struct.unpack_from(">3H", data, _HEAD + _PROBE * number)
        fields |= _probe(words, name, is_raw=is_raw and bool(settings.get("raw_mode")), is_found=is_found)
    return Frame(fields, SUSPECT_RAW if is_raw and not settings.get("raw_mode") else None)


def _slots(data: bytes, names: Sequence[str]) -> Frame:
    length = _HEAD + 1 + _PROBE * _SLOTS
    if len(data) != length:
        raise truncated(data, f"{length} bytes")
    flags = data[_HEAD]
    fields = _battery(data)
    for number, name in enumerate(names):
        if flags >> (_SLOTS - 1 - number) & 1:
            words = struct.unpack_from(">3H", data, _HEAD + 1 + _PROBE * number)
            fields |= _probe(words, name, is_raw=bool(flags & _RAW_MODE), is_found=True)
    return Frame(fields)


def _battery(data: bytes) -> dict[str, object]:
    return {"BatV": (int.from_bytes(data[:2], "big") & 0x3FFF) / 1000}


def _probe(words: Sequence[int], name: str, *, is_raw: bool, is_found: bool) -> dict[str, object]:
    if is_raw:
        return {f"Raw_water_SOIL{name}": words[1]}
    # What the electronics send for a probe that does not answer; a probe in dry air has a temperature.
    if all(word == 0xFFFF for word in words) or not (is_found or any(words)):  # noqa: PLR2004
        return {}
    water, temperature, ec = words
    return {
        f"water_SOIL{name}": water / 100,
        f"temp_SOIL{name}": _signed(temperature) / 100,
        f"conduct_SOIL{name}": ec,
    }


def _datalog(data: bytes, names: Sequence[str], *, has_ec: bool) -> Frame:
    """Return the records of the data log.

    The third word of each probe is its EC (SE02); of SE01 the vendor's codec cuts it to 12 bits and divides it by ten,
    which fits neither its EC nor its cable probe, so it is left out.
    """
    length = _PROBE * len(names) + 1 + _TIME
    if not data or len(data) % length:
        raise truncated(data, f"records of {length} bytes")
    records: list[dict[str, object]] = []
    for start in range(0, len(data), length):
        if not any(data[start : start + length]):
            continue
        record: dict[str, object] = {"timestamp": int.from_bytes(data[start + length - _TIME : start + length], "big")}
        for number, name in enumerate(names):
            words = struct.unpack_from(">3H", data, start + _PROBE * number)
            probe = _probe(words, name, is_raw=False, is_found=True)
            if not has_ec:
                probe.pop(f"conduct_SOIL{name}", None)
            record |= probe
        records.append(record)
    return Frame({"history": records})


def _status(data: bytes, settings: Mapping[str, object]) -> Frame:
    if len(data) != _STATUS_LENGTH:
        raise truncated(data, f"{_STATUS_LENGTH} bytes")
    if data[0] != settings["status"]:
        raise not_this_frame(f"sensor 0x{data[0]:02x} on port {_STATUS}", f"sensor 0x{settings['status']:02x}")
    return Frame({"BatV": int.from_bytes(data[5:7], "big") / 1000})


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word
