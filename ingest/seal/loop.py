"""The work of the seal thread: what waits in the inbox is sealed, and between two seals the lake is kept in order."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

from ingest.errors import StoreError
from ingest.heap import give_back
from ingest.inbox import Backlog, Inbox
from ingest.lake.compact import MergeLeftError
from ingest.lake.durable import write_new_file
from ingest.lake.layout import DataFolder
from ingest.registers.snapshot import Registers
from ingest.seal.housekeeping import free_space, keep_house
from ingest.seal.pace import Pace
from ingest.seal.replay import replay
from ingest.seal.sealer import Sealed, Sealer
from ingest.site import Site

_TURN_S = 0.25
_HOUSEKEEPING_EVERY_S = 30.0
_HOUSEKEEPING_WAITS_S = 60.0
"""While sealing is behind, merging waits; not for ever, or files add up that each query has to open."""

_RETRY_S = 2.0


class SealLoop:
    """Seals and keeps house until stopped, in the thread that calls `run()`; the rest is for any thread.

    on_sealed: called after each seal; its replies are to be published
    on_trouble: called with what housekeeping met
    last_turn: monotonic seconds when it last got on, for a watchdog
    outcomes, redelivered: messages by outcome since the start, and how many were the broker's own second sending
    damaged: names below `damaged/` of what was set aside
    problem: why the last attempt to write to the lake failed, "" when it did not
    """

    def __init__(
        self,
        folder: DataFolder,
        site: Site,
        pace: Pace,
        software_version: str,
        on_sealed: Callable[[Sealed], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        """Prepare; nothing is opened before `run()`."""
        self.last_turn = time.monotonic()
        self.outcomes: Counter[str] = Counter()
        self.redelivered = 0
        self.damaged: list[str] = []
        self.problem = ""
        self.last_seal_at: datetime | None = None
        self.last_message_at: datetime | None = None
        self._folder, self._site, self._pace = folder, site, pace
        self._software_version = software_version
        self._registers = Registers(folder)
        self._on_sealed, self._on_trouble = on_sealed, on_trouble
        self._next_seal = 0.0
        self._stopping = threading.Event()
        self._seal_now = threading.Event()

    def seal_now(self) -> None:
        """Seal what waits without waiting for more."""
        self._seal_now.set()

    def stop(self) -> None:
        """Make `run()` seal what waits and return."""
        self._stopping.set()
        self._seal_now.set()

    def run(self) -> None:
        """Seal until `stop()`. Raises: StoreError when the last seal fails; what it was to seal stays in the inbox."""
        sealer = Sealer(self._folder, self._site, self._software_version, self._turn)
        self._next_seal = time.monotonic() + self._pace.seal_every_s
        next_housekeeping = time.monotonic()
        has_caught_up = False
        with Inbox(self._folder.inbox) as inbox:
            while True:
                is_last = self._stopping.is_set()
                backlog = self._seal_if_due(sealer, inbox, is_last=is_last)
                if is_last and not backlog.groups:
                    break
                is_behind = self._is_behind(backlog)
                # Merging before an interrupted seal is done again would hide which rows were its own.
                has_caught_up = has_caught_up or not backlog.groups or self.last_seal_at is not None
                house_at = next_housekeeping + (_HOUSEKEEPING_WAITS_S if is_behind else 0.0)
                if not is_last and self.last_turn >= house_at:
                    next_housekeeping = time.monotonic() + _HOUSEKEEPING_EVERY_S
                    self._keep_house(sealer, inbox, may_merge=has_caught_up)
                if not is_behind:
                    self._seal_now.wait(_TURN_S)

    def _seal_if_due(self, sealer: Sealer, inbox: Inbox, *, is_last: bool = False) -> Backlog:
        """Seal once when it is time, or when much waits; return what waited before."""
        self._turn()
        backlog = inbox.backlog()
        is_due = is_last or self._seal_now.is_set() or self.last_turn >= self._next_seal
        if is_due or self._is_behind(backlog):
            self._seal_now.clear()
            self._next_seal = time.monotonic() + self._pace.seal_every_s
            if backlog.groups:
                self._seal_once(sealer, inbox, is_last=is_last)
                # What the next part of a backlog takes again at once would cost its page faults each time.
                if not self._is_behind(inbox.backlog()):
                    give_back()
        return backlog

    def _is_behind(self, backlog: Backlog) -> bool:
        return backlog.groups > 0 and backlog.size_bytes >= self._pace.seal_bytes

    def _turn(self) -> None:
        self.last_turn = time.monotonic()

    def _seal_once(self, sealer: Sealer, inbox: Inbox, *, is_last: bool) -> None:
        try:
            oldest = inbox.oldest(self._pace.seal_bytes)
            set_aside = [self._set_aside(group, packed) for group, packed in oldest.damaged.items()]
            sealed = sealer.seal(oldest.messages, self._registers.current())
            inbox.remove_through(oldest.last_group)
        except StoreError as error:
            if is_last:
                raise
            self.problem = str(error)
            self._stopping.wait(_RETRY_S)
            return
        self.problem = ""
        self.damaged.extend((*set_aside, *sealed.damaged))
        self.last_message_at = oldest.messages[-1].received_at if len(oldest.messages) else self.last_message_at
        self.last_seal_at = datetime.now(UTC)
        self.redelivered += sealed.redelivered
        self.outcomes.update(sealed.outcomes)
        self._on_sealed(sealed)

    def _set_aside(self, group: int, packed: bytes) -> str:
        """Keep the bytes of a damaged group of messages, and return their name below `damaged/`."""
        target = self._folder.damaged / "inbox"
        path = write_new_file(self._folder.staging, target, f"group-{group}", ".bin", lambda sink: sink.write(packed))
        return str(path.relative_to(self._folder.damaged))

    def _keep_house(self, sealer: Sealer, inbox: Inbox, *, may_merge: bool) -> None:
        def turned() -> None:
            """Seal while a long merge goes on; it ends half-way rather than let a stop wait, or a seal that failed."""
            self._seal_if_due(sealer, inbox)
            if self._stopping.is_set() or self.problem:
                raise MergeLeftError

        now = datetime.now(UTC)
        if not may_merge:
            with self._telling_trouble():
                free_space(self._folder, self._site, now, self._pace.raw_days)
            return
        with self._telling_trouble():
            self._replay_if_asked(sealer)
        with self._telling_trouble(), contextlib.suppress(MergeLeftError):  # begun again from the start the next time
            keep_house(self._folder, self._site, now, self._pace, turned, self.damaged.extend)

    @contextlib.contextmanager
    def _telling_trouble(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - what housekeeping meets must never stop sealing
            self._on_trouble(str(error))

    def _replay_if_asked(self, sealer: Sealer) -> None:
        request = self._folder.replay_request
        try:
            asked = request.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return
        try:
            day = date.fromisoformat(asked.strip()) if asked.strip() else None
        except ValueError:
            request.unlink()  # a wrong one must not come for ever
            raise
        replay(self._folder, sealer, self._registers.current(), datetime.now(UTC), day, self._turn)
        # Only now: what stopped it half way, it goes on with at the next start. One that came meanwhile stays.
        if request.read_text(encoding="ascii", errors="replace") == asked:
            request.unlink()
