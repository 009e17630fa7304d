"""The gate before every decoder: bytes from outside become plain JSON values, or a `PayloadError` that says why not.

Checked in this order, cheapest and most dangerous first: size, UTF-8, nesting on the raw bytes, syntax and numbers
(msgspec), duplicate keys. A message that passes holds only dict, list, str, int, finite float, bool and None.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from ingest.errors import Fault, PayloadError

MAX_DEPTH = 16
SHOWN_CHARACTERS = 80
_LARGEST_SHOWN_INTEGER = 10**SHOWN_CHARACTERS

# A string, also one that never ends; possessive, so that no input can make it slow.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# A quote, then a colon. It also matches inside some strings, so it can count too many keys, never too few.
_KEY_END = re.compile(rb'"[ \t\r\n]*:')
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LONE_ESCAPE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|\\u[dD][c-fC-F]")
# What C, MicroPython and others write where a number is none; the first group is a string, in which it is a word.
_NO_NUMBER = re.compile(rb'("(?:[^"\\]++|\\.)*+"?)|(-?)(?:(nan)|inf(?:inity)?)(?![A-Za-z])', re.DOTALL | re.IGNORECASE)
_GZIP = b"\x1f\x8b"
_SAFE_DIGITS = 300
# An integer beyond this is infinity as a double.
_LARGEST_DOUBLE = 2**1024 - 2**970


def describe(value: object) -> str:
    """Return what was got, as JSON where it is JSON, cut to 80 characters."""
    if isinstance(value, bytes | bytearray | memoryview):
        text = bytes(value[: SHOWN_CHARACTERS * 4]).decode("utf-8", "backslashreplace")
    elif isinstance(value, str):
        text = json.dumps(value[: SHOWN_CHARACTERS * 2], ensure_ascii=False)
    elif isinstance(value, dict):
        text = f"an object with {len(value)} keys"
    elif isinstance(value, list | tuple):
        text = f"a list of {len(value)}"
    elif value is None or isinstance(value, bool):
        text = json.dumps(value)
    elif isinstance(value, int) and abs(value) >= _LARGEST_SHOWN_INTEGER:
        text = f"an integer of {value.bit_length()} bits"
    else:
        text = repr(value)
    text = _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def parse_json(payload: bytes, *, limit_bytes: int, max_depth: int = MAX_DEPTH) -> object:
    """Return the JSON value in `payload`.

    limit_bytes: longest payload that is looked at
    max_depth: most objects and lists inside each other
    Raises: PayloadError for anything that strict JSON (RFC 8259, UTF-8, no byte order mark, no duplicate keys, no
    lone surrogates, numbers within a double) does not allow.
    """
    check_bytes(payload, limit_bytes=limit_bytes, max_depth=max_depth)
    try:
        value: object = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise PayloadError(*(_bad_numbers(payload) or [_syntax_fault(payload, error)])) from error
    if len(_KEY_END.findall(payload)) != _count_keys(value, payload):
        duplicates = _duplicate_keys(payload)
        if duplicates:
            raise PayloadError(*duplicates)
    return value


def parse_json_around_nan(payload: bytes, *, limit_bytes: int) -> tuple[object, tuple[Fault, ...]]:
    """Return the JSON value with None where NaN or Infinity stood, and a fault with its place for each.

    So one element of a probe that measures nothing does not cost what the others measured.
    Raises: PayloadError as `parse_json`, for anything else that is wrong.
    """
    try:
        return parse_json(payload, limit_bytes=limit_bytes), ()
    except PayloadError as error:
        if any(fault.code != "not_a_number" or not fault.pointer for fault in error.faults):
            raise
        around = _NO_NUMBER.sub(lambda found: found[1] or b"null", payload)
        return parse_json(around, limit_bytes=limit_bytes), error.faults


def check_bytes(payload: bytes, *, limit_bytes: int, max_depth: int = MAX_DEPTH) -> None:
    """Refuse bytes that no parser should see. Raises: PayloadError (too_large, not_utf8, too_deep)."""
    if len(payload) > limit_bytes:
        raise PayloadError(
            Fault("", "too_large", f"{len(payload)} bytes", f"at most {limit_bytes} bytes", "Send it in smaller parts.")
        )
    if not payload.isascii():
        _check_utf8(payload)
    openings = payload.count(b"{") + payload.count(b"[")
    if openings > max_depth and (depth := _nesting(payload, stop_at=max_depth + 1)) > max_depth:
        raise PayloadError(
            Fault("", "too_deep", f"{depth} levels or more", f"at most {max_depth} levels", "Send a flatter message.")
        )


def _check_utf8(payload: bytes) -> None:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        got, advice = f"byte 0x{payload[error.start]:02x} at byte {error.start}", "Encode the message as UTF-8."
        if payload[:2] in (b"\xff\xfe", b"\xfe\xff"):
            got = "UTF-16"
        elif payload.startswith(_GZIP):
            got, advice = "gzip", "Send the text itself, uncompressed."
        raise PayloadError(Fault("", "not_utf8", got, "UTF-8", advice)) from error
    if payload.startswith(b"\xef\xbb\xbf"):
        raise PayloadError(
            Fault("", "byte_order_mark", "a byte order mark", "no byte order mark", "Leave out the first three bytes.")
        )


def _nesting(payload: bytes, *, stop_at: int) -> int:
    """Return the deepest nesting outside of strings, or `stop_at` as soon as it is reached."""
    depth = deepest = 0
    for byte in _STRING.sub(b"", payload).translate(None, _NOT_BRACKETS):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest >= stop_at:
                break
        else:
            depth -= 1
    return deepest


def _count_keys(value: object, payload: bytes) -> int:
    """Return how many keys all objects have. Raises: PayloadError for an integer that no double holds."""
    keys = 0
    waiting = [value]
    for part in waiting:  # grows as it is walked
        kind = type(part)
        if kind is dict:
            keys += len(part)  # type: ignore[arg-type]
            waiting.extend(part.values())  # type: ignore[attr-defined]
        elif kind is list:
            waiting.extend(part)  # type: ignore[arg-type]
        elif kind is int and not -_LARGEST_DOUBLE <= part <= _LARGEST_DOUBLE:  # type: ignore[operator]
            raise PayloadError(*(_bad_numbers(payload) or [_number_fault(payload)]))
    return keys


class _Object(dict[str, object]):
    """A JSON object that remembers the keys it was given twice."""

    twice: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, object]]) -> _Object:
    found = _Object(pairs)
    if len(found) != len(pairs):
        times = Counter(key for key, _ in pairs)
        found.twice = tuple(key for key, count in times.items() if count > 1)
    return found


def _duplicate_keys(payload: bytes) -> list[Fault]:
    try:
        return list(_walk_duplicates(json.loads(payload, object_pairs_hook=_object), ""))
    except (ValueError, RecursionError) as error:
        raise PayloadError(_syntax_fault(payload, error)) from error


def _walk_duplicates(value: object, pointer: str) -> Iterator[Fault]:
    if isinstance(value, _Object):
        for key in value.twice:
            yield Fault(
                f"{pointer}/{escape(key)}", "duplicate_key", f"{describe(key)} twice", "each key once", "Send it once."
            )
        for key, part in value.items():
            yield from _walk_duplicates(part, f"{pointer}/{escape(key)}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _walk_duplicates(part, f"{pointer}/{index}")


def escape(key: str) -> str:
    """Return a key as a part of a JSON pointer (RFC 6901); half a character becomes a sign that can be written."""
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", key).replace("~", "~0").replace("/", "~1")


def _number_fault(payload: bytes) -> Fault:
    got = describe(payload)
    return Fault("", "number_too_large", got, "numbers that fit a double", "Send a measured value or nothing.")


def _bad_numbers(payload: bytes) -> list[Fault]:
    """Return a fault for each number that no double holds and each NaN and Infinity, by its place; [] if none shows."""
    payload = _NO_NUMBER.sub(_as_python_writes_it, payload)

    def real(text: str) -> object:
        return float(text) if math.isfinite(float(text)) else _BadNumber(text)

    def whole(text: str) -> object:
        return 0 if len(text) < _SAFE_DIGITS or math.isfinite(float(text)) else _BadNumber(text)

    try:
        value = json.loads(payload, parse_constant=_BadNumber, parse_float=real, parse_int=whole)
    except (ValueError, RecursionError):
        return []
    return [
        Fault(
            pointer,
            "number_too_large" if number.text[-1].isdigit() else "not_a_number",
            describe(number.text),
            "a finite number that fits a double",
            "Send a measured value, or leave the reading out.",
        )
        for pointer, number in _walk_bad_numbers(value, "")
    ]


def _as_python_writes_it(found: re.Match[bytes]) -> bytes:
    return found[1] or (b"NaN" if found[3] else found[2] + b"Infinity")


@dataclass(frozen=True, slots=True)
class _BadNumber:
    """A number of a message that cannot be one."""

    text: str


def _walk_bad_numbers(value: object, pointer: str) -> Iterator[tuple[str, _BadNumber]]:
    if isinstance(value, _BadNumber):
        yield pointer, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _walk_bad_numbers(part, f"{pointer}/{escape(key)}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _walk_bad_numbers(part, f"{pointer}/{index}")


def _syntax_fault(payload: bytes, error: Exception) -> Fault:
    text = str(error)
    got = f"{text}: {describe(payload)}"
    if isinstance(error, RecursionError):
        return Fault("", "too_deep", describe(payload), f"at most {MAX_DEPTH} levels", "Send a flatter message.")
    if "out of range" in text or "digits" in text:
        return _number_fault(payload)
    if not payload.strip():
        return Fault("", "malformed_json", "an empty message", "a JSON object", "Send the whole message.")
    if any(found[1] is None for found in _NO_NUMBER.finditer(payload)):
        return Fault("", "not_a_number", got, "finite numbers", "Leave out a reading that has no value.")
    if _LONE_ESCAPE.search(payload):
        return Fault("", "lone_surrogate", got, "whole Unicode characters", "Escape both halves or write UTF-8.")
    advice = "Check the syntax."
    if payload.endswith(b"\0"):
        got, advice = "a zero byte at the end", "Leave out the zero byte that ends a text in C."
    return Fault("", "malformed_json", got, "strict JSON (RFC 8259)", advice)
