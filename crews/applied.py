"""What one evaluation changed in the ledger."""

from __future__ import annotations

import msgspec


class Applied(msgspec.Struct):
    """Ids of the issues that one evaluation opened, told again, closed, reopened, put off, resumed or escalated."""

    opened: list[str] = msgspec.field(default_factory=list)
    told_again: list[str] = msgspec.field(default_factory=list)
    closed: list[str] = msgspec.field(default_factory=list)
    reopened: list[str] = msgspec.field(default_factory=list)
    deferred: list[str] = msgspec.field(default_factory=list)
    resumed: list[str] = msgspec.field(default_factory=list)
    escalated: list[str] = msgspec.field(default_factory=list)
