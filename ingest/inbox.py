"""The journal between the network and the lake: what is in it may be acknowledged.

SQLite in WAL mode with synchronous=FULL: a commit returns after fsync. One row per group of messages, because a row
per message would cost more than everything else here. A group is a list of messages, or a run of MQTT packets as they
came (`ingest.frames`), which costs no object per message. Message numbers go on rising when the file is lost and begun
anew: a group's number starts from the clock (one per 50 ms since 1970), and groups are committed no faster.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
import pyarrow as pa

from ingest.disk_words import said_of_database
from ingest.errors import StoreError
from ingest.frames import Frames, is_packed
from ingest.lake.durable import make_folder, store_errors
from ingest.lake.locks import file_lock
from ingest.messages import Messages, topics_array
from ingest.observation import Whole

GROUP_INTERVAL_S = 0.05
"""Shortest time between two commits; a message waits at most this long for its neighbours."""

_INDEX_BITS = 16
GROUP_MESSAGES = (1 << _INDEX_BITS) - 1
"""Most messages in one group: the broker cannot have more in flight, packet ids being 16 bits."""

_PAGE_BYTES = 16_384
"""Four times what SQLite takes by itself: half the cost of a group. A message by itself then writes 33 KB instead of 9.
Why no more: docs/decisions/0019-plain-messages-by-arrow.md"""

_PAGES_KEPT, _PAGES_GIVEN_BACK = 2_000, 2_000
"""Free pages that the file keeps, and the most that it gives back at once: 32 MB each."""

SCHEMA = """
create table if not exists message_group (
    group_seq integer primary key autoincrement,
    message_count integer not null,
    size_bytes integer not null,
    crc32 integer not null,
    messages blob not null
) strict;
create table if not exists fact (name text primary key, value text not null) strict;
"""


class Arrival(msgspec.Struct, array_like=True, frozen=True):
    """One message as the network thread saw it; received_at in microseconds since 1970, UTC; `whole` as in Message."""

    received_at_us: int
    topic: str
    payload: bytes
    redelivered: bool
    retained: bool
    whole: Whole | None = None


def arrivals_of(frames: Frames) -> list[Arrival]:
    """Return the messages of a run one by one."""
    found = frames.messages(0)
    return [
        Arrival(at_us, topic, payload, redelivered, retained)
        for at_us, topic, payload, redelivered, retained in zip(
            found.received_at_us.tolist(),
            found.topics.to_pylist(),
            found.payloads.to_pylist(),
            found.redelivered.tolist(),
            found.retained.tolist(),
            strict=True,
        )
    ]


_UNREADABLE = (ValueError, OSError, MemoryError, msgspec.MsgspecError, pa.ArrowException)
"""What comes of bytes that are no group of ours though their sum is right: they must not stop the seal for ever."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Arrival])


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the inbox.

    size_bytes: that it takes in memory; on the disk it is compressed
    """

    groups: int
    messages: int
    size_bytes: int


@dataclass(slots=True)
class Oldest:
    """What is to be sealed next.

    last_group: number of the last group looked at, 0 when the inbox is empty
    damaged: bytes, by group, of groups that are not what was committed
    """

    messages: Messages = field(default_factory=lambda: Messages.joined(()))
    last_group: int = 0
    damaged: dict[int, bytes] = field(default_factory=dict)


class Inbox:
    """One connection to the journal; each thread opens its own. Close it, or use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open the journal at `path`, making it when there is none.

        Before the first change what an earlier process or connection wrote is copied from the write-ahead log into the
        file and fsynced, so that no commit lies behind a page that an earlier failed fsync left in memory only. Not
        before reading: a full disk has no room for it, and it may be the seal that makes room.

        Raises: StoreError when the file cannot be opened, or is not an inbox.
        """
        with store_errors(f"opening the inbox {path}"):
            make_folder(path.parent)
        self._path = path
        self._is_spent = self._is_log_copied = False
        with self._store_errors("opening"):
            self._db = self._connected()
        self._is_numbered = False

    def _connected(self) -> sqlite3.Connection:
        # SQLite does not wait when two threads switch a new file to WAL at once.
        with file_lock(self._path.with_suffix(".lock")):
            db = sqlite3.connect(self._path, isolation_level=None, timeout=30, check_same_thread=False)
            try:
                if db.execute("pragma page_count").fetchone() == (0,):
                    db.execute(f"pragma page_size = {_PAGE_BYTES}")
                    db.execute("pragma auto_vacuum = incremental")  # asked of a file that has it, it writes a page
                db.execute("pragma journal_mode = wal")
                db.execute("pragma synchronous = full")
                db.executescript(SCHEMA)
            except BaseException:
                db.close()
                raise
        return db

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        self._db.close()

    @contextmanager
    def _changing(self, doing: str) -> Iterator[None]:
        with self._store_errors(doing):
            if not self._is_log_copied:
                self._db.execute("pragma wal_checkpoint(truncate)")
                self._is_log_copied = True
            yield

    @contextmanager
    def _store_errors(self, doing: str) -> Iterator[None]:
        """Do it on a connection without a failure: an fsync that failed must not be tried again on its descriptor."""
        try:
            if self._is_spent:
                self._is_log_copied = False
                self._db.close()
                self._db = self._connected()
                self._is_spent = False
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # its words may hold bytes of a damaged file
            self._is_spent = True
            raise StoreError(f"inbox, {doing}: {said_of_database(error, self._path)}") from error

    def number_by_the_clock(self) -> None:
        """Let this connection's groups have numbers from the clock's on; its first `append` does so by itself.

        Ahead of every number that any inbox of this lake gave before, also where it was lost, or is an older one from a
        backup: no more than a group is committed in each interval. Raises: StoreError.
        """
        passed = int(time.time() / GROUP_INTERVAL_S)
        with self._changing("numbering"):
            self._db.execute(
                "insert into sqlite_sequence (name, seq) select 'message_group', 0 "
                "where not exists (select 1 from sqlite_sequence where name = 'message_group')"
            )
            self._db.execute("update sqlite_sequence set seq = max(seq, ?) where name = 'message_group'", (passed,))
        self._is_numbered = True

    def append(self, arrivals: Sequence[Arrival] | Frames) -> None:
        """Commit `arrivals` (1 to GROUP_MESSAGES) as one group; when this returns they are on disk.

        Raises: StoreError; none of them may be acknowledged then.
        """
        if not 0 < len(arrivals) <= GROUP_MESSAGES:
            raise ValueError(f"a group holds 1 to {GROUP_MESSAGES} messages, got {len(arrivals)}")
        if not self._is_numbered:
            self.number_by_the_clock()
        packed = arrivals.packed() if isinstance(arrivals, Frames) else _encoder.encode(arrivals)
        size = arrivals.size_bytes if isinstance(arrivals, Frames) else len(packed)
        with self._changing("committing"):
            self._db.execute(
                "insert into message_group (message_count, size_bytes, crc32, messages) values (?, ?, ?, ?)",
                (len(arrivals), size, zlib.crc32(packed), packed),
            )

    def oldest(self, limit_bytes: int) -> Oldest:
        """Return the oldest messages, whole groups of together about `limit_bytes` in memory.

        At least one group when there is any. Raises: StoreError.
        """
        oldest = Oldest()
        groups: list[Messages] = []
        taken = 0
        with self._store_errors("reading"):
            for group_seq, size, crc32, packed in self._db.execute(
                "select group_seq, size_bytes, crc32, messages from message_group order by group_seq"
            ):
                if oldest.last_group and taken + size > limit_bytes:
                    break
                oldest.last_group, taken = group_seq, taken + size
                if zlib.crc32(packed) == crc32:
                    with suppress(*_UNREADABLE):
                        groups.append(_unpack(group_seq, packed))
                        continue
                oldest.damaged[group_seq] = packed
        oldest.messages = Messages.joined(groups)
        return oldest

    def remove_through(self, group_seq: int) -> None:
        """Remove all groups up to `group_seq`: their rows are durable in the lake. Raises: StoreError.

        The file gives back, some at a time, what it has free beyond what a busy hour soon fills again.
        """
        with self._changing("removing"):
            self._db.execute("delete from message_group where group_seq <= ?", (group_seq,))
            (free,) = self._db.execute("pragma freelist_count").fetchone()
            if free > _PAGES_KEPT:
                # By executescript: in Python 3.11 execute() would give back a single page.
                self._db.executescript(f"pragma incremental_vacuum({min(free - _PAGES_KEPT, _PAGES_GIVEN_BACK)})")

    def backlog(self) -> Backlog:
        """Return how much waits to be sealed. Raises: StoreError."""
        with self._store_errors("counting"):
            return _backlog(self._db)

    def remember(self, name: str, value: str) -> None:
        """Keep a small fact durably. Raises: StoreError."""
        with self._changing("remembering"):
            self._db.execute(
                "insert into fact values (?, ?) on conflict (name) do update set value = excluded.value", (name, value)
            )

    def recall(self, name: str) -> str | None:
        """Return a fact kept by `remember`, or None. Raises: StoreError."""
        with self._store_errors("recalling"):
            row = self._db.execute("select value from fact where name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])


def waiting_in(path: Path) -> Backlog:
    """Return how much waits in the journal at `path`, which is only read: another process may be at work on it.

    Raises: StoreError.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as db:
            return _backlog(db)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise StoreError(f"inbox, counting: {said_of_database(error, path)}") from error


def _backlog(db: sqlite3.Connection) -> Backlog:
    row = db.execute(
        "select count(*), coalesce(sum(message_count), 0), coalesce(sum(size_bytes), 0) from message_group"
    ).fetchone()
    return Backlog(*row)


def _unpack(group_seq: int, packed: bytes) -> Messages:
    first_seq = group_seq << _INDEX_BITS
    if is_packed(packed):
        return Frames.unpacked(packed).messages(first_seq)
    arrivals = _decoder.decode(packed)
    return Messages(
        message_seq=first_seq + np.arange(len(arrivals), dtype=np.int64),
        received_at_us=np.array([arrival.received_at_us for arrival in arrivals], np.int64),
        topics=topics_array([arrival.topic for arrival in arrivals]),
        payloads=pa.array([arrival.payload for arrival in arrivals], pa.binary()),
        redelivered=np.array([arrival.redelivered for arrival in arrivals], np.bool_),
        retained=np.array([arrival.retained for arrival in arrivals], np.bool_),
        wholes={place: arrival.whole for place, arrival in enumerate(arrivals) if arrival.whole is not None},
    )
