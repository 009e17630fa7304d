"""What we ask of senders, such as to be born again: not again and again while they cannot answer."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.observation import Reply

EVERY_S = 60.0
"""Seconds between two requests to one topic: a node that sends each second is not asked each second."""


class Requests:
    """Remembers what was asked lately; used by one thread."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self._asked: dict[str, float] = {}

    def due(self, replies: Iterable[Reply], now_s: float) -> list[Reply]:
        """Return what is to be published at `now_s`, monotonic seconds: every answer, and no request too soon."""
        self._asked = {topic: at for topic, at in self._asked.items() if now_s - at < EVERY_S}
        due = [reply for reply in replies if not reply.is_request or reply.topic not in self._asked]
        self._asked |= {reply.topic: now_s for reply in due if reply.is_request}
        return due
