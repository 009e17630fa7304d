"""One retained message to the broker, acknowledged."""

from __future__ import annotations

import time
from typing import Any

import paho.mqtt.client as mqtt

from crews.notices.answer import Answer
from greensward.canary import connection
from greensward.sending.reach import resolved
from ingest.mqtt.broker import Broker

_TIMEOUT_S = 10.0
_LOOP_S = 0.1


def retain(broker: Broker, topic: str, payload: bytes) -> Answer:
    """Publish with QoS 1, retained, beside the worker as the same user; the broker's acknowledgement is the receipt.

    A broker of MQTT 3.1.1 acknowledges also what it forbids.
    """
    said: dict[str, Any] = {}

    def connected(_client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        said["connection"] = reason
        if not reason.is_failure:
            client.publish(topic, payload, qos=1, retain=True)

    def published(_client: mqtt.Client, _data: Any, _mid: int, reason: Any, _properties: Any) -> None:
        said["message"] = reason

    try:
        client = connection(broker, f"{broker.client_id}-send")
        client.on_connect, client.on_publish = connected, published
        client.connect_timeout = _TIMEOUT_S
        resolved(broker.host, broker.port)  # in time, which paho does not care for
        client.connect(broker.host, broker.port)
    except (OSError, ValueError) as error:
        return Answer("later", "", f"{broker.host}:{broker.port}: {getattr(error, 'strerror', None) or error}")
    deadline = time.monotonic() + _TIMEOUT_S
    while "message" not in said and time.monotonic() < deadline:
        if said.get("connection") is not None and said["connection"].is_failure:
            break
        if client.loop(_LOOP_S) != mqtt.MQTT_ERR_SUCCESS:
            break
    client.disconnect()
    client.loop(_LOOP_S)
    return _answer(said.get("connection"), said.get("message"))


def _answer(connected: Any, published: Any) -> Answer:
    if published is not None:
        return Answer("refused" if published.is_failure else "sent", str(published.value), str(published))
    if connected is not None and connected.is_failure:
        return Answer("later", str(connected.value), str(connected))
    return Answer("later", "", "the broker did not acknowledge it")
