"""What Mosquitto itself loses at a kill -9, and what a held message costs it: `.venv/bin/python -m bench.broker_loss`.

A QoS 1 acknowledgement of Mosquitto means "in memory". What it took since its last save and has not handed on is gone
when it is killed. Each trial publishes at a steady rate, kills the broker at a random moment, starts it again, and
counts the acknowledged messages that no subscriber ever got. Runs for about three minutes; loopback only.
"""

from __future__ import annotations

import argparse
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

RATE_PER_S = 150
PAYLOAD_BYTES = 400
HELD = 50_000
_TOPIC = "greensward/v1/beichen/gs-01/soil"
_WORKER = "greensward-ingest-1"
_PATIENCE_S = 60.0


class Broker:
    """A Mosquitto on loopback with one autosave interval."""

    def __init__(self, folder: Path, autosave_s: int) -> None:
        """Write its configuration."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
            f"autosave_interval {autosave_s}\nmax_queued_messages 1000000\nmax_inflight_messages 20000\n"
            "set_tcp_nodelay true\nuser root\nlog_dest none\n",
            encoding="ascii",
        )
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(self._config)], stderr=subprocess.DEVNULL)
        wait(lambda: _answers(self.port), "the broker answers")
        return self.process

    def end(self, how: signal.Signals) -> None:
        """Send a signal and wait for the end."""
        self.process.send_signal(how)
        self.process.wait(_PATIENCE_S)

    def resident_bytes(self) -> int:
        """Return the memory it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
    except OSError:
        return False
    return True


def wait(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition. Raises: TimeoutError."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.005)


class Subscriber:
    """The worker: keeps its session, and acknowledges what it gets at once."""

    def __init__(self, port: int) -> None:
        """Connect and subscribe."""
        self.got: set[bytes] = set()
        self._subscribed = False
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=_WORKER, clean_session=False)
        self.client.on_connect = lambda client, *_: client.subscribe(_TOPIC, 1)
        self.client.on_subscribe = lambda *_: setattr(self, "_subscribed", True)
        self.client.on_message = lambda _client, _data, message: self.got.add(bytes(message.payload))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        wait(lambda: self._subscribed, "subscribed")

    def leave(self) -> None:
        """Disconnect; the session stays."""
        self.client.disconnect()
        self.client.loop_stop()


def publish(port: int, seconds: float, rate_per_s: int, then: Callable[[], None] | None = None) -> set[bytes]:
    """Publish at a rate, call `then` right after the last one, and return what the broker acknowledged."""
    acknowledged: set[int] = set()
    sent: dict[int, bytes] = {}
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="probe", reconnect_on_failure=False)
    client.on_publish = lambda _client, _data, mid, *_: acknowledged.add(mid)
    client.connect("127.0.0.1", port)
    client.loop_start()
    began = time.monotonic()
    for number in range(int(seconds * rate_per_s)):
        payload = b"%d " % number + b"x" * PAYLOAD_BYTES
        info = client.publish(_TOPIC, payload, qos=1)
        sent[info.mid] = payload
        time.sleep(max(began + number / rate_per_s - time.monotonic(), 0))
    if then is not None:
        then()
    else:
        wait(lambda: len(acknowledged) == len(sent), "everything is acknowledged")
    client.disconnect()
    client.loop_stop()
    return {sent[mid] for mid in acknowledged}


def lost_at_kill(autosave_s: int, *, worker_is_there: bool, seed: int) -> tuple[int, int]:
    """Return how many messages were acknowledged, and how many of them nobody ever got."""
    with tempfile.TemporaryDirectory() as root:
        broker = Broker(Path(root), autosave_s)
        worker = Subscriber(broker.port)
        if not worker_is_there:
            worker.leave()
        # The session itself is worth nothing before it was saved once.
        broker.process.send_signal(signal.SIGUSR1)
        seconds = autosave_s * (1 + random.Random(seed).random())
        acknowledged = publish(broker.port, seconds, RATE_PER_S, lambda: broker.end(signal.SIGKILL))
        if worker_is_there:
            worker.leave()
        broker.start()
        again = Subscriber(broker.port)
        publish_mark(broker.port)
        wait(lambda: b"mark" in again.got, "everything kept has come")
        again.leave()
        broker.end(signal.SIGTERM)
        return len(acknowledged), len(acknowledged - worker.got - again.got)


def publish_mark(port: int) -> None:
    """Publish a last message: the broker hands out in order."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="mark")
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(_TOPIC, b"mark", qos=1).wait_for_publish(_PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def cost_of_holding(messages: int) -> tuple[float, float, float]:
    """Return memory a held message takes above its payload, bytes on disk of each, and seconds of one save."""
    with tempfile.TemporaryDirectory() as root:
        broker = Broker(Path(root), 1_000_000)
        Subscriber(broker.port).leave()
        before = broker.resident_bytes()
        count = len(publish(broker.port, messages / 5_000, 5_000))
        each = (broker.resident_bytes() - before) / count - PAYLOAD_BYTES
        began = time.monotonic()
        broker.end(signal.SIGTERM)
        return each, (Path(root) / "mosquitto.db").stat().st_size / count, time.monotonic() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=4, help="kills for each row")
    trials = parser.parse_args().trials
    print(f"{RATE_PER_S} messages/s of {PAYLOAD_BYTES} bytes, QoS 1; broker killed at a random moment")
    print(f"{'autosave_interval':>18} {'worker':>8} {'kills':>6} {'acknowledged':>13} {'lost, worst kill':>17}")
    for autosave_s in (1, 5, 15):
        for is_there in (True, False):
            results = [lost_at_kill(autosave_s, worker_is_there=is_there, seed=seed) for seed in range(trials)]
            total, worst = sum(sent for sent, _ in results), max(lost for _, lost in results)
            print(f"{autosave_s:>16} s {'there' if is_there else 'away':>8} {trials:>6} {total:>13,} {worst:>17,}")
    memory, disk, save_s = cost_of_holding(HELD)
    print(
        f"{HELD:,} held: {memory:.0f} bytes of memory each above the payload, {disk:.0f} bytes on disk each; ", end=""
    )
    print(f"one save (and the orderly end) {save_s:.2f} s")


if __name__ == "__main__":
    main()
