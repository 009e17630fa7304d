"""The real worker at a real broker: in this process, or as the program that people start."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

import duckdb
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest.lake.damage import scrub
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake, retrying
from ingest.mqtt.broker import Broker
from ingest.seal.pace import Pace
from ingest.site import BEICHEN
from ingest.status import IngestStatus, read_status
from ingest.worker import Worker
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

ROOT = "greensward/v1/beichen"
NOON = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)
PROJECT = Path(__file__).resolve().parents[2]
QUICK = Pace(seal_every_s=0.2, min_free_bytes=1)
COUNTS = "select count(*), count(distinct (device_id, depth_cm, measured_at)) from "
"""Of soil readings, and of different ones."""

_TRIES_OF_A_GLOB = 20
_SOON_S = PATIENCE_S


def soil_topic(device_id: str) -> str:
    return f"{ROOT}/{device_id}/soil"


def reading(number: int, depths_cm: Iterable[int] = (10,), **further: object) -> bytes:
    """Return a native message: the reading of minute `number` after NOON, at each depth."""
    said: dict[str, Any] = {
        "schema": "greening.soil_reading/1",
        "measured_at": (NOON + timedelta(minutes=number)).isoformat(),
        "readings": [
            {"quantity": "volumetric_water_content", "depth_cm": depth_cm, "value": 0.2, "unit": "m3/m3"}
            for depth_cm in depths_cm
        ],
    }
    return json.dumps(said | further).encode()


def publish(
    mosquitto: Mosquitto, messages: Iterable[tuple[str, bytes]], midway: Callable[[], None] = lambda: None
) -> None:
    """Publish (topic, payload) with QoS 1 in order, and wait until the broker has them all.

    midway: called when the broker has half of them and the rest is on its way
    """
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"publisher-{os.getpid()}-{threading.get_ident()}")
    client.max_inflight_messages_set(1000)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    try:
        sent = [client.publish(topic, payload, qos=1) for topic, payload in messages]
        for number, info in enumerate(sent):
            if number == len(sent) // 2:
                midway()
            info.wait_for_publish(_SOON_S)
            assert info.is_published()
    finally:
        client.disconnect()
        client.loop_stop()


def publish_zeros(port: int, topic: str, size: int) -> None:
    """Publish `size` zero bytes with QoS 1 by hand and wait for the acknowledgement: paho would copy it many times."""
    name = topic.encode()
    remaining, length = 2 + len(name) + 2 + size, b""
    while remaining:
        remaining, digit = divmod(remaining, 128)
        length += bytes([digit | (0x80 if remaining else 0)])
    with socket.create_connection(("127.0.0.1", port), timeout=_SOON_S) as broker:
        broker.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04huge")
        assert broker.recv(4) == b"\x20\x02\x00\x00"
        broker.sendall(b"\x32" + length + struct.pack(">H", len(name)) + name + b"\x00\x01")
        zeros = bytes(1024 * 1024)
        for start in range(0, size, len(zeros)):
            broker.sendall(zeros[: size - start])
        assert broker.recv(4) == b"\x40\x02\x00\x01", "the broker has read it to the end"


def make_worker(mosquitto: Mosquitto, folder: DataFolder, pace: Pace = QUICK) -> Worker:
    broker = Broker("127.0.0.1", mosquitto.port, "worker-1", keepalive_s=5)
    return Worker(folder, BEICHEN, broker, pace, "test")


@contextmanager
def working(mosquitto: Mosquitto, folder: DataFolder, pace: Pace = QUICK) -> Iterator[Worker]:
    """Run a worker that hears its topics."""
    with make_worker(mosquitto, folder, pace) as worker:
        worker.wait_until_subscribed(_SOON_S)
        yield worker


class Watched:
    """A worker whose `run()` watches over it in a thread, as the program does; `error` is what ended it."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.error: Exception | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.worker.run(until=self._over.is_set)
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class Peak(NamedTuple):
    """The most that a process had resident, in MB.

    own: of it without pages of files, libraries above all. How many of these are mapped follows what the page cache
        holds and how large its pieces are: a third as many at one time as at another, for the same program.
    """

    all: float
    own: float


