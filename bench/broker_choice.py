"""Which broker may be built in? Makes the figures of docs/decisions/0005-built-in-broker.md again.

    python bench/broker_choice.py nats
    python bench/broker_choice.py mosquitto
    python bench/broker_choice.py iotcore --iotcore-python /some/venv/bin/python   # pip install iotcore there

Every check talks MQTT 3.1.1 with QoS 1 through paho-mqtt to a broker of its own on a free port, in a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from greensward.broker import _find_program, accepts_mqtt, configuration_text

WAITING = 3_000
FLOOD = 30_000
IN_FLIGHT = 500
BODY = b'{"schema":"greening.soil_reading/1","measured_at":"2026-03-24T08:00:00+08:00","readings":[' + b" " * 110
TOPICS = (
    ("greensward/v1/beichen/gs-01.a/soil", "greensward/v1/beichen/+/soil"),
    (
        "application/52f14cd4/device/a84041aaaa000001/event/up",
        "application/+/device/+/event/up",
    ),
    ("v3/app@tenant/devices/eui-x/up", "v3/+/devices/+/up"),
    ("thing/product/7CTDM5900B3X1B/events", "thing/product/+/events"),
    ("/sys/pk/dn/thing/event/property/post", "/sys/+/+/thing/event/property/post"),
    ("$oc/devices/d1/sys/properties/report", "$oc/devices/+/sys/properties/report"),
    ("spBv1.0/group/NDATA/edge", "spBv1.0/#"),
)


class Broker:
    """A broker process that can be killed and started again on the same port and folder."""

    def __init__(self, kind: str, folder: Path, iotcore_python: str) -> None:
        """Choose a free port; `folder` is the broker's own."""
        self.kind, self.folder, self.iotcore_python = kind, folder, iotcore_python
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start and return the seconds until CONNECT was answered."""
        began = time.monotonic()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        while not accepts_mqtt("127.0.0.1", self.port):
            if time.monotonic() - began > 60 or self.process.poll() is not None:
                raise SystemExit(f"{self.kind} did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.005)
        return time.monotonic() - began

    def kill(self) -> None:
        """Kill with -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def memory_mb(self) -> float:
        """Resident memory now."""
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def _command(self) -> list[str]:
        if self.kind == "nats":
            config = self.folder / "nats.conf"
            config.write_text(configuration_text(self.folder / "store", self.port))
            return [str(_find_program()), "-c", str(config)]
        if self.kind == "mosquitto":
            config = self.folder / "mosquitto.conf"
            config.write_text(
                f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                f"persistence_location {self.folder}/\nautosave_on_changes true\nautosave_interval 1\nuser root\n"
                "max_queued_messages 100000\nmax_inflight_messages 0\nmax_packet_size 300000\n"
            )
            return ["mosquitto", "-c", str(config)]
        config = self.folder / "rumqttd.toml"
        config.write_text(
            "id = 0\n[router]\nid = 0\nmax_connections = 100\nmax_outgoing_packet_count = 200\n"
            "max_segment_size = 104857600\nmax_segment_count = 10\n"
            f'[v4.1]\nname = "v4"\nlisten = "127.0.0.1:{self.port}"\nnext_connection_delay_ms = 1\n'
            "[v4.1.connections]\nconnection_timeout_ms = 5000\nmax_payload_size = 300000\n"
            "max_inflight_count = 20000\ndynamic_filters = true\n"
        )
        return [self.iotcore_python, "-m", "iotcore", "--config", str(config)]


