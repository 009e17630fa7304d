"""What a native sender hears back: the contract is schemas/messages/device_reply.schema.json."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ingest.errors import Fault
from ingest.observation import Message, Reply

MOST_FAULTS = 100


def reply_to(message: Message, topic: str, *, accepted: bool, rows: int, faults: Sequence[Fault]) -> Reply:
    """Return the answer to `message`; the caller publishes it once rows or refused bytes are durable.

    rows: rows that the message gave, stored now or before
    faults: all; the first 100 are sent, the others counted
    """
    said = {
        "schema": "greening.device_reply/1",
        "accepted": accepted,
        "rows": rows,
        "payload_sha256": message.payload_sha256(),
        "received_at": message.received_at.isoformat(timespec="microseconds"),
        "faults": faults[:MOST_FAULTS],
        "faults_left_out": max(0, len(faults) - MOST_FAULTS),
    }
    return Reply(topic, msgspec.json.encode(said))
