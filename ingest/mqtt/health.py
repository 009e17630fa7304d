"""How a session stands with its broker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class SessionHealth:
    """What a watchdog and a status page look at; written by the network thread only.

    subscribed: the broker granted every subscription on this connection
    last_turn: monotonic seconds of the network loop's last turn
    certificate_ends_at: when the certificate ends that the broker showed last, UTC; None without TLS
    sessions_lost: times the broker had no session for us although we had one: its backlog may be gone
    """

    connected: bool = False
    subscribed: bool = False
    epoch: int = 0
    last_turn: float = 0.0
    sessions_lost: int = 0
    stale_acks_dropped: int = 0
    last_problem: str = ""
    certificate_ends_at: datetime | None = None

    @property
    def is_listening(self) -> bool:
        """Return whether what is published now reaches us; a new session hears nothing before its subscription."""
        return self.connected and self.subscribed