class Client:
    """A paho client that counts what it gets and acknowledges only when told to."""

    def __init__(self, port: int, name: str, *, clean: bool = False, hold: bool = False) -> None:
        """Connect as `name`; `hold` acknowledges nothing."""
        self.hold = hold
        self.got: list[paho.MQTTMessage] = []
        self.session_present = False
        self.codes: list[int] = []
        self._up = threading.Event()
        self._granted = threading.Event()
        self.paho = paho.Client(CallbackAPIVersion.VERSION2, name, clean, manual_ack=True)
        self.paho.max_inflight_messages_set(0)  # 0: paho keeps no queue of its own, whose scan is quadratic
        self.paho.max_queued_messages_set(0)
        self.paho.on_connect = self._on_connect
        self.paho.on_message = self._on_message
        self.paho.on_subscribe = self._on_subscribe
        self.paho.connect("127.0.0.1", port, keepalive=60)
        self.paho.loop_start()
        self.connected = self._up.wait(10)

    def _on_connect(self, _client: object, _data: object, flags: paho.ConnectFlags, *_rest: object) -> None:
        self.session_present = flags.session_present
        self._up.set()

    def _on_message(self, client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.got.append(message)
        if not self.hold:
            client.ack(message.mid, message.qos)

    def _on_subscribe(
        self,
        _client: object,
        _data: object,
        _mid: int,
        codes: list[Any],
        *_: object,
    ) -> None:
        self.codes += [code.value for code in codes]
        self._granted.set()

    def subscribe(self, *filters: str) -> list[int]:
        """Subscribe at QoS 1 and return the granted codes (128 and above: refused)."""
        self._granted.clear()
        self.paho.subscribe([(name, 1) for name in filters])
        self._granted.wait(10)
        return self.codes

    def publish(
        self,
        pairs: list[tuple[str, bytes]],
        *,
        retain: bool = False,
        wait_s: float = 60,
    ) -> float:
        """Publish all, wait for every PUBACK; return seconds, or -1 when some never came."""
        began = time.monotonic()
        window = threading.Semaphore(IN_FLIGHT)
        self.paho.on_publish = lambda *_: window.release()
        for topic, body in pairs:
            if not window.acquire(timeout=wait_s):
                return -1.0
            self.paho.publish(topic, body, 1, retain)
        for _ in range(IN_FLIGHT):
            if not window.acquire(timeout=max(0.1, began + wait_s - time.monotonic())):
                return -1.0
        return time.monotonic() - began

    def wait(self, count: int, timeout_s: float = 30.0) -> int:
        """Wait until `count` messages came; return how many did."""
        deadline = time.monotonic() + timeout_s
        while len(self.got) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return len(self.got)

    def drop(self) -> None:
        """Cut the connection without DISCONNECT, as a killed process would."""
        link: Any = self.paho.socket()
        self.paho.on_disconnect = None
        self.paho.reconnect_delay_set(3600, 3600)
        if link is not None:
            link.shutdown(socket.SHUT_RDWR)
        time.sleep(0.1)
        self.paho.loop_stop()

    def close(self) -> None:
        """Say DISCONNECT and stop."""
        self.paho.disconnect()
        self.paho.loop_stop()


def topic_works(broker: Broker, topic: str, pattern: str) -> bool:
    """Say whether a message on `topic` reaches a subscriber to `pattern` with its topic unchanged."""
    reader, writer = (
        Client(broker.port, "r", clean=True),
        Client(broker.port, "w", clean=True),
    )
    reader.subscribe(pattern)
    writer.publish([(topic, b"x")], wait_s=3)
    reader.wait(1, 2)
    fine = [message.topic for message in reader.got] == [topic]
    reader.close()
    writer.close()
    return fine


def largest_payload(broker: Broker) -> str:
    """Return which of 262,144 bytes less the topic's overhead and 300,000 bytes pass."""
    passed = []
    for size in (65_536, 262_144 - 100, 262_144, 1_000_000):
        reader, writer = (
            Client(broker.port, "r", clean=True),
            Client(broker.port, "w", clean=True),
        )
        reader.subscribe("big/t")
        writer.publish([("big/t", b"x" * size)], wait_s=3)
        if reader.wait(1, 3):
            passed.append(str(size))
        reader.close()
        writer.close()
    return " ".join(passed)


def offline_queue(broker: Broker, *, kill: bool) -> dict[str, object]:
    """Publish to an absent persistent session, perhaps kill the broker, and count what is there afterwards."""
    name = "采集-1" if kill else "ingest-1"
    away = Client(broker.port, name)
    granted = away.subscribe("q/#")
    away.close()
    writer = Client(broker.port, "w", clean=True)
    seconds = writer.publish([("q/" + str(n), b"%d" % n) for n in range(WAITING)])
    writer.close()
    restart = None
    if kill:
        broker.kill()
        restart = round(broker.start(), 3)
    back = Client(broker.port, name)
    back.wait(WAITING, 20)
    distinct = len({bytes(message.payload) for message in back.got})
    order = [int(message.payload) for message in back.got]
    result = {
        "granted": granted,
        "acknowledged": seconds >= 0,
        "kept": f"{distinct} of {WAITING}",
        "in_order": order == sorted(order),
        "session_present": back.session_present,
        "restart_s": restart,
    }
    back.close()
    return result


def retained_after_kill(broker: Broker) -> bool:
    """Say whether a retained message outlives kill -9."""
    writer = Client(broker.port, "w", clean=True)
    writer.publish([("greensward/v1/beichen/gs-1/state", b"online")], retain=True)
    writer.close()
    broker.kill()
    broker.start()
    reader = Client(broker.port, "r", clean=True)
    reader.subscribe("greensward/v1/+/+/state")
    reader.wait(1, 3)
    fine = [bool(message.retain) for message in reader.got] == [True]
    reader.close()
    return fine


def held_acks(broker: Broker) -> dict[str, object]:
    """Hold every acknowledgement: how many arrive, and what comes again after the connection broke."""
    holder = Client(broker.port, "holder", hold=True)
    holder.subscribe("h/#")
    writer = Client(broker.port, "w", clean=True)
    writer.publish([("h/t", b"%d" % n) for n in range(20_000)])
    window = holder.wait(20_000, 5)
    holder.drop()
    began = time.monotonic()
    back = Client(broker.port, "holder")
    back.wait(1, 60)
    first = time.monotonic() - began
    back.wait(20_000, 60)
    distinct = len({bytes(message.payload) for message in back.got})
    result: dict[str, object] = {
        "window": window,
        "first_again_s": round(first, 2),
        "all_again_s": round(time.monotonic() - began, 2),
        "distinct_again": distinct,
        "delivered_again": len(back.got),
        "dup_flags": sum(message.dup for message in back.got),
        "session_present": back.session_present,
    }
    back.close()
    writer.close()
    return result


def throughput(broker: Broker) -> dict[str, object]:
    """Publish and receive 200-byte messages at once with one paho publisher and one paho subscriber."""
    reader = Client(broker.port, "fast")
    reader.subscribe("f/#")
    writer = Client(broker.port, "w", clean=True)
    began = time.monotonic()
    published = writer.publish([("f/t", BODY)] * FLOOD, wait_s=120)
    received = reader.wait(FLOOD, 60)
    seconds = time.monotonic() - began
    result: dict[str, object] = {
        "puback_per_s": round(FLOOD / published) if published > 0 else None,
        "through_per_s": round(received / seconds),
        "received": received,
        "memory_mb": round(broker.memory_mb(), 1),
    }
    reader.close()
    writer.close()
    return result


def many_subscriptions(broker: Broker) -> list[int]:
    """Return the codes granted for all filters that ingest needs, in one session."""
    client = Client(broker.port, "many")
    codes = client.subscribe(
        "greensward/v1/beichen/#",
        *(pattern for _, pattern in TOPICS[1:]),
        "thing/product/+/osd",
    )
    client.close()
    return codes


def main() -> None:
    """Run every check on one kind of broker and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["nats", "mosquitto", "iotcore"])
    parser.add_argument("--iotcore-python", default=sys.executable)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(given.kind, Path(folder), given.iotcore_python)
        figures: dict[str, object] = {
            "start_s": round(broker.start(), 3),
            "memory_mb": round(broker.memory_mb(), 1),
        }
        checks: dict[str, Callable[[], object]] = {
            "topics": lambda: {topic: topic_works(broker, topic, pattern) for topic, pattern in TOPICS},
            "payload_bytes": lambda: largest_payload(broker),
            "subscriptions": lambda: many_subscriptions(broker),
            "offline": lambda: offline_queue(broker, kill=False),
            "offline_killed": lambda: offline_queue(broker, kill=True),
            "retained_killed": lambda: retained_after_kill(broker),
            "throughput": lambda: throughput(broker),
            "held": lambda: held_acks(broker),
        }
        try:
            for name, check in checks.items():
                figures[name] = check()
                sys.stderr.write(f"{name}: {json.dumps(figures[name], ensure_ascii=False)}\n")
        finally:
            assert broker.process is not None
            os.kill(broker.process.pid, signal.SIGKILL)
            broker.process.wait()
    sys.stdout.write(json.dumps({given.kind: figures}, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    main()
