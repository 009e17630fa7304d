"""A stream of readings out of a process of its own, and ingest that starts within a moment.

Both are forked from a process that has everything loaded: a fresh interpreter for each of a thousand starts would take
most of the time. Ingest is the program: `greensward ingest`, with its settings from the environment.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from greensward.cli import run
from ingest.lake.layout import DataFolder
from ingest.status import read_status
from tests.end_to_end.running import NOON, asked, reading, soil_topic
from tests.waiting import PATIENCE_S, wait_until

DEVICES = 10
_MOST_UNACKNOWLEDGED = 1_000
_MINUTE_US = 60_000_000
_SIGNAL_AT_PARENTS_DEATH = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def message(number: int) -> tuple[str, bytes]:
    """Return topic and payload of reading `number` of the stream: the devices in turn, a minute apart."""
    return soil_topic(f"gs-{number % DEVICES:02}"), reading(number // DEVICES)


def missing(folder: DataFolder, published: int) -> list[int]:
    """Return the numbers of the first `published` readings of the stream that are not in the lake."""
    rows = asked(folder, "select device_id, epoch_us(measured_at) from soil_readings")
    first_us = int(NOON.timestamp() * 1_000_000)
    stored = {int(device_id[3:]) + (at_us - first_us) // _MINUTE_US * DEVICES for device_id, at_us in rows}
    return [number for number in range(published) if number not in stored]


def sealed_files(folder: DataFolder) -> set[str]:
    """Return the names of files that seals wrote and nobody has merged: a new one means that ingest has sealed."""
    return {path.name for path in folder.table("raw_messages").glob("*/part-*.parquet")}


def wait_until_all_there(folder: DataFolder, published: int) -> None:
    """Wait until the first `published` readings of the stream are in the lake. Raises: AssertionError naming others."""
    deadline = time.monotonic() + PATIENCE_S
    while lost := missing(folder, published):
        assert time.monotonic() < deadline, f"lost: {spans(lost)} of {published}"
        time.sleep(0.2)


def spans(numbers: list[int]) -> str:
    """Return rising numbers in short, for example "3 to 7, 9"."""
    starts = [n for n, before in zip(numbers, [None, *numbers], strict=False) if before is None or n != before + 1]
    ends = [n for n, after in zip(numbers, [*numbers, None][1:], strict=True) if after is None or n != after - 1]
    return ", ".join(f"{a} to {b}" if a < b else f"{a}" for a, b in zip(starts, ends, strict=True))


class Forked:
    """A child process that does `action` and ends with this one; its output goes to the end of `log`."""

    def __init__(self, action: Callable[[], int], log: Path) -> None:
        """Start it."""
        self._code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                ctypes.CDLL(None).prctl(_SIGNAL_AT_PARENTS_DEATH, signal.SIGKILL)
                output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(output, 1)
                os.dup2(output, 2)
                code = action()
            except BaseException:  # noqa: BLE001 - said where whoever forked it looks
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(code)

    def has_ended(self) -> bool:
        """Say whether it ended by itself."""
        return self._code is not None or os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal, wait, and return the exit code, negative when a signal ended it; again the same."""
        if self._code is None:
            os.kill(self.pid, how)  # not yet waited for: it is there, be it dead
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code


class Publisher:
    """Publishes the stream at a rate until it is stopped; holds on while the broker has not acknowledged a thousand."""

    def __init__(self, port: int, rate_per_s: float, workdir: Path) -> None:
        """Start, and wait until it is connected: it finds its broker again, but cannot begin with one that is away."""
        self._count, begun = workdir / "published", workdir / "publishing"
        begun.unlink(missing_ok=True)
        self._process = Forked(lambda: _publish(port, rate_per_s, begun, self._count), workdir / "publisher.log")
        wait_until(lambda: begun.exists() or self._process.has_ended(), "the publisher is connected")

    def stop(self) -> int:
        """Stop, wait until the broker has acknowledged everything, and return how many messages that is."""
        code = self._process.end(signal.SIGTERM)
        assert code == 0, f"the publisher failed: {code}"
        return int(self._count.read_text())


def _publish(port: int, rate_per_s: float, begun: Path, count: Path) -> int:
    is_over = False

    def end(*_: object) -> None:
        nonlocal is_over
        is_over = True

    signal.signal(signal.SIGTERM, end)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="stream", clean_session=False)
    client.max_inflight_messages_set(_MOST_UNACKNOWLEDGED)
    client.reconnect_delay_set(1, 1)
    acknowledged = 0

    def count_one(*_: object) -> None:
        nonlocal acknowledged
        acknowledged += 1

    client.on_publish = count_one
    is_connected = threading.Event()
    client.on_connect = lambda *_: is_connected.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert is_connected.wait(PATIENCE_S)
    begun.touch()
    began, number = time.monotonic(), 0
    while not is_over:
        if number - acknowledged < _MOST_UNACKNOWLEDGED and number < (time.monotonic() - began) * rate_per_s:
            client.publish(*message(number), qos=1)
            number += 1
        else:
            time.sleep(0.002)
    while acknowledged < number:
        time.sleep(0.01)
    client.disconnect()
    count.write_text(str(number))
    return 0


class Ingest:
    """`greensward ingest` on a data folder, that can be killed and started again at once.

    first: done in the new process before anything else
    settings: further ones, by the name that follows GREENSWARD__, for example INGEST__COMPACT_FILES
    """

    def __init__(
        self, folder: DataFolder, port: int, log: Path, first: Callable[[], None] = lambda: None, **settings: str
    ) -> None:
        """Prepare."""
        self._folder, self._log, self._first = folder, log, first
        self._settings = {
            "BROKER__HOST": "127.0.0.1",
            "BROKER__PORT": str(port),
            "BROKER__KEEPALIVE_S": "5",
            "DATA__FOLDER": str(folder.root),
            "INGEST__SEAL_EVERY_S": "0.1",
            "INGEST__MIN_FREE_BYTES": "1000000",
            **settings,
        }
        self._process: Forked | None = None

    def start(self) -> None:
        """Start it."""
        self._process = Forked(lambda: self._run(self._first), self._log)

    def start_plain(self) -> None:
        """Start it again after it ended by itself, without what is done first."""
        self.end()
        self._process = Forked(lambda: self._run(lambda: None), self._log)

    def has_ended(self) -> bool:
        """Say whether it ended by itself."""
        return self._process is not None and self._process.has_ended()

    def _run(self, first: Callable[[], None]) -> int:
        first()
        for name in [name for name in os.environ if name.startswith("GREENSWARD")]:
            del os.environ[name]
        os.environ.update({f"GREENSWARD__{name}": text for name, text in self._settings.items()})
        return run(["ingest"])

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        """End it and return its exit code; 0 when it does not run."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        return process.end(how)

    def is_listening(self) -> bool:
        """Say whether this process says that it hears its topics."""
        status = read_status(self._folder)
        return status is not None and status.pid == self.pid and status.connected

    def wait_until_listening(self) -> None:
        """Wait for that."""
        wait_until(self.is_listening, "ingest listens")

    def said(self) -> str:
        """Return the end of what it printed."""
        return self._log.read_text(errors="replace")[-2_000:]
