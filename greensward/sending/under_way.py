"""What was handed over and is not answered yet: a thread each, so that an end that hangs holds up itself alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from crews.notices.answer import Answer
from crews.notices.outbox import Try
from greensward.sending.outlets import Outlet
from greensward.sending.reach import start

MOST_AT_ONCE = 64
"""With a thread each that ends it in time, and what looks for names, half of what compose lets a container have."""


class Answered(NamedTuple):
    """What the other end of a channel said to each part of a try, in order."""

    tried: Try
    outlet: Outlet
    answers: Sequence[Answer]


class UnderWay:
    """Deliveries that are not answered yet, one an end; used by one thread, which alone touches the ledger."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ends: set[str] = set()
        self._answered: queue.SimpleQueue[Answered] = queue.SimpleQueue()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ends)

    def has_room(self, outlet: Outlet) -> bool:
        """Say whether something may go to the end of an outlet: nothing is on its way there, nor too much at all."""
        return outlet.identity not in self._ends and len(self._ends) < MOST_AT_ONCE

    def begin(self, tried: Try, outlet: Outlet, parts: Sequence[Any]) -> None:
        """Hand parts over, in a thread of its own that ends with the process, answered or not."""

        def deliver() -> None:
            self._answered.put(Answered(tried, outlet, _delivered(lambda: outlet.deliver(parts), len(parts))))

        self._ends.add(outlet.identity)
        try:
            start(threading.Thread(target=deliver, name="deliver", daemon=True))
        except OSError as error:
            self._answered.put(Answered(tried, outlet, [Answer("later", "", error.strerror or "")] * len(parts)))

    def next(self, wait_s: float) -> Answered | None:
        """Return one that was answered, and wait so long for it; None where none was."""
        try:
            found = self._answered.get(timeout=wait_s) if self._ends else None
        except queue.Empty:
            return None
        if found is not None:
            self._ends.discard(found.outlet.identity)
        return found


def _delivered(deliver: Callable[[], list[Answer]], parts: int) -> list[Answer]:
    try:
        return deliver()
    except Exception as error:  # noqa: BLE001 - a thread must not die without an answer
        return [fault(error)] * parts


def fault(error: Exception) -> Answer:
    """Return the answer that a fault of ours stands for; its words are not kept: they may hold what was sent."""
    return Answer("refused", "fault", f"{type(error).__name__}: a fault of Greensward's, please report it")
