"""A backup made while everything runs.

It is a folder like the data folder, copied in an order in which nothing can fall between two parts: the inbox before
the lake (a message may then be in both, and is stored once), the register of what was deleted by rule after the other
tables (a day that is gone must be told), the ledger after it (events that the lake lacks are added again; events that
the ledger lacks would be damage). What never changes once written is a hard link to the backup
before.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from greensward.backup.sums import SUMS, copy_file, digest_of, fsync_folders, make_folders_like, read_sums, write_sums
from ingest.disk_words import said_of_database
from ingest.errors import ConfigError, InUseError, StoreError
from ingest.lake.durable import fsync_folder, make_folder, store_errors
from ingest.lake.kept import RETENTION
from ingest.lake.layout import DataFolder
from ingest.lake.locks import without_swaps

_BEING_MADE = ".part"
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
_HASH_IN_NAME = re.compile(r".*-(?P<hash>[0-9a-f]{32})")


class Copied(NamedTuple):
    """One file of a backup.

    name: relative to the backup
    size_bytes: 0 for a file that the backup before has too
    is_as_named: whether the bytes are those that the hash in the file's name promises; true where it has none
    """

    name: str
    size_bytes: int
    is_as_named: bool = True


def backups(shelf: Path) -> list[Path]:
    """Return the whole backups in the folder `shelf`, the oldest first. Raises: OSError."""
    return sorted(path for path in shelf.iterdir() if _NAME.fullmatch(path.name) and (path / SUMS).is_file())


def backup_of(shelf: Path, now: datetime) -> Path:
    """Return the folder of `shelf` that a backup made at `now` (aware, UTC) lies in."""
    return shelf / f"{now:%Y-%m-%dT%H%M%SZ}"


def create(folder: DataFolder, target: Path, *, is_full: bool = False) -> Iterator[Copied]:
    """Copy the data folder to `target`, one of `backup_of`, and yield each file when it is there.

    is_full: copy every file, also those that the backup before has
    `target` gets its name when all of it is on disk; a folder that ends in `.part` is of a run that was killed, and the
    next one removes it.

    Raises: ConfigError when `target` is there or lies in the data folder; InUseError while another is being made beside
    it; StoreError. Nothing of the new one is left then.
    """
    shelf, part = target.parent, target.with_name(target.name + _BEING_MADE)
    if shelf.resolve().is_relative_to(folder.root.resolve()):
        raise ConfigError(f"{shelf} lies in the data folder {folder.root}: a backup belongs on another disk.")
    with store_errors(f"backing up to {target}"), _alone(shelf):
        if target.exists():
            raise ConfigError(f"{target} is there already: try again in a second.")
        for left in shelf.glob(f"*{_BEING_MADE}"):
            shutil.rmtree(left)
        before = None if is_full else next(reversed(backups(shelf)), None)
        try:
            part.mkdir(mode=0o700)
            copying = _Copying(folder, part, before)
            yield from copying.everything()
            write_sums(part, copying.sums)
            fsync_folders(part)
            part.rename(target)
            fsync_folder(shelf)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _alone(shelf: Path) -> Iterator[None]:
    make_folder(shelf)
    with (shelf / "backup.lock").open("a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUseError(f"Another backup is being made in {shelf}: wait for it.") from error
        yield


class _Copying:
    """Files on their way into the backup `part`; `before` is the backup that may have them already."""

    def __init__(self, folder: DataFolder, part: Path, before: Path | None) -> None:
        self.sums: dict[str, str] = {}
        self._folder, self._part, self._before = folder, part, before
        self._sums_before: dict[str, str] = {}
        if before is not None:
            with suppress(ConfigError):  # its list is damaged: nothing is linked to it
                self._sums_before = read_sums(before)

    def everything(self) -> Iterator[Copied]:
        folder = self._folder
        yield from self._database(folder.inbox)
        told = folder.table(RETENTION)
        yield from self._tree(folder.lake, without=told)
        for root in (told, folder.damaged, folder.secrets):
            yield from self._tree(root)
        yield from self._database(folder.ledger)
        yield from self._tree(folder.photos)
        yield self._file(folder.version_file)

    def _tree(self, root: Path, without: Path | None = None) -> Iterator[Copied]:
        for parent, _, _ in os.walk(root, onerror=_unless_gone):
            if Path(parent) in {without, self._folder.analyst_database.parent}:
                continue  # the latter says where this lake is, and would ask this one wherever it is put back
            # Each folder at one moment: merging swaps whole ones, and only those that nobody holds.
            with without_swaps(self._folder):
                paths: list[Path] = []
                with suppress(FileNotFoundError):  # the folder itself
                    paths = sorted(path for path in Path(parent).iterdir() if path.is_file())
                copied = []
                for path in paths:
                    with suppress(FileNotFoundError):  # this one alone: half made by somebody who gave it its name now
                        copied.append(self._file(path))
            yield from copied

    def _file(self, source: Path) -> Copied:
        name = source.relative_to(self._folder.root)
        make_folders_like(self._folder.root, self._part, name.parent)
        hashed = _HASH_IN_NAME.fullmatch(source.stem)
        if hashed and self._is_linked(name, source.stat().st_size, hashed["hash"]):
            self.sums[name.as_posix()] = self._sums_before[name.as_posix()]
            return Copied(name.as_posix(), 0)
        digest, size = copy_file(source, self._part / name)
        self.sums[name.as_posix()] = digest
        return Copied(name.as_posix(), size, hashed is None or digest.startswith(hashed["hash"]))

    def _is_linked(self, name: Path, size_bytes: int, named: str) -> bool:
        """Link what the backup before has of a file, unless it was damaged then: it may be mended since."""
        if self._before is None or not self._sums_before.get(name.as_posix(), "").startswith(named):
            return False
        earlier = self._before / name
        try:
            if earlier.stat().st_size != size_bytes:
                return False
            (self._part / name).hardlink_to(earlier)
        except OSError:  # gone, or a file system without links
            return False
        return True

    def _database(self, source: Path) -> Iterator[Copied]:
        if not source.exists():
            return
        name = source.relative_to(self._folder.root)
        target = self._part / name
        make_folders_like(self._folder.root, self._part, name.parent)
        try:
            with closing(sqlite3.connect(source, timeout=30)) as ours:
                ours.execute("vacuum into ?", (str(target),))  # one moment of it, without its free pages
            with closing(sqlite3.connect(target)) as copy:
                faults = [text for (text,) in copy.execute("pragma quick_check(1)") if text != "ok"]
        except (sqlite3.Error, UnicodeDecodeError) as error:  # its words may hold bytes of a damaged file
            raise StoreError(
                f"copying a database: {said_of_database(error, source)}. The backup was not made; whether the "
                "file is damaged says greensward doctor."
            ) from error
        if faults:
            raise StoreError(f"{source} is damaged: {faults[0]}. Run: greensward doctor")
        shutil.copymode(source, target)
        with target.open("rb") as written:
            os.fsync(written.fileno())
        self.sums[name.as_posix()] = digest_of(target)
        yield Copied(name.as_posix(), target.stat().st_size)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
