"""A damaged inbox is begun anew with what can be read of it; the damaged one is set aside, never silently."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from ingest.errors import StoreError
from ingest.inbox import Inbox
from ingest.lake.durable import fsync_folder, make_folder, store_errors

_COMPANIONS = ("", "-wal", "-shm")
"""SQLite's files beside a database in WAL mode."""

_COLUMNS = {"message_group": "group_seq, message_count, size_bytes, crc32, messages", "fact": "name, value"}

_DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged database raises; SQLite's own words may hold bytes of it that are no text."""


def mend_inbox(path: Path, aside: Path) -> Path | None:
    """Return where the damaged inbox lies now, or None when nothing is wrong with it.

    path: of the inbox; no other process or thread has it open
    aside: folder for the damaged one
    Groups of messages are kept whole or not at all. Raises: StoreError.
    """
    if not path.exists() or _is_sound(path):
        return None
    fresh, target = path.with_suffix(".mended"), aside / f"inbox-{time.time_ns()}.sqlite"
    with store_errors(f"mending {path}"):
        make_folder(aside)
        for companion in _COMPANIONS:
            fresh.with_name(fresh.name + companion).unlink(missing_ok=True)
    Inbox(fresh).close()
    try:
        _copy_readable(path, fresh)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise StoreError(f"mending {path}: {error}") from error
    with store_errors(f"setting aside {path}"):
        for companion in _COMPANIONS:
            source = path.with_name(path.name + companion)
            if source.exists():
                source.rename(target.with_name(target.name + companion))
        fresh.rename(path)
        fsync_folder(aside)
        fsync_folder(path.parent)
    return target


def _is_sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=30)) as db:
            if db.execute("pragma quick_check(1)").fetchall() != [("ok",)]:
                return False
            # A letter of a name is no matter to that check: another name, and an empty table would be made beside it.
            names = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
            for table in names & set(_COLUMNS):
                db.execute(f"select {_COLUMNS[table]} from {table} where false")
            return names <= {*_COLUMNS, "sqlite_sequence"}
    except _DAMAGE:
        return False


def _copy_readable(damaged: Path, fresh: Path) -> None:
    with closing(sqlite3.connect(damaged, timeout=30)) as old, closing(sqlite3.connect(fresh, timeout=30)) as new:
        for table in _COLUMNS:
            for number in _row_numbers(old, table):
                with suppress(*_DAMAGE):
                    for row in old.execute(f"select * from {table} where rowid = ?", (number,)).fetchall():
                        new.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)
        new.commit()
        new.execute("pragma wal_checkpoint(truncate)")


def _row_numbers(db: sqlite3.Connection, table: str) -> list[int]:
    """Return the numbers from both ends up to what cannot be read, and all that may lie between."""
    rising = _walk(db, table, "asc", stop_at=None)
    falling = _walk(db, table, "desc", stop_at=rising[-1] if rising else None)
    between = range(rising[-1] + 1, falling[-1]) if rising and falling else ()
    return [*rising, *between, *reversed(falling)]


def _walk(db: sqlite3.Connection, table: str, order: str, stop_at: int | None) -> list[int]:
    numbers: list[int] = []
    with suppress(*_DAMAGE):
        for (number,) in db.execute(f"select rowid from {table} order by rowid {order}"):
            if number == stop_at:
                break
            numbers.append(number)
    return numbers
