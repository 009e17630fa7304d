"""Damaged files: found by the hash in their name, set aside by name, never read silently."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from ingest.errors import StoreError
from ingest.lake.durable import fsync_folder, hash_is_right, make_folder, store_errors
from ingest.lake.files import read_files
from ingest.lake.layout import DataFolder
from ingest.lake.tables import Table

_NOT_OF_THE_BYTES = frozenset(
    {errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.ESTALE, errno.ETIMEDOUT}
)
"""Why a sound file cannot be opened just now, or by us: it stays where it is."""


def damaged_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files whose bytes are not those that were written, or that the disk does not give any more.

    Raises: StoreError where that cannot be known, as for a file that we may not read.
    """
    for path in paths:
        try:
            is_right = hash_is_right(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno in _NOT_OF_THE_BYTES:
                raise StoreError(f"looking at {path}: {error.strerror}") from error
            is_right = False
        if not is_right:
            yield path


def set_aside_damaged(folder: DataFolder, paths: Iterable[Path]) -> list[str]:
    """Move damaged files out of the lake into `damaged/` and return their names; the rest stays as it is.

    The readings in them can come back from raw_messages by `greensward replay`. Raises: StoreError.
    """
    moved = []
    for path in damaged_files(paths):
        target = folder.damaged / path.relative_to(folder.lake)
        with store_errors(f"setting aside {path}"):
            make_folder(target.parent)
            path.rename(target)
            fsync_folder(target.parent)
            fsync_folder(path.parent)
        moved.append(str(path.relative_to(folder.lake)))
    return moved


def read_undamaged(folder: DataFolder, spec: Table, paths: list[Path]) -> tuple[pa.Table, list[str]]:
    """Return all rows of `paths` that are as they were written, and the names of damaged files, which are set aside.

    Raises: StoreError when reading fails although no file is damaged.
    """
    damaged = set_aside_damaged(folder, paths)
    try:
        return read_files(spec, [path for path in paths if path.exists()] if damaged else paths), damaged
    except (pa.ArrowException, ValueError) as error:
        raise StoreError(f"reading {spec.name}: {error}") from error


def lost_messages(folder: DataFolder) -> list[tuple[int, int]]:
    """Return the first and last message number of each file of readings or pictures that was set aside.

    Told by the files' names; what raw_messages lost itself cannot come back.
    """
    ranges = []
    for path in sorted(folder.damaged.glob("*/date=*/*.parquet")):
        _, first, last, *_ = (*path.stem.split("-"), "", "")
        if path.parts[-3] != "raw_messages" and first.isdigit() and last.isdigit():
            ranges.append((int(first), int(last)))
    return ranges


def scrub(folder: DataFolder) -> list[str]:
    """Return the damaged files of the whole lake, relative to it; moves nothing.

    Raises: StoreError without a lake, and for a folder or file that may not be read.
    """
    if not folder.lake.is_dir():
        raise StoreError(f"no lake at {folder.lake}; is the data folder right?")
    # Not by rglob, which leaves out a folder that it may not read: what nobody looked at is not well.
    with store_errors("looking through the lake"):
        found = [
            Path(parent, name)
            for parent, _, names in os.walk(folder.lake, onerror=_unless_merged_away)
            for name in names
            if name.endswith(".parquet")
        ]
    return [str(path.relative_to(folder.lake)) for path in damaged_files(sorted(found))]


def _unless_merged_away(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
