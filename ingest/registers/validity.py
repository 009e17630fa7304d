"""What the rows of both registers have in common: from when until when they hold, and what brought them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

Row = dict[str, Any]
"""Column → value, as in schemas/tables; instants aware, UTC."""

VALIDITY = ("valid_from", "valid_to", "register_version")


def holds_after(row: Mapping[str, object], instant: datetime) -> bool:
    """Say whether a row holds at some time after `instant`."""
    until = row["valid_to"]
    return until is None or (isinstance(until, datetime) and until > instant)


def holds_at(row: Mapping[str, object], instant: datetime) -> bool:
    """Say whether a row holds at `instant`."""
    begins = row["valid_from"]
    return isinstance(begins, datetime) and begins <= instant and holds_after(row, instant)


def same_content(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Say whether two rows differ in nothing but their validity and version."""
    return {k: v for k, v in one.items() if k not in VALIDITY} == {k: v for k, v in other.items() if k not in VALIDITY}


def content_version(rows: Iterable[Mapping[str, object]]) -> str:
    """Return 16 hex digits that depend on the content of `rows`, not on their order, validity or version."""
    lines = sorted(
        msgspec.json.encode({name: row[name] for name in sorted(row) if name not in VALIDITY}) for row in rows
    )
    return hashlib.sha256(b"\n".join(lines)).hexdigest()[:16]
