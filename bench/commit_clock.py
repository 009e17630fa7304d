"""When the inbox committed each group of messages, seen from outside by another process."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from types import TracebackType
from typing import Self

from ingest.lake.layout import DataFolder

_EVERY_S = 0.005


class CommitClock:
    """Watches the number of the newest group in a thread, so that each commit is known to 5 ms (late, never early).

    commits: number of the newest group and the wall clock's seconds when it was first seen, for each change
    first_commit, last_commit: monotonic seconds of the first and last change
    """

    def __init__(self, data: DataFolder) -> None:
        """Prepare; the inbox need not be there yet."""
        self.commits: list[tuple[int, float]] = []
        self.first_commit = self.last_commit = 0.0
        self._data = data
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._data.inbox.exists() and not self._stopping.wait(_EVERY_S):
            pass
        newest: int | None = None
        with closing(sqlite3.connect(self._data.inbox, timeout=30)) as db:
            while not self._stopping.wait(_EVERY_S):
                try:
                    found = db.execute("select seq from sqlite_sequence where name = 'message_group'").fetchone()
                except sqlite3.OperationalError:  # it is being made
                    continue
                if found is None or found[0] == newest:
                    continue
                if newest is not None:
                    self.commits.append((found[0], time.time()))
                    self.last_commit = time.monotonic()
                    self.first_commit = self.first_commit or self.last_commit
                newest = found[0]
