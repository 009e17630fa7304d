"""What the other end made of a message, whatever the channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import msgspec

from crews.readable import readable

LONGEST_SAID = 200
"""Characters that are kept of what the other end said."""

_SHORTEST_SECRET = 4
_SHORTEST_SEGMENT = 8
"""Characters of a part of a path; what is shorter is a word such as hook or v1."""

HIDDEN = "…"


class Answer(msgspec.Struct, frozen=True):
    """What became of one message.

    outcome: "sent"; "later": it may be tried again, as the way there or a limit failed; "unknown": it may stand there
        already, and is tried again a few times; "refused": it may not be tried again
    code: the other end's own code, such as errcode or the status of HTTP; "" where it gave none
    said: its words, without any secret of ours
    wait_s: how long to leave the other end alone, where it or its documents say so; 0: as we see fit
    """

    outcome: Literal["sent", "later", "unknown", "refused"]
    code: str = ""
    said: str = ""
    wait_s: float = 0.0


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return the beginning of what somebody else said, in one line, with every secret of ours taken out."""
    text = readable(text)  # first, as what nobody sees may stand in the middle of a secret
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            for spelling in (secret, quote(secret), quote(secret, safe="")):
                text = text.replace(spelling, HIDDEN)
    return " ".join(text.split())[:LONGEST_SAID]


def secrets_of_url(url: str) -> set[str]:
    """Return what is secret of an address that is its own password: its path, each longer part of that, its query."""
    parts = urlsplit(url)
    values = {value for _, value in parse_qsl(parts.query)}
    segments = parts.path.split("/")
    long = {segment for segment in segments if len(segment) >= _SHORTEST_SEGMENT}
    return {url, parts.query, parts.path, segments[-1], *long, *map(unquote, long), *values} - {"", "send"}