class Program:
    """`greensward ingest` as a process of its own, that can be killed and started again.

    settings: further ones, by the name that follows GREENSWARD__
    """

    def __init__(self, mosquitto: Mosquitto, folder: DataFolder, cwd: Path, **settings: str) -> None:
        self._folder, self._cwd = folder, cwd
        self._environment = {name: text for name, text in os.environ.items() if not name.startswith("GREENSWARD")} | {
            "PYTHONPATH": str(PROJECT),
            "GREENSWARD__BROKER__HOST": "127.0.0.1",
            "GREENSWARD__BROKER__PORT": str(mosquitto.port),
            "GREENSWARD__DATA__FOLDER": str(folder.root),
            "GREENSWARD__INGEST__SEAL_EVERY_S": "0.3",
            "GREENSWARD__INGEST__MIN_FREE_BYTES": "1000000",
            **{f"GREENSWARD__{name}": text for name, text in settings.items()},
        }
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        self.wait_until_connected()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.kill()

    def start(self) -> None:
        self.process = self.popen()

    def popen(self) -> subprocess.Popen[str]:
        """Start `greensward ingest`; the caller ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "greensward", "ingest"],
            env=self._environment,
            cwd=self._cwd,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self) -> None:
        """End it as the kernel would: SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.communicate()
        self.process = None

    def wait_until_connected(self) -> None:
        def is_connected() -> bool:
            status = read_status(self._folder)
            process = self.process
            return status is not None and process is not None and status.pid == process.pid and status.connected

        wait_until(is_connected, "ingest is connected", _SOON_S)

    def status(self) -> IngestStatus:
        status = read_status(self._folder)
        assert status is not None
        return status

    def peak_mb(self) -> Peak:
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        peak, mapped = (int(text.partition(f"{name}:")[2].split()[0]) / 1024 for name in ("VmHWM", "RssFile"))
        return Peak(peak, peak - mapped)


def asked(folder: DataFolder, query: str) -> list[tuple[Any, ...]]:
    """Return the answer of the lake's views, now."""

    def ask() -> list[tuple[Any, ...]]:
        with open_lake(folder, BEICHEN) as lake:
            return lake.execute(query).fetchall()

    return retrying(folder, ask)


def plain(folder: DataFolder, query: str, table: str = "soil_readings") -> list[tuple[Any, ...]]:
    """Return the answer of a plain glob, as somebody without Greensward reads it; `query` names the rows `lake`."""
    with duckdb.connect(":memory:") as db:
        db.execute(f"create view lake as select * from read_parquet('{folder.lake}/{table}/*/*.parquet')")
        return db.execute(query).fetchall()


def rows_in_lake(folder: DataFolder, table: str = "soil_readings") -> int:
    return int(asked(folder, f"select count(*) from {table}")[0][0])


def assert_each_reading_once(folder: DataFolder, count: int) -> None:
    """Assert that exactly `count` readings are there, each once, through the view and through a plain glob.

    A plain glob is asked again where a file was merged away before it was opened (I4) or looked at (decision 4).
    """
    expected = [(count, count)]
    assert asked(folder, COUNTS + "soil_readings") == expected, "the view"
    globbed = None
    for _ in range(_TRIES_OF_A_GLOB):
        with contextlib.suppress(duckdb.IOException):
            globbed = plain(folder, COUNTS + "lake")
        if globbed == expected:
            return
    raise AssertionError(f"the plain glob: {globbed}, not {expected}")


def assert_files_are_whole(folder: DataFolder) -> None:
    """Assert that the lake holds Parquet files alone, each with the bytes that its name says: nothing half-written."""
    assert scrub(folder) == [], "files with other bytes than their names say"
    strays = [path for path in folder.lake.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    assert strays == [], strays
