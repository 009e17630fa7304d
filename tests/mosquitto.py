"""A real Mosquitto for tests: started, killed and restarted on a loopback port of its own."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S

_START_S = PATIENCE_S
_NEVER_GIVEN = range(15_000, 30_000)
"""Linux gives from 32768 on (ip_local_port_range); Chromium refuses some up to 10080."""

_SIGNAL_S = 5.0
"""An orderly end, which writes sessions and messages, takes less."""


def free_port() -> int:
    """Return a loopback port that nobody holds, from among those that the system gives to nobody who takes any.

    Between here and its use one of the hundreds of servers and clients beside this test would now and then be given it.
    """
    while True:
        port = secrets.choice(_NEVER_GIVEN)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Mosquitto:
    """One broker process with persistence.

    Saves once a second. `autosave_on_changes true` with `autosave_interval 1` would write the whole database again for
    every single acknowledgement: with 3,000 messages held, 220 acknowledgements took Mosquitto 2.0.11 a second.
    """

    def __init__(self, folder: Path, extra: str = "") -> None:
        """Write the configuration into `folder`; `start()` runs it."""
        self.port = free_port()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_interval 1\n"
            "max_queued_messages 1000000\nmax_inflight_messages 0\nset_tcp_nodelay true\nuser root\n" + extra,
            encoding="ascii",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run the broker and wait until it accepts connections."""
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        if not Path(binary).exists():
            pytest.fail("Mosquitto is not installed; ./run test installs it, or: apt-get install mosquitto")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([binary, "-c", str(self._config)], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                pytest.fail(f"Mosquitto ended: {(self._folder / 'mosquitto.log').read_text()[-500:]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=0.2).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        pytest.fail("Mosquitto did not accept connections")

    def stop(self) -> None:
        """End the broker in an orderly way; it keeps sessions and messages."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a crash would."""
        self._end(signal.SIGKILL)

    def send(self, which: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP: it answers nothing until SIGCONT, and its connections stay."""
        assert self._process is not None
        self._process.send_signal(which)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            deadline = time.monotonic() + _START_S
            while self._process.poll() is None and time.monotonic() < deadline:
                # Again: one that comes between its handlers and its loop, which sets that it runs, is forgotten.
                self._process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_SIGNAL_S)
            self._process.wait(0)
            self._process = None
