"""One writer per data folder, and a layout that says its version."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ingest.errors import ConfigError, InUseError
from ingest.lake.durable import fsync_folder, make_folder, replace_file, store_errors
from ingest.lake.layout import LAYOUT_VERSION, DataFolder
from ingest.lake.locks import clear_leftovers


class AlreadyOwnedError(InUseError):
    """Another process writes to this data folder."""


@contextmanager
def own(folder: DataFolder) -> Iterator[None]:
    """Be the one process that writes to the lake; clears what an interrupted run left in staging and trash.

    Raises: AlreadyOwnedError naming the holder; ConfigError for a layout made by a newer Greensward; StoreError.
    """
    with store_errors(f"opening the data folder {folder.root}"):
        make_folder(folder.root)
        lock = folder.writer_lock.open("a+")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "an unknown process"
            raise AlreadyOwnedError(
                f"{folder.root} is in use by {holder}. Stop that one first, or name another data folder."
            ) from error
        now = datetime.now(UTC).isoformat(timespec="seconds")
        holder = f"process {os.getpid()} on {socket.gethostname()} since {now}\n"
        with store_errors(f"writing {folder.writer_lock}"):
            os.ftruncate(lock.fileno(), 0)
            os.write(lock.fileno(), holder.encode())
        ensure_layout(folder)
        settle(folder)
        clear_leftovers(folder)
        yield


def _refuse_foreign(folder: DataFolder) -> None:
    foreign = sorted(entry.name for entry in folder.root.iterdir() if not folder.is_ours(entry))
    if foreign:
        raise ConfigError(
            f"{folder.root} is no data folder of Greensward's and holds {', '.join(foreign[:3])}: name a new or "
            "empty folder."
        )


def settle(folder: DataFolder) -> None:
    """Make all names in the lake last: an interrupted run may have made one and not come to its fsync.

    The journal lets a message go as soon as its rows are found in the lake, so they must be there for good.
    """
    with store_errors(f"syncing {folder.lake}"):
        make_folder(folder.lake)
        tables = [path for path in folder.lake.iterdir() if path.is_dir()]
        partitions = [path for table in tables for path in table.iterdir() if path.is_dir()]
        for path in (*partitions, *tables, folder.lake, folder.root):
            fsync_folder(path)


def ensure_layout(folder: DataFolder) -> None:
    """Mark a new data folder with the layout's version.

    Raises: ConfigError for a newer layout, and for a folder that holds other things; StoreError.
    """
    with store_errors(f"reading {folder.version_file}"):
        make_folder(folder.root)
        if not folder.version_file.exists():
            _refuse_foreign(folder)
            replace_file(folder.version_file, f"{LAYOUT_VERSION}\n".encode())
        found = folder.version_file.read_text(encoding="ascii").strip()
    if not found.isdigit() or int(found) > LAYOUT_VERSION:
        raise ConfigError(
            f"{folder.root} has layout version {found!r}; this Greensward knows up to {LAYOUT_VERSION}. "
            "Use the newer Greensward that made it."
        )
