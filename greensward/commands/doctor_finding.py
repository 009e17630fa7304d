"""What `greensward doctor` finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: how it is, and what to do where it is not well."""

    what: str
    state: Literal["ok", "note", "problem", "unreachable"]
    found: str
    mend: str = ""


_NAMED = 5


def some_of(names: Sequence[str]) -> str:
    """Return the first few of `names`, and whether there are more."""
    return ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
