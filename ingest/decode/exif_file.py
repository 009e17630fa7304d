"""Files that `exiftool -json` writes: one object a picture, in a list or one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ingest.decode.guard import describe
from ingest.errors import Fault, PayloadError

LARGEST_FILE_BYTES = 1_000_000_000
"""Some 200,000 pictures with all their tags."""

_BLANK = " \t\r\n"


def split_exif_file(payload: bytes) -> Iterator[tuple[float, bytes]]:
    """Yield each entry of a file as it stands there, with the share of the file that is read, 0 to 1.

    Nothing is asked of an entry but that it ends: whoever decodes it says what is wrong with it.
    Raises: PayloadError where the file is no list of JSON values, naming the line; what was yielded before is good.
    """
    if len(payload) > LARGEST_FILE_BYTES:
        expected = f"at most {LARGEST_FILE_BYTES} bytes"
        raise PayloadError(Fault("", "too_large", f"{len(payload)} bytes", expected, "Import it folder by folder."))
    try:
        text = payload.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        got = f"byte 0x{payload[error.start]:02x} at byte {error.start}"
        raise PayloadError(Fault("", "not_utf8", got, "UTF-8", "Write the file with exiftool -json.")) from error
    start = _skip(text, 0)
    is_list = text[start : start + 1] == "["
    at = _skip(text, start + is_list)
    if at == len(text):
        raise _broken(text, at, "an empty file")
    decoder = json.JSONDecoder()
    while text[at : at + 1] != ("]" if is_list else ""):
        try:
            _, end = decoder.raw_decode(text, at)
        except RecursionError as error:
            raise _broken(text, at, "an entry nested without end") from error
        except ValueError as error:
            raise _broken(text, at, describe(text[at : at + 60])) from error
        yield end / len(text), text[at:end].encode()
        at = _skip(text, end)
        if is_list and text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif is_list and text[at : at + 1] != "]":
            raise _broken(text, at, describe(text[at : at + 60]) if at < len(text) else "the end of the file")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _broken(text: str, at: int, got: str) -> PayloadError:
    line = text.count("\n", 0, at) + 1
    return PayloadError(
        Fault(
            "",
            "malformed_json",
            f"line {line}: {got}",
            "a list of objects, as exiftool -json writes it",
            "Write the file anew: exiftool -json -n -G1 -r FOLDER > exiftool.json",
        )
    )
