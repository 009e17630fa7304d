"""One writer per data folder, one `up`, and a layout that says its version.

The system lets go of a lock when its holder dies, however it dies: what a file of a dead holder says blocks nobody.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from ingest.errors import ConfigError, InUseError, StoreError
from ingest.lake.durable import fsync_folder, make_folder, replace_file, store_errors
from ingest.lake.layout import LAYOUT_VERSION, DataFolder
from ingest.lake.locks import clear_leftovers

_HOLDER = re.compile(r"process (?P<pid>[0-9]{1,9}) on (?P<host>\S+) ")
_NAMED_WITHIN_S = 1.0
"""Far longer than a holder takes from the lock to its name in it."""

_ENDS_WITHIN_S = 2.0
"""An ingest without backlog needs less to end, once the `up` that had started it was killed."""

_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class AlreadyOwnedError(InUseError):
    """Another process has this data folder.

    program: what it says it is, such as "greensward up"; "" where it says nothing
    """

    def __init__(self, folder: DataFolder, holder: str, up: str) -> None:
        """Say who has it, as the lock file does, and which `up` would start that one again, "" for none."""
        stop = f"{up}, keeps it running: stop that one" if up else "Stop that one first"
        super().__init__(f"{folder.root} is in use by {holder}. {stop}, or name another data folder with -C.")
        self.program = holder.partition(", process ")[0] if ", process " in holder else ""


@contextmanager
def own(folder: DataFolder, program: str = "") -> Iterator[None]:
    """Be the one process that writes to the lake; clears what an interrupted run left in staging.

    A data folder of an earlier layout is taken over: from then on programs that know only that one refuse it.

    program: what others are told that they wait for, such as "greensward ingest"
    Raises: AlreadyOwnedError naming the holder; ConfigError for a layout made by a newer Greensward; StoreError.
    """
    with _holding(folder, folder.writer_lock, program, tell_up=True):
        ensure_layout(folder)
        _take_over(folder)
        settle(folder)
        clear_leftovers(folder)
        yield


@contextmanager
def run_everything(folder: DataFolder) -> Iterator[None]:
    """Be the one `greensward up` of a data folder; beside it others write, in turn.

    Raises: AlreadyOwnedError naming the other one; ConfigError as `own`; StoreError.
    """
    ensure_layout(folder)
    with _holding(folder, folder.up_lock, "greensward up"):
        yield


def check_not_owned_by(folder: DataFolder, program: str) -> None:
    """Raise AlreadyOwnedError while `program` writes to the lake; one that is just ending is given a moment."""
    deadline = time.monotonic() + _ENDS_WITHIN_S
    while True:
        try:
            with _holding(folder, folder.writer_lock):
                return
        except AlreadyOwnedError as error:
            if error.program != program:
                return
            if time.monotonic() > deadline:
                raise
        time.sleep(_ENDS_WITHIN_S / 20)


@contextmanager
def _holding(folder: DataFolder, file: Path, program: str = "", *, tell_up: bool = False) -> Iterator[None]:
    """Hold the lock of `file` and say so in it where the disk has room, or raise AlreadyOwnedError at once.

    tell_up: the error names also the `up` that would start the holder again
    """
    with opening(folder):
        make_folder(folder.root)
        lock = file.open("a+", encoding="utf-8")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyOwnedError(folder, _holder(lock), _up_of(folder) if tell_up else "") from error
        now = datetime.now(UTC).isoformat(timespec="seconds")
        named = f"{program}, " if program else ""
        holder = f"{named}process {os.getpid()} on {socket.gethostname()} since {now}\n"
        with suppress(OSError):  # the lock holds without a name: a full disk must not keep ingest from waiting for room
            os.ftruncate(lock.fileno(), 0)
            os.write(lock.fileno(), holder.encode())
        yield


@contextmanager
def opening(folder: DataFolder) -> Iterator[None]:
    """Turn an OSError inside the block into a StoreError; one that tells of rights says what to do."""
    try:
        with store_errors(f"opening the data folder {folder.root}"):
            yield
    except StoreError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _NOT_WRITABLE:
            raise StoreError(f"{error}. Or name another folder with -C.") from error.__cause__
        raise


def _holder(lock: TextIO) -> str:
    """Return who holds the lock; one that took it this moment may still have the name of the last in its place."""
    deadline = time.monotonic() + _NAMED_WITHIN_S
    while True:
        lock.seek(0)
        holder = lock.read().strip()
        if (holder and not _is_dead(holder)) or time.monotonic() > deadline:
            return holder or "an unknown process"
        time.sleep(_NAMED_WITHIN_S / 100)


def _up_of(folder: DataFolder) -> str:
    """Return which `up` runs everything on a data folder; "" for none."""
    try:
        lock = folder.up_lock.open(encoding="utf-8")
    except OSError:
        return ""
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(lock)
    return ""


def _is_dead(holder: str) -> bool:
    """Say whether `holder` names a process of this machine that is no more."""
    found = _HOLDER.search(holder)
    if found is None or found["host"] != socket.gethostname():
        return False
    try:
        os.kill(int(found["pid"]), 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False


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
    with opening(folder):
        make_folder(folder.root)
        if not folder.version_file.exists():
            check_ours(folder)
            replace_file(folder.version_file, f"{LAYOUT_VERSION}\n".encode())
    check_layout(folder)


def _take_over(folder: DataFolder) -> None:
    """Raise the version of an earlier layout, before anything is written that a program which knows only that misreads.

    Only by whoever holds the writer lock: a process of the earlier version may be at work otherwise.
    """
    with store_errors(f"writing {folder.version_file}"):
        if _layout(folder) != str(LAYOUT_VERSION):
            replace_file(folder.version_file, f"{LAYOUT_VERSION}\n".encode())


def _layout(folder: DataFolder) -> str:
    return folder.version_file.read_bytes().decode("utf-8", "replace").strip()


def check_ours(folder: DataFolder) -> None:
    """Refuse a folder that is to become a data folder and holds other things; changes nothing.

    Raises: ConfigError; StoreError.
    """
    with store_errors(f"reading {folder.root}"):
        if folder.version_file.exists() or not folder.root.exists():
            return
        foreign = sorted(entry.name for entry in folder.root.iterdir() if not folder.is_ours(entry))
    if foreign:
        raise ConfigError(
            f"{folder.root} is no data folder of Greensward's and holds {', '.join(foreign[:3])}: name a new or "
            "empty folder."
        )


def check_restored(folder: DataFolder) -> None:
    """Refuse a data folder into which a backup is being put back, or was by a run that was cut short.

    Raises: ConfigError.
    """
    if folder.restoring.is_dir():
        raise ConfigError(
            f"A backup is being put back into {folder.root}, or that was cut short. Let it end; where nothing runs, "
            "greensward backup restore again, which says what to move away first."
        )


def check_layout(folder: DataFolder) -> None:
    """Refuse a data folder that a newer Greensward made; one without a version is new. Changes nothing.

    Raises: ConfigError; StoreError.
    """
    with store_errors(f"reading {folder.version_file}"):
        try:
            found = _layout(folder)
        except (FileNotFoundError, NotADirectoryError):
            return
    if not (found.isascii() and found.isdigit()) or int(found) > LAYOUT_VERSION:
        raise ConfigError(
            f"{folder.root} has layout version {found!r}; this Greensward knows up to {LAYOUT_VERSION}. "
            "Use the newer Greensward that wrote to it last, or restore a backup made before it did."
        )
