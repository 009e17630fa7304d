"""Keeps the built-in broker of `greensward up` running: after a death, and after a full disk."""

from __future__ import annotations

import time
from collections.abc import Callable

from greensward.broker import BuiltInBroker
from greensward.broker_disk import ROOM_BYTES, has_room
from greensward.supervise import BACKOFF_S, STEADY_S
from ingest.errors import ConfigError, StoreError


class BrokerKeeper:
    """Starts the built-in broker again when it dies, a little later each time; gives up after 5 failures in a row.

    After a write that failed it acknowledges nothing any more, also where there is space again: then it is ended and
    started anew, once there is. What it had acknowledged is in its folder, and is there again.

    It is not a Part: it is there before the parts and outlives them, so that what they send last is taken.
    """

    def __init__(self, broker: BuiltInBroker, say: Callable[[str], None]) -> None:
        """Keep `broker`, whose `with` block the caller is in, and tell each death to `say`."""
        self._broker = broker
        self._say = say
        self._started_at = time.monotonic()
        self._start_at: float | None = None
        self._failures = 0
        self._waits_for_room = False

    def look(self) -> None:
        """Look once, without waiting. Raises: ConnectionError, with the reason, when the broker cannot be kept up."""
        code = self._broker.exit_code()
        failed = self._broker.write_failure() if code is None else ""
        if (code is None and not failed) or not self._has_room():
            return
        now = time.monotonic()
        lived = now - self._started_at
        if failed:
            self._broker.end()
            self._note_failure(f"broker could not write after {lived:.0f} s ({failed})", 0, lived)
        elif self._start_at is None:
            self._note_failure(f"broker ended with code {code} after {lived:.0f} s", code, lived)
        elif now >= self._start_at:
            try:
                self._broker.start_again()
            except (ConfigError, StoreError, OSError) as error:
                self._note_failure(f"broker could not be started: {error}", None)
            else:
                self._started_at, self._start_at = now, None

    def _has_room(self) -> bool:
        """Say whether the broker can write; the first time that it cannot, tell what becomes of messages."""
        is_full = not has_room(self._broker.folder)
        if is_full and not self._waits_for_room:
            self._say(
                f"broker: the disk of {self._broker.folder} is full, so nothing is acknowledged and senders keep what "
                f"they have. Free {ROOM_BYTES >> 20} MB there, and it goes on by itself; nothing that was acknowledged "
                "is lost."
            )
        self._waits_for_room = is_full
        return not is_full

    def _note_failure(self, what: str, code: int | None, lived_s: float = 0.0) -> None:
        self._failures = 1 if lived_s > STEADY_S else self._failures + 1
        if self._failures > len(BACKOFF_S):
            said = f". It said:\n{self._broker.last_words()}" if code is not None else ""
            raise ConnectionError(f"The built-in broker cannot be kept up, so everything ends here: {what}{said}")
        wait = BACKOFF_S[self._failures - 1]
        self._start_at = time.monotonic() + wait
        self._say(f"{what}; starting it again in {wait:g} s")
