"""What became of each message: stored, duplicate, rejected or ignored. Every message has exactly one outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ingest.seal.judged import Judged


class Tally:
    """Counts, per message number, the rows that were stored, were there already, or were refused."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._stored: Counter[int] = Counter()
        self._duplicate: Counter[int] = Counter()
        self._refused: Counter[int] = Counter()
        self._refused_duplicate: Counter[int] = Counter()

    def count(self, table: str, message_seqs: list[int], is_duplicate: list[bool]) -> None:
        """Count rows of `table`, one entry per row: its message and whether it was there already."""
        refused = table == "rejected"
        for message_seq, known in zip(message_seqs, is_duplicate, strict=True):
            if refused:
                (self._refused_duplicate if known else self._refused)[message_seq] += 1
            else:
                (self._duplicate if known else self._stored)[message_seq] += 1

    def raw_row(self, judged: Judged) -> dict[str, Any]:
        """Return the row of raw_messages for a message whose rows were all counted."""
        message = judged.message
        outcome, reason = self._outcome(judged)
        seq = message.message_seq
        return {
            "message_seq": seq,
            "received_at": message.received_at,
            "topic": message.topic,
            "payload": message.payload,
            "redelivered": message.redelivered,
            "retained": message.retained,
            "outcome": outcome,
            "reason": reason,
            "rows_stored": self._stored[seq],
            "rows_duplicate": self._duplicate[seq] + self._refused_duplicate[seq],
            "rows_rejected": self._refused[seq],
        }

    def _outcome(self, judged: Judged) -> tuple[str, str | None]:
        seq = judged.message.message_seq
        if judged.error is not None:
            code = judged.error.faults[0].code
            return ("duplicate" if self._refused_duplicate[seq] else "rejected"), code
        decoded = judged.decoded
        assert decoded is not None, "a message is decoded or refused"
        if self._stored[seq]:
            return "stored", "partly_rejected" if decoded.parts_refused else None
        if self._duplicate[seq]:
            return "duplicate", "same_reading"
        if decoded.parts_refused:
            return "rejected", decoded.parts_refused[0].faults[0].code
        return "ignored", decoded.ignored or "no_rows"


def redelivered(raw_rows: Sequence[Mapping[str, Any]]) -> int:
    """Return how many of the messages the broker sent again (DUP) although they were here: they were counted before.

    One that was lost on its first way is no such message, and a sender's own repetition carries no DUP.
    """
    return sum(1 for row in raw_rows if row["redelivered"] and row["outcome"] == "duplicate")


def outcomes(raw_rows: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Return how many of the messages had each outcome."""
    return Counter(row["outcome"] for row in raw_rows)
