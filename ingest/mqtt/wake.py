"""Waking a thread that waits for a socket."""

from __future__ import annotations

import contextlib
import os
import threading


class Wake:
    """A descriptor to wait for beside the socket; `call` makes it readable, from any thread."""

    def __init__(self) -> None:
        """Open it."""
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._lock = threading.Lock()
        self._is_over = False

    def fileno(self) -> int:
        """Return what `select` waits for."""
        return self._reader

    def call(self) -> None:
        """Wake whoever waits."""
        # Not after the end: the number of a closed descriptor may be another file's by then.
        with self._lock, contextlib.suppress(BlockingIOError):
            if not self._is_over:
                os.write(self._writer, b"\0")

    def answer(self) -> None:
        """Take the calls back that came until now; only after `select` said that there are some."""
        os.read(self._reader, 65_536)

    def close(self) -> None:
        """Close it; a later call does nothing."""
        with self._lock:
            self._is_over = True
            os.close(self._reader)
            os.close(self._writer)
