"""From the network into the inbox: messages are gathered, committed together, and only then acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ingest.frames import Frames
from ingest.inbox import GROUP_INTERVAL_S, GROUP_MESSAGES, Arrival, Inbox, arrivals_of
from ingest.mqtt.ticket import Ticket

_WAITING_BYTES = 16 * 1024 * 1024
"""Most bytes between the network and the inbox; beyond it the network thread waits and the broker holds the rest.

Also what a group may come to, which is sealed as a whole: where the disk is slow, a few times this is in memory.
"""

_EARLY_MESSAGES = 8_192
"""Committed without waiting for neighbours: well below what a broker has in flight to us, or it would stand still until
the group is acknowledged."""

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
        self._arrived: list[Arrival | Frames] = []
        self._tickets: list[Ticket] = []
        self._waiting_messages = 0
        self._waiting_bytes = 0
        self._began = 0.0
        self._groups = 0
        self._changed = threading.Condition()
        self._stopping = False

    def deliver(self, arrived: Arrival | Frames, ticket: Ticket | None) -> None:
        """Take a message, or a run of them, from the network thread; waits while too many bytes wait already (I7)."""
        if isinstance(arrived, Frames):
            count, size = len(arrived), len(arrived.data)
        else:
            count, size = 1, len(arrived.payload) + len(arrived.topic)
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._has_room(count))
            is_first = not self._arrived
            self._arrived.append(arrived)
            if ticket is not None:
                self._tickets.append(ticket)
            self._waiting_messages += count
            self._waiting_bytes += size
            if is_first or self._is_full():
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
        self._began = time.monotonic()
        with Inbox(self._path) as inbox:
            inbox.number_by_the_clock()
            while True:
                arrived, tickets = self._next_group()
                if not arrived:
                    return
                group = _as_group(arrived)
                inbox.append(group)
                self.messages += len(group)
                self._groups += 1
                self._acknowledge(tickets)

    def _has_room(self, count: int) -> bool:
        """Say whether so many messages more may wait; more than a group's worth never come at once."""
        return self._waiting_messages + count <= GROUP_MESSAGES and self._waiting_bytes <= _WAITING_BYTES

    def _is_full(self) -> bool:
        """Say whether waiting for neighbours makes no sense any more; otherwise it ends after GROUP_INTERVAL_S."""
        is_much = self._waiting_messages >= _EARLY_MESSAGES or not self._has_room(1)
        return self._stopping or (is_much and self._is_behind_the_clock())

    def _is_behind_the_clock(self) -> bool:
        """Say whether one more group leaves their numbers behind the clock, from which a lost inbox counts on."""
        return self._groups * GROUP_INTERVAL_S < time.monotonic() - self._began

    def _next_group(self) -> tuple[list[Arrival | Frames], list[Ticket]]:
        """Wait for messages, then a moment for their neighbours; empty only when stopping."""
        with self._changed:
            while not self._arrived and not self._stopping:
                self.last_turn = time.monotonic()
                self._changed.wait(_POLL_S)
            if not self._stopping:
                self._changed.wait_for(self._is_full, timeout=GROUP_INTERVAL_S)
            self.last_turn = time.monotonic()
            arrived, tickets = self._arrived, self._tickets
            self._arrived, self._tickets, self._waiting_messages, self._waiting_bytes = [], [], 0, 0
            self._changed.notify_all()
        return arrived, tickets


def _as_group(arrived: Sequence[Arrival | Frames]) -> Sequence[Arrival] | Frames:
    """Return one run of all, or one list where single messages came between them, or another version of MQTT."""
    runs = [part for part in arrived if isinstance(part, Frames)]
    if len(runs) == len(arrived) and len({run.is_five for run in runs}) == 1:
        return Frames.joined(runs)
    return [one for part in arrived for one in (arrivals_of(part) if isinstance(part, Frames) else (part,))]
