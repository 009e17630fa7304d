"""What messages are acknowledged by, once they are on disk."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.messages import Integers


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """What is needed to acknowledge messages: their packet ids, on the connection they came on."""

    epoch: int
    packet_ids: Integers
