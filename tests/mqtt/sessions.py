"""A session at a broker, in a thread, with everything that it delivered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest.inbox import Arrival
from ingest.mqtt.session import Broker, MqttSession, Ticket
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

TOPIC = "greensward/v1/beichen/gs-01/soil"


def broker_of(mosquitto: Mosquitto, version: str = "5") -> Broker:
    return Broker("127.0.0.1", mosquitto.port, "worker-1", mqtt_version=version, keepalive_s=5)


def publish(mosquitto: Mosquitto, payloads: list[bytes], topic: str = TOPIC, qos: int = 1) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="probe")
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    for info in [client.publish(topic, payload, qos=qos) for payload in payloads]:
        info.wait_for_publish(90)
        assert info.is_published()
    client.disconnect()
    client.loop_stop()


class Session:
    """A session in a thread, with everything it delivered."""

    def __init__(self, broker: Broker, deliver: Callable[[Arrival, Ticket | None], None] | None = None) -> None:
        self.got: list[tuple[Arrival, Ticket | None]] = []
        self.error: Exception | None = None
        self.remembered = False
        self.session = MqttSession(
            broker,
            ("greensward/v1/beichen/+/soil",),
            deliver or (lambda arrival, ticket: self.got.append((arrival, ticket))),
            had_session=False,
            remember_session=lambda: setattr(self, "remembered", True),
        )
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.session.run()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def payloads(self) -> list[bytes]:
        return [arrival.payload for arrival, _ in self.got]

    def tickets(self) -> list[Ticket]:
        return [ticket for _, ticket in self.got if ticket is not None]


@contextmanager
def running(session: Session, *, granted: bool = True) -> Iterator[Session]:
    """Run a session until it hears its topics; granted: False where the broker will never grant the subscription."""
    session.thread.start()
    health = session.session.health
    try:
        wait_until(
            lambda: health.is_listening or session.error is not None or (health.connected and not granted),
            "the session hears its topics",
        )
        yield session
    finally:
        session.session.stop(wait_for_disk=False)
        session.thread.join(PATIENCE_S)
    assert not session.thread.is_alive()
