"""From the network into the inbox: messages are gathered, committed together, and only then acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ingest.inbox import GROUP_INTERVAL_S, GROUP_MESSAGES, Arrival, Inbox
from ingest.mqtt.session import Ticket

_WAITING_BYTES = 64 * 1024 * 1024
"""Most bytes between the network and the inbox; beyond it the network thread waits and the broker holds the rest."""

_POLL_S = 0.5


class Journal:
    """Commits what `deliver` hands over; runs in the thread that calls `run()`.

    acknowledge: called with the tickets of a committed group
    """

    def __init__(self, path: Path, acknowledge: Callable[[Iterable[Ticket]], None]) -> None:
        """Prepare; the inbox is opened by `run()`, in the thread that uses it."""
        self.last_turn = time.monotonic()
        self.messages = 0
        self._path = path
        self._acknowledge = acknowledge
        self._arrivals: list[Arrival] = []
        self._tickets: list[Ticket] = []
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._stopping = False

    def deliver(self, arrival: Arrival, ticket: Ticket | None) -> None:
        """Take one message from the network thread; waits while too many bytes wait already (I7)."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or not self._is_full())
            self._arrivals.append(arrival)
            if ticket is not None:
                self._tickets.append(ticket)
            self._waiting_bytes += len(arrival.payload) + len(arrival.topic)
            if len(self._arrivals) in {1, GROUP_MESSAGES} or self._waiting_bytes > _WAITING_BYTES:
                self._changed.notify_all()

    def stop(self) -> None:
        """Make `run()` commit what it has and return; any thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def run(self) -> None:
        """Commit groups until `stop()`.

        Raises: StoreError when the disk refuses; what was not committed stays unacknowledged, so the broker keeps it.
        """
        with Inbox(self._path) as inbox:
            while True:
                arrivals, tickets = self._next_group()
                if not arrivals:
                    return
                inbox.append(arrivals)
                self.messages += len(arrivals)
                self._acknowledge(tickets)

    def _is_full(self) -> bool:
        return self._stopping or len(self._arrivals) >= GROUP_MESSAGES or self._waiting_bytes > _WAITING_BYTES

    def _next_group(self) -> tuple[list[Arrival], list[Ticket]]:
        """Wait for messages, then a moment for their neighbours; empty only when stopping."""
        with self._changed:
            while not self._arrivals and not self._stopping:
                self.last_turn = time.monotonic()
                self._changed.wait(_POLL_S)
            if not self._stopping:
                self._changed.wait_for(self._is_full, timeout=GROUP_INTERVAL_S)
            self.last_turn = time.monotonic()
            arrivals, tickets = self._arrivals, self._tickets
            self._arrivals, self._tickets, self._waiting_bytes = [], [], 0
            self._changed.notify_all()
        return arrivals, tickets
