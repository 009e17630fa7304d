"""CBOR (RFC 8949) from outside: bytes become the same plain values that JSON gives, and byte strings.

`cbor2` reads the bytes. Tags are refused but decimal fractions, which SenML allows for numbers (RFC 8428, section 6):
others build regular expressions, mail messages and references to what came before, of which a few bytes make millions.
"""

from __future__ import annotations

import io
import math
from decimal import Decimal
from typing import NoReturn

import cbor2

from ingest.decode.guard import MAX_DEPTH, describe
from ingest.errors import Fault, PayloadError

_MOST_BITS = 1023
"""Of whole numbers, so that each fits a double."""
# Every tag that cbor2 decodes by itself, but 2 and 3 (whole numbers) and 4 (decimal fractions).
_REFUSED_TAGS = (0, 1, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)


def parse_cbor(payload: bytes, *, limit_bytes: int, max_depth: int = MAX_DEPTH) -> object:
    """Return the value in `payload`: dict with text or whole numbers as keys, list, str, bytes, int, float, bool, None.

    limit_bytes: longest payload that is looked at
    max_depth: most maps and lists inside each other
    Raises: PayloadError (too_large, malformed_cbor, number_too_large, not_a_number).
    """
    if len(payload) > limit_bytes:
        expected = f"at most {limit_bytes} bytes"
        raise PayloadError(Fault("", "too_large", f"{len(payload)} bytes", expected, "Send it in smaller parts."))
    stream = io.BytesIO(payload)
    try:
        value = cbor2.load(
            stream,
            max_depth=max_depth,
            allow_duplicate_keys=False,
            semantic_decoders=dict.fromkeys(_REFUSED_TAGS, _refuse_tag),
        )
    except (cbor2.CBORError, ValueError, ArithmeticError, RecursionError, MemoryError, TypeError) as error:
        raise PayloadError(_malformed(str(error) or type(error).__name__)) from error
    if stream.tell() != len(payload):
        raise PayloadError(_malformed(f"{len(payload) - stream.tell()} bytes behind the end of the value"))
    return _plain(value, "")


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("a tag other than 2, 3 and 4")


def _plain(value: object, pointer: str) -> object:
    """Return the value without what JSON has not, but byte strings. Raises: PayloadError."""
    if isinstance(value, dict):
        for key in value:
            if isinstance(key, bool) or not isinstance(key, str | int):
                raise PayloadError(_malformed(f"a key {describe(key)} at {pointer or '/'}"))
        return {key: _plain(inner, f"{pointer}/{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, f"{pointer}/{place}") for place, inner in enumerate(value)]
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        code = "not_a_number" if math.isnan(value) else "number_too_large"
        raise PayloadError(_no_number(code, value, pointer))
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise PayloadError(_no_number("number_too_large", value, pointer))
    if value is None or isinstance(value, str | bytes | int | float):
        return value
    raise PayloadError(_malformed(f"{type(value).__name__} at {pointer or '/'}"))


def _no_number(code: str, value: float, pointer: str) -> Fault:
    return Fault(pointer, code, describe(value), "numbers that fit a double", "Send a measured value or nothing.")


def _malformed(got: str) -> Fault:
    return Fault(
        "", "malformed_cbor", describe(got), "CBOR (RFC 8949) without tags but 2, 3 and 4", "Check the encoder."
    )
