"""A session at a broker, in a thread, with everything that it delivered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest.frames import Frames
from ingest.inbox import Arrival, arrivals_of
from ingest.mqtt.broker import Broker
from ingest.mqtt.session import MqttSession
from ingest.mqtt.ticket import Ticket
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

TOPIC = "greensward/v1/beichen/gs-01/soil"


def broker_of(mosquitto: Mosquitto, version: str = "5", receive: str = "bulk") -> Broker:
    return Broker("127.0.0.1", mosquitto.port, "worker-1", mqtt_version=version, keepalive_s=5, receive=receive)


def publish(mosquitto: Mosquitto, payloads: list[bytes], topic: str = TOPIC, qos: int = 1) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="probe")
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    for info in [client.publish(topic, payload, qos=qos) for payload in payloads]:
        info.wait_for_publish(PATIENCE_S)
        assert info.is_published()
    client.disconnect()
    client.loop_stop()


Deliver = Callable[[Arrival | Frames, Ticket | None], None]


class Session:
    """A session in a thread, with everything it delivered."""

    def __init__(self, broker: Broker, deliver: Deliver | None = None) -> None:
        self.got: list[tuple[Arrival, Ticket | None]] = []
        self.error: Exception | None = None
        self.remembered = False
        self.session = MqttSession(
            broker,
            ("greensward/v1/beichen/+/soil",),
            deliver or self._keep,
            had_session=False,
            remember_session=lambda: setattr(self, "remembered", True),
        )
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _keep(self, arrived: Arrival | Frames, ticket: Ticket | None) -> None:
        """Keep each message with a ticket of its own, however many came together."""
        if isinstance(arrived, Arrival):
            self.got.append((arrived, ticket))
            return
        ids = iter(() if ticket is None else ticket.packet_ids.tolist())
        at_qos_1 = (np.frombuffer(arrived.data, np.uint8)[[0, *arrived.end[:-1]]] & 0x02) > 0
        for arrival, is_due in zip(arrivals_of(arrived), at_qos_1.tolist(), strict=True):
            one = Ticket(ticket.epoch, np.array([next(ids)])) if is_due and ticket is not None else None
            self.got.append((arrival, one))

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
