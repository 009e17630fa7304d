"""What to do about a disk that refuses, in a sentence: whose rights are missing, or that space is."""

from __future__ import annotations

import errno
import os
import pwd
import sqlite3
from pathlib import Path

_RIGHTS = frozenset({errno.EACCES, errno.EPERM})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OF_SQLITE = {
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_READONLY: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_FULL: errno.ENOSPC,
}


def said_of(error: OSError) -> str:
    """Return what the system says, of which path, and what to do where that can be told; without a full stop."""
    path = error.filename or ""
    where = f" ({os.fsdecode(path)})" if isinstance(path, (str, bytes)) and path else ""
    return f"{error.strerror or error}{where}{_advice(error.errno, Path(os.fsdecode(path)) if where else None)}"


def said_of_database(error: Exception, path: Path) -> str:
    """Return what SQLite says of its file at `path`, and what to do where that can be told; without a full stop."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    code = _OF_SQLITE.get(primary)
    if code == errno.EACCES and _may_write(path):  # SQLite cannot open much else by these words
        code = None
    return f"{error} ({path}){_advice(code, path)}"


def _advice(code: int | None, path: Path | None) -> str:
    if code in _FULL:
        return ". Free space on that disk; nothing that was acknowledged is lost"
    there = None if path is None else _nearest(path)
    if there is not None and (code == errno.EROFS or (code in _RIGHTS and _is_read_only(there))):
        return ". Its file system can only be read: mount it so that it can be written"
    if there is None or code not in _RIGHTS:
        return ""
    owner, me = _name(there.stat().st_uid), _name(os.geteuid())
    if owner == me:
        return f". Give {me} the rights to {there}, with all that lies in it"
    what = "It" if there == path else there
    return f". {what} belongs to {owner}, and this runs as {me}: run it as {owner}, or give {me} the rights"


def _may_write(path: Path) -> bool:
    try:
        return os.access(path if path.exists() else _nearest(path), os.W_OK) and os.access(path.parent, os.W_OK)
    except OSError:
        return False


def _nearest(path: Path) -> Path:
    """Return the path itself, or that of its folders which is there and may be looked at."""
    for there in (path, *path.absolute().parents):
        try:
            there.stat()
        except OSError:
            continue
        return there
    return Path("/")


def _is_read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
