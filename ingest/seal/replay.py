"""Messages that were refused or left aside, judged again: after a decoder was mended or a device registered.

So are the messages whose rows stood in a file that was set aside as damaged: their rows come back.

What is accepted now becomes rows and leaves `rejected`; raw_messages says the new outcome. Safe to interrupt: rows are
added first, then the partitions are swapped, and doing it again changes nothing more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.lake.damage import lost_messages, read_undamaged
from ingest.lake.files import partition_days, partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.locks import swapping
from ingest.lake.tables import Table, table
from ingest.lake.write import replace_partition, to_arrow
from ingest.observation import Message
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.judged import Row
from ingest.seal.sealer import Sealer

AGAIN = ("rejected", "ignored")
"""Outcomes that are worth judging again; what was stored or a duplicate stays as it is."""

_MESSAGES_AT_ONCE = 20_000


@dataclass(slots=True)
class Replayed:
    """How many messages were judged again, and what their outcome is now."""

    messages: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


def replay(
    folder: DataFolder,
    sealer: Sealer,
    registers: RegisterSnapshot,
    now: datetime,
    since: date | None = None,
    turned: Callable[[], None] = lambda: None,
) -> Replayed:
    """Judge again every refused or ignored message received on or after the local day `since`, or of all kept days.

    now: what senders' clocks are held against; ours may have been behind when the message came
    turned: called after each file, for a watchdog
    The caller owns the data folder (`lake.ownership.own`). Raises: StoreError; run it again then.
    """
    raw = table("raw_messages")
    replayed = Replayed()
    lost = lost_messages(folder)
    for day in partition_days(folder, raw):
        if since is not None and day < since:
            continue
        for path in partition_files(folder, raw, day):
            _replay_file(folder, sealer, registers, raw, day, path, replayed, lost, now)
            turned()
    return replayed


def _replay_file(
    folder: DataFolder,
    sealer: Sealer,
    registers: RegisterSnapshot,
    raw: Table,
    day: date,
    path: Path,
    replayed: Replayed,
    lost: Sequence[tuple[int, int]],
    now: datetime,
) -> None:
    if not _has_candidates(path, lost):
        return
    rows, _ = read_undamaged(folder, raw, [path])
    chosen = rows.filter(_candidates(rows, lost))
    changed: dict[int, Row] = {}
    before = dict(zip(chosen["message_seq"].to_pylist(), chosen["outcome"].to_pylist(), strict=True))
    for messages in _messages(chosen, now):
        sealed, raw_rows = sealer.store(messages, registers)
        replayed.messages += len(messages)
        replayed.outcomes.update(sealed.outcomes)
        changed |= {
            row["message_seq"]: row for row in raw_rows.to_pylist() if _is_better(before[row["message_seq"]], row)
        }
    if not changed:
        return
    _drop_rejected(folder, day, set(changed))
    kept = rows.filter(pc.invert(pc.is_in(rows["message_seq"], value_set=pa.array(list(changed), pa.int64()))))
    with swapping(folder):
        others = [other for other in partition_files(folder, raw, day) if other != path]
        merged = pa.concat_tables([kept, to_arrow(raw, list(changed.values()))])
        replace_partition(folder, raw, day, merged, path.stem.rpartition("-")[0], keep=others)


def _candidates(rows: pa.Table, lost: Sequence[tuple[int, int]]) -> pa.Array:
    """Return which messages are to be judged again; rows: outcome and message_seq at least."""
    again = pc.is_in(rows["outcome"], value_set=pa.array(AGAIN))
    for first, last in lost:
        inside = pc.and_(pc.greater_equal(rows["message_seq"], first), pc.less_equal(rows["message_seq"], last))
        again = pc.or_(again, inside)
    return again


def _has_candidates(path: Path, lost: Sequence[tuple[int, int]]) -> bool:
    """Say whether a file of raw_messages has anything to judge again, without its payloads; a damaged one may have."""
    try:
        rows = pq.read_table(path, columns=["outcome", "message_seq"], partitioning=None)
    except (pa.ArrowException, OSError, ValueError):
        return True
    return bool(pc.any(_candidates(rows, lost)).as_py())


def _is_better(before: str, now: Row) -> bool:
    """Say whether the message is understood now; one that only repeats its own refusal is not."""
    outcome, reason = now["outcome"], now["reason"]
    is_read = outcome == "stored" or (outcome == "duplicate" and reason == "same_reading")
    return before in AGAIN and (is_read or (before == "ignored" and outcome == "rejected"))


def _messages(rows: pa.Table, now: datetime) -> Iterator[list[Message]]:
    for start in range(0, rows.num_rows, _MESSAGES_AT_ONCE):
        yield [
            Message(
                message_seq=row["message_seq"],
                received_at=row["received_at"],
                topic=row["topic"],
                payload=row["payload"],
                redelivered=row["redelivered"],
                retained=row["retained"],
                judged_at=now,
            )
            for row in rows.slice(start, _MESSAGES_AT_ONCE).sort_by("message_seq").to_pylist()
        ]


def _drop_rejected(folder: DataFolder, day: date, message_seqs: set[int]) -> None:
    """Take the whole-message refusals of `message_seqs` out of the day's `rejected`, in one step a file."""
    spec = table("rejected")
    gone = pa.array(list(message_seqs), pa.int64())
    with swapping(folder):
        for path in partition_files(folder, spec, day):
            rows, _ = read_undamaged(folder, spec, [path])
            is_gone = pc.and_(pc.is_in(rows["message_seq"], value_set=gone), pc.equal(rows["scope"], "message"))
            if pc.any(is_gone).as_py():
                others = [other for other in partition_files(folder, spec, day) if other != path]
                kept = rows.filter(pc.invert(is_gone))
                replace_partition(folder, spec, day, kept, path.stem.rpartition("-")[0], keep=others)
