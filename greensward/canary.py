"""Proves a broker by a message that comes back.

A broker may answer a subscription with "granted" although its ACL never delivers a message of it (Mosquitto does), so
that a worker without rights waits for ever and looks healthy. Only a message that was sent and received tells.
"""

from __future__ import annotations

import ssl
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest.decode.topics import ROOT
from ingest.errors import GreenswardError
from ingest.mqtt.broker import Broker, certificate_ends_at
from ingest.mqtt.client import Client

CANARY_DEVICE = "greensward.canary"
"""The device id on the canary's topic; no decoder reads the topic, and ingest does not subscribe to it."""

_DROPPED_TOPIC = "$SYS/broker/publish/messages/dropped"
_LOOP_S = 0.1


class BrokerUnreachableError(GreenswardError, ConnectionError):
    """The broker does not answer or refuses us; what it acknowledged before is its own."""


@dataclass(slots=True)
class BrokerProof:
    """What a broker answered.

    refusal: why it refused the connection, "" when it did not, None when it said nothing at all
    came_back: whether the canary came back
    dropped_messages: what the broker says it has dropped since its start, for any client; None when it does not say
    certificate_ends_at: when the broker's certificate ends, UTC; None without TLS
    """

    refusal: str | None = None
    came_back: bool = False
    dropped_messages: int | None = None
    certificate_ends_at: datetime | None = None


def canary_topic(district: str) -> str:
    """Return the topic that the canary flies on."""
    return f"{ROOT}{district}/{CANARY_DEVICE}/canary"


def prove(broker: Broker, district: str, timeout_s: float) -> BrokerProof:
    """Connect beside the worker, as the same user, and send ourselves a canary; blocks for `timeout_s` at most.

    Raises: OSError (also its children of TLS) when there is no connection; ValueError for a host that is none.
    """
    flight = _Flight(broker, district)
    try:
        flight.wait(timeout_s)
    finally:
        flight.leave()
    return flight.proof


def connection(broker: Broker, client_id: str) -> mqtt.Client:
    """Return a client that is not connected yet, with the worker's user and certificates and an id of its own."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=mqtt.MQTTv5 if broker.mqtt_version == "5" else mqtt.MQTTv311,
    )
    if broker.username:
        client.username_pw_set(broker.username, broker.password or None)
    if broker.ca_file:
        client.tls_set(
            str(broker.ca_file),
            str(broker.cert_file) if broker.cert_file else None,
            str(broker.key_file) if broker.key_file else None,
            tls_version=ssl.PROTOCOL_TLS_CLIENT,
        )
    return client


class _Flight:
    def __init__(self, broker: Broker, district: str) -> None:
        self.proof = BrokerProof()
        self.client = connection(broker, f"{broker.client_id}-doctor")
        self._broker = broker
        self._topic = canary_topic(district)
        self._filter = f"{ROOT}{district}/+/canary"
        self._word = uuid.uuid4().hex.encode()
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message

    def wait(self, timeout_s: float) -> None:
        self.client.connect_timeout = timeout_s
        self.client.connect(self._broker.host, self._broker.port)
        self.proof.certificate_ends_at = certificate_ends_at(self.client)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and not self.proof.came_back and not self.proof.refusal:
            if self.client.loop(_LOOP_S) != mqtt.MQTT_ERR_SUCCESS:
                return

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop(_LOOP_S)

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.proof.refusal = str(reason) if reason.is_failure else ""
        if not reason.is_failure:
            client.subscribe([(_DROPPED_TOPIC, 0), (self._filter, 1)])

    def _on_subscribe(self, client: mqtt.Client, _data: Any, _mid: int, _reasons: Any, _properties: Any) -> None:
        client.publish(self._topic, self._word, qos=1)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic == _DROPPED_TOPIC:
            text = message.payload.decode("ascii", "replace")
            self.proof.dropped_messages = int(text) if text.isdecimal() else None
        elif message.payload == self._word:
            self.proof.came_back = True
