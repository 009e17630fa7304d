"""Who may touch the lake's folders at the same moment.

Adding a file and swapping a folder must not cross: a file added between the listing and the swap would vanish with
the old folder. Adders share the lock, swappers have it alone; also between processes (ingest, flag, plots import).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TextIO

from ingest.lake.durable import empty_folder, make_folder, store_errors
from ingest.lake.layout import DataFolder

_TRASH_S = 60.0
"""Longer than any reader takes between opening a folder and having listed it."""


@contextmanager
def file_lock(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the lock of the file `path` (made when missing), waiting for it; how: fcntl.LOCK_SH or LOCK_EX.

    Works between threads and between processes; the system releases it when a holder dies. Raises: StoreError.
    """
    with store_errors(f"locking {path}"):
        make_folder(path.parent)
        lock = _opened(path)
    with lock:
        with store_errors(f"locking {path}"):
            fcntl.flock(lock, how)
        yield


def _opened(path: Path) -> TextIO:
    try:
        return path.open("a", encoding="ascii")
    except OSError:  # an analyst who may only read, or a copy that is read-only; locking needs no more
        return path.open(encoding="ascii")


def without_swaps(folder: DataFolder) -> AbstractContextManager[None]:
    """Hold while files are added or must stay in place: many at a time, nobody swaps meanwhile. Raises: StoreError."""
    return file_lock(folder.lake_lock, fcntl.LOCK_SH)


def swapping(folder: DataFolder) -> AbstractContextManager[None]:
    """Hold from listing a folder's files until the folder is swapped: alone. Raises: StoreError."""
    return file_lock(folder.lake_lock)


def clear_leftovers(folder: DataFolder) -> None:
    """Remove what interrupted runs left in staging; waits until nobody writes. Raises: StoreError."""
    with swapping(folder):
        empty_folder(folder.staging)


def clear_trash(folder: DataFolder) -> None:
    """Remove replaced folders that no reader can be listing any more. Raises: StoreError."""
    empty_folder(folder.trash, older_than_s=_TRASH_S)
