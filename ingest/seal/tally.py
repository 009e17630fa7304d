"""What became of each message: stored, duplicate, rejected or ignored. Every message has exactly one outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest.messages import Flags, Integers, Messages, instants_array
from ingest.seal.judged import Judged

OUTCOMES = ("stored", "duplicate", "rejected", "ignored")
_STORED, _DUPLICATE, _REJECTED, _IGNORED = range(len(OUTCOMES))
SAME_READING = "same_reading"


class Tally:
    """Counts, per message number, the rows that were stored, were there already, or were refused."""

    def __init__(self, message_seq: Integers) -> None:
        """Begin with nothing counted for the messages of these numbers."""
        self._numbers, self._place = np.unique(message_seq, return_inverse=True)
        self._stored, self._duplicate, self._refused, self._refused_duplicate = (
            np.zeros(len(self._numbers), np.int32) for _ in range(4)
        )

    def count(self, table: str, message_seqs: Sequence[int] | Integers, is_duplicate: Sequence[bool] | Flags) -> None:
        """Count rows of `table`, one entry per row: its message and whether it was there already."""
        place = np.searchsorted(self._numbers, np.asarray(message_seqs, np.int64))
        known = np.asarray(is_duplicate, np.bool_)
        new, again = self._stored, self._duplicate
        if table == "rejected":
            new, again = self._refused, self._refused_duplicate
        new += np.bincount(place[~known], minlength=len(new)).astype(np.int32)
        again += np.bincount(place[known], minlength=len(again)).astype(np.int32)

    def outcomes(self, messages: Messages, judged: Mapping[int, Judged]) -> Ended:
        """Return what became of `messages`, all of whose rows were counted.

        judged: what was looked at closely, by place; the others are plain: all their rows could be kept
        """
        stored, duplicate = self._stored[self._place], self._duplicate[self._place]
        outcome = np.where(stored > 0, _STORED, _DUPLICATE).astype(np.int8)
        reasons = np.full(len(stored), SAME_READING, np.object_)
        reasons[stored > 0] = None
        for place, one in judged.items():
            outcome[place], reasons[place] = self._closely(int(self._place[place]), one)
        return Ended(
            outcome,
            reasons,
            stored,
            duplicate + self._refused_duplicate[self._place],
            self._refused[self._place],
            redelivered=int(np.count_nonzero(messages.redelivered & (outcome == _DUPLICATE))),
        )

    def _closely(self, at: int, judged: Judged) -> tuple[int, str | None]:
        if judged.error is not None:
            code = judged.error.faults[0].code
            return (_DUPLICATE if self._refused_duplicate[at] else _REJECTED), code
        decoded = judged.decoded
        assert decoded is not None, "a message is decoded or refused"
        if self._stored[at]:
            return _STORED, "partly_rejected" if decoded.parts_refused else None
        if self._duplicate[at]:
            return _DUPLICATE, SAME_READING
        if decoded.parts_refused:
            return _REJECTED, decoded.parts_refused[0].faults[0].code
        return _IGNORED, decoded.ignored or "no_rows"


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of each message of a batch.

    outcome: index into OUTCOMES
    rows_stored, rows_duplicate, rows_rejected: as in raw_messages
    redelivered: messages the broker sent again (DUP) although they were here: they were counted before. One that was
        lost on its first way is no such message, and a sender's own repetition carries no DUP
    """

    outcome: np.ndarray[tuple[int], np.dtype[np.int8]]
    reasons: np.ndarray[tuple[int], np.dtype[np.object_]]
    rows_stored: np.ndarray[tuple[int], np.dtype[np.int32]]
    rows_duplicate: np.ndarray[tuple[int], np.dtype[np.int32]]
    rows_rejected: np.ndarray[tuple[int], np.dtype[np.int32]]
    redelivered: int

    def counts(self) -> Counter[str]:
        """Return how many of the messages had each outcome."""
        times = np.bincount(self.outcome, minlength=len(OUTCOMES)).tolist()
        return Counter({name: count for name, count in zip(OUTCOMES, times, strict=True) if count})

    def raw_columns(self, messages: Messages) -> dict[str, pa.Array]:
        """Return the columns of raw_messages for the messages."""
        return {
            "message_seq": pa.array(messages.message_seq),
            "received_at": instants_array(messages.received_at_us),
            "topic": messages.topics.dictionary_decode(),
            "payload": messages.payloads,
            "redelivered": pa.array(messages.redelivered),
            "retained": pa.array(messages.retained),
            "outcome": pa.array(OUTCOMES).take(pa.array(self.outcome)),
            "reason": pa.array(self.reasons, pa.string()),
            "rows_stored": pa.array(self.rows_stored),
            "rows_duplicate": pa.array(self.rows_duplicate),
            "rows_rejected": pa.array(self.rows_rejected),
        }
