"""Text that came from outside, without what nobody sees and what would turn or rewrite the line around it."""

from __future__ import annotations

from typing import overload

_KEPT = "\t\n"
_CONTROLS = (chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _KEPT)
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Marks, embeddings, overrides and isolates of the Unicode Bidirectional Algorithm (UAX #9, 2.1 to 2.5)."""

_DROPPED = dict.fromkeys(map(ord, (*_CONTROLS, *_DIRECTIONS)))


@overload
def readable(text: str) -> str: ...
@overload
def readable(text: None) -> None: ...
def readable(text: str | None) -> str | None:
    """Return `text` without control characters (but tab and line feed) and without directions; None stays None.

    A name with an open right-to-left override would show the number after it backwards, and an escape sequence would
    colour or clear the terminal of whoever lists it.
    """
    return None if text is None else text.translate(_DROPPED)


def one_line(text: str) -> str:
    """Return `text` on one line: what comes from outside begins no line of its own."""
    return " ".join(text.splitlines())
