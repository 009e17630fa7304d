"""The few system calls that make a file or folder last; the only place that renames into the lake."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import hashlib
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ingest.disk_words import said_of
from ingest.errors import StoreError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_libc = ctypes.CDLL(None, use_errno=True)


class ExchangeUnsupportedError(StoreError):
    """The file system cannot swap two folders in one step (NFS, some FUSE); compaction is left out there."""


_SYNCED_BYTES = 16 * 1024 * 1024
"""Of a long file this much at a time goes to the disk: all of it at the end could take longer than a watchdog waits."""


_ONLY_READ = 0o444


class _HashingFile:
    """A file object for pyarrow that hashes what passes through; Parquet is written strictly forwards."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._digest = hashlib.sha256()
        self._unsynced_bytes = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self._unsynced_bytes += len(data)
        if self._unsynced_bytes > _SYNCED_BYTES:
            self._unsynced_bytes = 0
            self._sink.flush()
            os.fdatasync(self._sink.fileno())
        return self._sink.write(data)

    def flush(self) -> None:
        self._sink.flush()

    def close(self) -> None:
        self.closed = True

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Turn an OSError inside the block into a StoreError that says `what` failed, and what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{what}: {said_of(error)}") from error


def fsync_folder(folder: Path) -> None:
    """Make the names inside `folder` last. Raises: OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents, each durably. Raises: OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:
        return
    try:
        fsync_folder(folder.parent)
    except OSError:
        folder.rmdir()
        raise


def write_new_file(staging: Path, target: Path, stem: str, suffix: str, fill: Callable[[_HashingFile], object]) -> Path:
    """Write a new immutable file `{stem}-{SHA-256, 32 hex digits}{suffix}` into the folder `target`.

    Written under a throw-away name in `staging` (same file system, outside the lake), fsynced, renamed, and the
    folder fsynced. The hash in the name lets a scrub tell damage without any list; a path that exists already has the
    same content by its name.

    Raises: StoreError; the file is taken out of `target` again then, and the throw-away file is gone.
    """
    temporary = staging / f"{uuid.uuid4().hex}.part"
    with store_errors(f"writing a file for {target}"):
        make_folder(staging)
        make_folder(target)
        try:
            with temporary.open("xb") as sink:
                hashing = _HashingFile(sink)
                fill(hashing)
                sink.flush()
                os.fsync(sink.fileno())
            path = target / f"{stem}-{hashing.hexdigest()[:32]}{suffix}"
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)
        try:
            fsync_folder(target)
        except OSError:
            # Its name may not last: whoever tries again must write it again, not find it.
            path.unlink()
            raise
    return path


def replace_file(path: Path, content: bytes) -> None:
    """Make `content` the whole of a small file, durably and in one step. Raises: OSError; it is unchanged then."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("xb") as sink:
            sink.write(content)
            sink.flush()
            os.fsync(sink.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(path.parent)


def replace_whole(staging: Path, target: Path, fill: Callable[[Path], object]) -> None:
    """Make the whole of the file `target`, which may be read and not written, durably and in one step.

    fill: makes the new file at the path that it is given, in `staging` (same file system)
    Whoever has the old file open keeps it as it was.

    Raises: OSError, and what `fill` raises; `target` is unchanged then.
    """
    temporary = staging / f"{uuid.uuid4().hex}.part"
    make_folder(staging)
    make_folder(target.parent)
    try:
        fill(temporary)
        temporary.chmod(_ONLY_READ)
        with temporary.open("rb") as filled:
            os.fsync(filled.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(target.parent)


def hash_is_right(path: Path) -> bool:
    """Say whether a file written by `write_new_file` still has the bytes its name promises. Raises: OSError."""
    with path.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    return path.stem.rpartition("-")[2] == digest[:32]


def names_its_hash(path: str) -> bool:
    """Say whether a file is called as `write_new_file` calls them, so that another content has another name."""
    return re.search(r"-[0-9a-f]{32}\.[^./]+\Z", path) is not None


def exchange_folders(staged: Path, target: Path, trash: Path) -> None:
    """Put the folder `staged` in the place of the folder `target` in one step; what was there goes to `trash`.

    A reader sees the old folder or the new one. A reader that listed the old one and opens it late finds a file
    missing and fails: never a mixture. `staged` must be complete and its files fsynced.

    Raises: StoreError; ExchangeUnsupportedError where the file system lacks the call (nothing has changed then).
    """
    with store_errors(f"swapping {target}"):
        fsync_folder(staged)
        make_folder(trash)
        _exchange(staged, target)
        fsync_folder(target.parent)
    # Not removed yet: a reader that is listing the old folder must find it whole. A failure here has lost nothing.
    with contextlib.suppress(OSError):
        staged.rename(trash / uuid.uuid4().hex)


def _exchange(one: Path, other: Path) -> None:
    result = _libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if result != 0:
        code = ctypes.get_errno()
        if code in {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}:
            raise ExchangeUnsupportedError(f"{other}: this file system cannot swap folders in one step")
        raise OSError(code, os.strerror(code), str(other))


@functools.cache
def can_exchange(staging: Path) -> bool:
    """Say whether folders can be swapped in one step here; asked once for each staging folder. Raises: StoreError."""
    probes = [staging / f"probe-{uuid.uuid4().hex}" for _ in range(2)]
    with store_errors(f"trying a swap in {staging}"):
        for probe in probes:
            make_folder(probe)
        try:
            _exchange(*probes)
        except ExchangeUnsupportedError:
            return False
        finally:
            for probe in probes:
                probe.rmdir()
    return True


def empty_folder(folder: Path, older_than_s: float = 0.0) -> None:
    """Remove what lies inside `folder` for longer than `older_than_s`, by the time it was put there.

    What another process takes away meanwhile, such as an evaluation its own files, is as good as removed.
    Raises: StoreError.
    """
    with store_errors(f"clearing {folder}"):
        if not folder.is_dir():
            return
        for entry in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                found = entry.lstat()
                if time.time() - found.st_ctime < older_than_s:
                    continue
                if stat.S_ISDIR(found.st_mode):
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
