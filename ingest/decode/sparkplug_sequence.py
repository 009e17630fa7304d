"""Sequence numbers of Sparkplug B: 0 to 255 and 0 again, through all messages of a node but its death.

A number that is left out is a message that was lost: on a radio link, in a full queue, before we listened. What follows
may stand on a birth that never came, so the node is asked to be born again (Sparkplug 3.0.0, operational behaviour of
hosts, reordering). How many were lost, the question `lost_by_node` answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.decode.sparkplug_births import Node

NUMBERS = 256
_MOST_NODES = 20_000


@dataclass(frozen=True, slots=True)
class Numbered:
    """Which number a message has; starts: it is a node's birth, with which the numbers begin anew."""

    message_seq: int
    node: Node
    seq: int
    starts: bool


class Sequences:
    """The last number of every node, as far as this process heard, and the messages that others are missing before."""

    def __init__(self) -> None:
        """Begin with nothing: what was lost before is not asked for."""
        self._last: dict[Node, int] = {}
        self._after_gap: set[int] = set()

    def hear(self, messages: Iterable[Numbered]) -> None:
        """Take over a batch, in order of arrival; the same number again is the same message again."""
        self._after_gap = set()
        for message in messages:
            last = self._last.pop(message.node, None)
            if not message.starts and last is not None and message.seq not in (last, (last + 1) % NUMBERS):
                self._after_gap.add(message.message_seq)
            self._last[message.node] = message.seq
            if len(self._last) > _MOST_NODES:
                del self._last[next(iter(self._last))]

    def is_after_gap(self, message_seq: int) -> bool:
        """Say whether a message of the newest batch came when one before it had not."""
        return message_seq in self._after_gap
