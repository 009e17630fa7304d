"""What the built-in broker needs of its disk, and how it is told that it has failed to write there.

After a write that failed NATS acknowledges nothing more on that store until it is started anew, whatever space there is
by then. It says so in its log, which lies on the same disk and may have no room for the line either.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOM_BYTES = 16 << 20
"""Free space without which it is not started: a few of its files of messages, and its journal."""

_ROOM_FILES = 64
_FULL_BYTES = 1 << 20
_WRITE_FAILED = re.compile(r"(?:critical write error|disabling JetStream|will be DISABLED).*", re.IGNORECASE)
"""Words of nats-server 2.15 for a store that takes nothing more."""


def has_room(folder: Path) -> bool:
    """Say whether the disk has space for what the broker writes to start, and files for it. Raises: OSError."""
    disk = os.statvfs(folder)
    has_files = disk.f_files == 0 or disk.f_favail >= _ROOM_FILES  # some file systems make them as they are wanted
    return has_files and disk.f_bavail * disk.f_frsize >= ROOM_BYTES


class FailedWrites:
    """Looks, since one start of the broker, for writes that failed."""

    def __init__(self, folder: Path, log: Path) -> None:
        """Begin at the start of `log`, of the broker whose messages lie in `folder`."""
        self._folder = folder
        self._log = log
        self._read_to = 0
        self._found = ""

    def found(self) -> str:
        """Return why a write failed, "" where none did; meant to be asked a few times a second. Raises: OSError."""
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < _FULL_BYTES:
            self._found = self._found or "no space left on device"
        with self._log.open("rb") as log:
            log.seek(self._read_to)
            said = log.read()
        lines = said[: said.rfind(b"\n") + 1]
        self._read_to += len(lines)
        failed = _WRITE_FAILED.search(lines.decode("utf-8", "replace"))
        self._found = failed[0] if failed else self._found
        return self._found
