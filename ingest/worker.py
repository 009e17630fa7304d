"""One ingest worker: network, journal and seal, each in its thread, and a watchdog over them.

broker ─▶ network thread ─▶ journal thread ─(fsync)─▶ inbox ─▶ seal thread ─▶ lake
                ▲────────── acknowledge ◀──┘                       │
                ▲────────── replies ◀──────────────────────────────┘
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Self

from ingest.decode.route import subscriptions
from ingest.errors import ConfigError, GreenswardError
from ingest.inbox import Inbox
from ingest.inbox_mending import mend_inbox
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import own
from ingest.mqtt.broker import Broker
from ingest.mqtt.journal import Journal
from ingest.mqtt.requests import Requests
from ingest.mqtt.session import MqttSession
from ingest.seal.loop import SealLoop
from ingest.seal.pace import Pace
from ingest.seal.sealer import Sealed
from ingest.site import Site
from ingest.status import IngestStatus, write_status

PROGRAM = "greensward ingest"
"""What others are told who find the data folder in use."""

_TURN_S = 0.25
_STATUS_EVERY_S = 2.0
_STALL_S = 90.0
"""A thread that has not turned for this long is stuck: longer than any fsync that is not a fault."""

_QUIET_S = 15.0
_RESUME_FACTOR = 1.1


class WorkerFailedError(GreenswardError):
    """A thread of the worker died or got stuck; everything acknowledged is on disk. Start the worker again."""


class Worker:
    """Takes messages from a broker until stopped; use it as a context manager.

    on_sealed: called in the seal thread after each seal, for progress and tests
    """

    def __init__(
        self,
        folder: DataFolder,
        site: Site,
        broker: Broker,
        pace: Pace,
        software_version: str,
        on_sealed: Callable[[Sealed], None] = lambda _: None,
    ) -> None:
        """Prepare; nothing is opened before `start()`."""
        self._folder, self._site, self._broker, self._pace = folder, site, broker, pace
        self._sealing = SealLoop(folder, site, pace, software_version, self._note_sealed, self._note_trouble)
        self._on_sealed = on_sealed
        self._failure: Exception | None = None
        self._paused = ""
        self._requests = Requests()
        self._started_at = datetime.now(UTC)
        self._threads: dict[str, threading.Thread] = {}
        self._stack = ExitStack()

    @property
    def outcomes(self) -> Counter[str]:
        """Messages since the start, by outcome."""
        return self._sealing.outcomes

    @property
    def redelivered(self) -> int:
        """How many of them are the broker's own second sending."""
        return self._sealing.redelivered

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Take the writer lock and start the threads. Raises: AlreadyOwnedError, ConfigError, StoreError."""
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        self._start_thread("network", self._session.run)
        self._start_thread("journal", self._journal.run)
        self._start_thread("seal", self._sealing.run)

    def _open(self) -> None:
        self._stack.enter_context(own(self._folder, PROGRAM))
        damaged = mend_inbox(self._folder.inbox, self._folder.damaged / "inbox")
        if damaged is not None:
            self._sealing.damaged.append(str(damaged.relative_to(self._folder.damaged)))
        self._inbox = self._stack.enter_context(Inbox(self._folder.inbox))
        self._journal = Journal(
            self._folder.inbox,
            lambda tickets: self._session.acknowledge(tickets),  # noqa: PLW0108 - the session comes after the journal
        )
        self._session = MqttSession(
            self._broker,
            [topic for topic, _qos in subscriptions(self._site.district)],
            self._journal.deliver,
            had_session=self._inbox.recall(self._session_fact) is not None,
            remember_session=self._remember_session,
        )

    @property
    def _session_fact(self) -> str:
        return f"session {self._broker.host}:{self._broker.port} {self._broker.client_id}"

    def _remember_session(self) -> None:
        with Inbox(self._folder.inbox) as inbox:
            inbox.remember(self._session_fact, datetime.now(UTC).isoformat())

    def stop(self) -> None:
        """Stop reading, commit and seal what came, release the lock. Safe to call twice."""
        if not self._threads:
            self._stack.close()
            return
        is_committing = self._threads["journal"].is_alive()
        self._session.stop(wait_for_disk=is_committing)
        if not is_committing:
            self._journal.stop()  # a network thread that waits for room in it would wait for ever
        self._wait_for_end("network")
        self._journal.stop()
        self._wait_for_end("journal")
        self._sealing.stop()
        self._wait_for_end("seal")
        self._threads.clear()
        self._stack.close()

    def _wait_for_end(self, name: str) -> None:
        """Wait for a thread as long as it turns: the last seal of a long backlog may take minutes."""
        while self._threads[name].is_alive() and time.monotonic() - self._turns()[name] < _STALL_S:
            self._threads[name].join(_TURN_S)

    def _turns(self) -> dict[str, float]:
        return {
            "network": self._session.health.last_turn,
            "journal": self._journal.last_turn,
            "seal": self._sealing.last_turn,
        }

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Watch over the threads until `until()` is true.

        Raises: WorkerFailedError when a thread died or is stuck; ConfigError when the broker refuses us for good.
        """
        next_status = 0.0
        while not until():
            self.check()
            self._watch_disk()
            if time.monotonic() >= next_status:
                self._say_status()
                next_status = time.monotonic() + _STATUS_EVERY_S
            time.sleep(_TURN_S)

    def _say_status(self) -> None:
        """Write the status file; a full disk must not end the worker that waits for space."""
        try:
            write_status(self._folder, self.status())
        except Exception as error:  # noqa: BLE001 - what housekeeping meets must never stop sealing
            self._note_trouble(str(error))

    def _note_trouble(self, problem: str) -> None:
        self._session.health.last_problem = f"housekeeping: {problem}"

    def _note_sealed(self, sealed: Sealed) -> None:
        self._session.reply(self._requests.due(sealed.replies, time.monotonic()))
        self._on_sealed(sealed)

    def broker_news(self) -> str:
        """Return how we stand with the broker, in a sentence that changes only when that does."""
        health = self._session.health
        if self._paused:
            return f"paused, {self._paused} ([ingest] min_free_bytes); it goes on by itself once there is space"
        if health.is_listening:
            return "connected to the broker"
        return f"no broker yet, trying again: {health.last_problem}" if health.last_problem else "connecting"

    def check(self) -> None:
        """Raise what a thread died of, or WorkerFailedError when one is stuck."""
        if isinstance(self._failure, GreenswardError):
            raise self._failure
        if self._failure is not None:
            raise WorkerFailedError(f"a thread of ingest died: {self._failure!r}") from self._failure
        now = time.monotonic()
        for name, turn in self._turns().items():
            if name in self._threads and not self._threads[name].is_alive():
                raise WorkerFailedError(f"the {name} thread of ingest ended unasked.")
            if now - turn > _STALL_S:
                raise WorkerFailedError(
                    f"the {name} thread of ingest is stuck for {now - turn:.0f} s now: disk or broker does not answer."
                )

    def wait_until_subscribed(self, timeout_s: float) -> None:
        """Wait until the broker sends us messages. Raises: TimeoutError; what `check` raises."""
        deadline = time.monotonic() + timeout_s
        while not self._session.health.is_listening:
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"no subscription at {self._broker.host}:{self._broker.port} within {timeout_s:.0f} s: "
                    f"{self._session.health.last_problem or 'no answer'}"
                )
            time.sleep(_TURN_S / 10)

    def wait_until_idle(self, expected_messages: int, timeout_s: float) -> None:
        """Wait until `expected_messages` since the start are sealed, each counted once however often it was delivered.

        A sender's own repetition whose first delivery was lost looks like a second delivery: enough deliveries and then
        none for 15 s, longer than brokers wait for an acknowledgement, will do as well.
        Raises: TimeoutError; what `check` raises.
        """
        deadline = time.monotonic() + timeout_s
        delivered, last_at = 0, time.monotonic()
        while (sealed := self.outcomes.total() - self.redelivered) < expected_messages:
            self.check()
            now = time.monotonic()
            if self.outcomes.total() != delivered:
                delivered, last_at = self.outcomes.total(), now
            if delivered >= expected_messages and now - last_at > _QUIET_S:
                return
            if now > deadline:
                raise TimeoutError(f"{sealed} of {expected_messages} messages were sealed in {timeout_s:.0f} s.")
            self._sealing.seal_now()
            time.sleep(_TURN_S)

    def status(self) -> IngestStatus:
        """Return what to tell health checks. Raises: StoreError."""
        backlog = self._inbox.backlog()
        health = self._session.health
        return IngestStatus(
            pid=os.getpid(),
            started_at=self._started_at,
            written_at=datetime.now(UTC),
            broker=f"{self._broker.host}:{self._broker.port}",
            connected=health.is_listening,
            sessions_lost=health.sessions_lost,
            stale_acks_dropped=health.stale_acks_dropped,
            messages=self._journal.messages,
            outcomes=dict(self.outcomes),
            waiting_messages=backlog.messages,
            waiting_bytes=backlog.size_bytes,
            last_message_at=self._sealing.last_message_at,
            last_seal_at=self._sealing.last_seal_at,
            paused=self._paused,
            last_problem=health.last_problem,
            seal_problem=self._sealing.problem,
            damaged_files=self._sealing.damaged,
            certificate_ends_at=health.certificate_ends_at,
        )

    def _start_thread(self, name: str, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - top of a thread: kept for the watchdog, which raises it
                self._failure = self._failure or error

        thread = threading.Thread(target=guarded, name=f"greensward-{name}", daemon=True)
        self._threads[name] = thread
        thread.start()

    def _watch_disk(self) -> None:
        try:
            free = shutil.disk_usage(self._folder.root).free
        except FileNotFoundError as error:
            raise ConfigError(f"The data folder {self._folder.root} is gone; what was in it is lost to us.") from error
        if not self._paused and free < self._pace.min_free_bytes:
            self._paused = f"disk low: {free:,} bytes free, {self._pace.min_free_bytes:,} wanted"
            self._session.pause()
        elif self._paused and free > self._pace.min_free_bytes * _RESUME_FACTOR:
            self._paused = ""
            self._session.resume()
