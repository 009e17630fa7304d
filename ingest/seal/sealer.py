"""The seal: the oldest messages of the inbox become durable rows, and leave the inbox.

Safe to interrupt anywhere: rows are compared with what the lake holds before they are written, so doing the same
messages again adds nothing, and messages leave the inbox only after all their rows are durable. raw_messages is
written last; it says what became of each message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa

from ingest.decode.context import DecodeContext
from ingest.errors import StoreError
from ingest.lake.damage import set_aside_damaged
from ingest.lake.dedupe import Novelty, compared_files, tell_new_from_known
from ingest.lake.durable import store_errors
from ingest.lake.files import partition_bytes
from ingest.lake.layout import DataFolder
from ingest.lake.tables import Table, table
from ingest.lake.write import by_local_day, columns_to_arrow, to_arrow, write_rows
from ingest.messages import Messages, instant
from ingest.observation import Message, Reply
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.expired import not_expired, refuse_expired
from ingest.seal.judged import Batch, Judged, judge, our_fault
from ingest.seal.memory import Memory
from ingest.seal.plain import PlainReader
from ingest.seal.tally import Tally
from ingest.site import Site

_DAYS_AT_ONCE = 128
"""Local days compared in one query, whose cost is mostly fixed: a backlog of years has few rows on each day."""
_UNSTORABLE = (OverflowError, UnicodeError, pa.ArrowException)
"""What Arrow raises for a value that its column cannot hold: a decoder let through what it should not have."""
_COMPARED_BYTES = 8 * 1024 * 1024
"""Most Parquet bytes of several days compared in one query, so that memory does not follow the history (I7)."""


@dataclass(slots=True)
class Sealed:
    """What one seal did.

    outcomes: messages by outcome
    redelivered: duplicates among them that are the broker's own second sending
    replies: to publish now, since everything is durable
    touched: partitions that have a new file
    damaged: names of files that were found damaged and set aside
    """

    messages: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    redelivered: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    replies: list[Reply] = field(default_factory=list)
    touched: set[tuple[str, date]] = field(default_factory=set)
    damaged: list[str] = field(default_factory=list)


class Sealer:
    """Turns messages into durable rows; one per process that holds the writer lock.

    turned: called whenever a part of the work is done, for a watchdog: a long backlog may take minutes
    """

    def __init__(
        self, folder: DataFolder, site: Site, software_version: str, turned: Callable[[], None] = lambda: None
    ) -> None:
        """Prepare; nothing is read before the first seal."""
        self._turned = turned
        self._folder = folder
        self._site = site
        self._software_version = software_version
        self._memory: Memory | None = None
        self._plain = PlainReader()

    def seal(self, messages: Sequence[Message], registers: RegisterSnapshot) -> Sealed:
        """Make the rows of `messages` durable and return what became of them.

        registers: device models for decoding, plots for attribution, the days that were deleted by rule
        Raises: StoreError; call again with the same messages, nothing is lost or doubled by that.
        """
        sealed, raw_rows = self.store(messages, registers)
        if len(messages):
            some = Messages.of(messages)
            self._store(table("raw_messages"), raw_rows, _stem(some), Tally(some.message_seq), sealed)
        return sealed

    def store(self, messages: Sequence[Message], registers: RegisterSnapshot) -> tuple[Sealed, pa.Table]:
        """Make the rows of `messages` durable, but for raw_messages, whose rows are returned. Raises: StoreError."""
        if not len(messages):
            return Sealed(), table("raw_messages").schema.empty_table()
        try:
            return self._store_all(Messages.of(messages), registers)
        except BaseException:
            self._memory = None  # what it learned may not be on disk: begin again with what is
            raise

    def _store_all(self, messages: Messages, registers: RegisterSnapshot) -> tuple[Sealed, pa.Table]:
        sealed = Sealed(messages=len(messages))
        memory = self._memory = self._memory or Memory(self._folder)
        since = registers.kept_from
        plain = not_expired(self._plain.read(messages, self._site, registers.model_of), since, self._site)
        closely = np.flatnonzero(~plain.is_plain).tolist()
        others = messages.at(closely)
        memory.learn_sparkplug(others)
        context = DecodeContext(
            self._site, registers.model_of, memory.streams, memory.births, sequences=memory.sequences
        )
        batch = judge(others, context, self._software_version, memory.learn_streams)
        refuse_expired(batch, since, self._site, self._software_version)
        tally = Tally(messages.message_seq)
        if batch.images or batch.poses:
            self._store_pictures(batch, messages, registers, tally, sealed)
        rows = self._as_tables(batch)
        for name, plain_rows in plain.tables(messages).items():
            rows[name] = pa.concat_tables([plain_rows, rows[name]]) if name in rows else plain_rows
        for name in sorted(rows):
            self._store(table(name), rows[name], _stem(messages), tally, sealed)
        memory.save()
        ended = tally.outcomes(messages, dict(zip(closely, batch.judged, strict=True)))
        sealed.outcomes = ended.counts()
        sealed.redelivered = ended.redelivered
        sealed.replies = _replies(batch.judged)
        return sealed, columns_to_arrow(table("raw_messages"), ended.raw_columns(messages), len(messages))

    def _store_pictures(
        self, batch: Batch, messages: Messages, registers: RegisterSnapshot, tally: Tally, sealed: Sealed
    ) -> None:
        # Not before there is one: what reckons with shapes takes memory that a district without drones does not need.
        from ingest.seal.picture_batch import store_pictures  # noqa: PLC0415

        newest = instant(int(messages.received_at_us.max()))
        written = store_pictures(
            self._folder,
            self._site,
            batch,
            registers,
            newest,
            _stem(messages),
            tally,
            self._software_version,
            self._turned,
        )
        sealed.touched |= written.touched
        sealed.rows.update(written.rows)
        sealed.damaged.extend(written.damaged)

    def _as_tables(self, batch: Batch) -> dict[str, pa.Table]:
        """Return all rows, by table; a message of which a table cannot hold a row is refused, and no others."""
        try:
            return {name: to_arrow(table(name), batch.rows[name]) for name in sorted(batch.rows)}
        except _UNSTORABLE as error:
            our_fault(error)  # goes on only where it is a message's
        for name in sorted(batch.rows):
            for row in list(batch.rows[name]):
                try:
                    to_arrow(table(name), [row])
                except _UNSTORABLE as error:
                    batch.refuse(row["message_seq"], our_fault(error), self._software_version)
        return {name: to_arrow(table(name), batch.rows[name]) for name in sorted(batch.rows)}

    def _store(self, spec: Table, rows: pa.Table, stem: str, tally: Tally, sealed: Sealed) -> None:
        for days, some in self._some_days_at_once(spec, by_local_day(spec, rows, self._site)):
            novelty = self._tell(spec, days, some, sealed)
            tally.count(spec.name, some["message_seq"].to_numpy(), novelty.is_duplicate)
            if not novelty.new_rows.num_rows:
                continue
            is_one_day = len(days) == 1
            by_day = [(days[0], novelty.new_rows)] if is_one_day else by_local_day(spec, novelty.new_rows, self._site)
            for day, new_rows in by_day:
                write_rows(self._folder, spec, day, new_rows, stem)
                sealed.touched.add((spec.name, day))
                sealed.rows[spec.name] += new_rows.num_rows
                self._turned()

    def _some_days_at_once(
        self, spec: Table, days: Iterable[tuple[date, pa.Table]]
    ) -> Iterator[tuple[list[date], pa.Table]]:
        """Yield neighbouring days together, as many as are compared in one query."""
        together: list[tuple[date, pa.Table]] = []
        total = 0
        for day, rows in days:
            with store_errors(f"looking at {spec.name} of {day}"):
                size = partition_bytes(self._folder, spec, day)
            if together and (len(together) == _DAYS_AT_ONCE or total + size > _COMPARED_BYTES):
                yield [day for day, _ in together], pa.concat_tables([rows for _, rows in together])
                together, total = [], 0
            together.append((day, rows))
            total += size
        if together:
            yield [day for day, _ in together], pa.concat_tables([rows for _, rows in together])

    def _tell(self, spec: Table, days: list[date], rows: pa.Table, sealed: Sealed) -> Novelty:
        def tell() -> Novelty:
            return tell_new_from_known(self._folder, spec, days[0], rows, days[1:])

        self._turned()
        try:
            return tell()
        except StoreError as error:
            damaged = set_aside_damaged(self._folder, compared_files(self._folder, spec, days))
            if not damaged:
                raise StoreError(f"comparing with {spec.name} of {days[0]} to {days[-1]}: {error}") from error
            sealed.damaged.extend(damaged)
            return tell()


def _replies(judged: list[Judged]) -> list[Reply]:
    """Return what to answer; of replies of which the last is enough, the last to each topic."""
    replies = [reply for one in judged if (reply := one.reply()) is not None]
    last = {reply.topic: reply for reply in replies if reply.is_request}
    return [reply for reply in replies if not reply.is_request or last[reply.topic] is reply]


def _stem(messages: Messages) -> str:
    return f"part-{messages.message_seq[0]}-{messages.message_seq[-1]}"
