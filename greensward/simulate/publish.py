"""Messages to a broker with QoS 1: a bounded number on the way at once, and every acknowledgement waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from greensward.canary import BrokerUnreachableError, connection
from greensward.simulate.readings import TimedMessage
from ingest.mqtt.broker import Broker

IN_FLIGHT = 1_000
"""Messages published and not acknowledged; more do not make a broker faster, and all of them are sent again after a
lost connection."""

CLIENT_ID = "greensward-simulate"

_CONNECT_S = 10.0
_KEEPALIVE_S = 30
_STALLED_S = 30.0


def plain(host: str, port: int) -> Broker:
    """Return a broker that wants neither user nor TLS, such as the built-in one."""
    return Broker(host, port, CLIENT_ID, mqtt_version="3.1.1")


def publish(
    messages: Iterable[TimedMessage],
    broker: Broker,
    *,
    on_acknowledged: Callable[[int], None] | None = None,
    in_flight: int = IN_FLIGHT,
    stalled_s: float = _STALLED_S,
) -> int:
    """Publish all messages in order and return how many, each acknowledged by the broker.

    on_acknowledged: called now and then, in this thread, with the acknowledgements so far
    stalled_s: give up when no acknowledgement comes for so long
    Raises: BrokerUnreachableError, also when the broker says (in MQTT 5) that we may not write a topic.
    """
    window = threading.Semaphore(in_flight)
    refused: list[ReasonCode] = []
    sent = 0
    with _connected(broker, window, refused) as client:
        for message in messages:
            _wait(window, broker, stalled_s)
            client.publish(message.topic, message.payload, 1)
            sent += 1
            if on_acknowledged is not None and sent % in_flight == 0:
                on_acknowledged(sent - in_flight)
        for _ in range(in_flight):
            _wait(window, broker, stalled_s)
    if refused:
        raise BrokerUnreachableError(
            f"The broker on {broker.host}:{broker.port} refused {len(refused):,} of {sent:,} messages: {refused[0]}. "
            "Allow our user to write these topics in the broker's ACL."
        )
    if on_acknowledged is not None:
        on_acknowledged(sent)
    return sent


@contextmanager
def _connected(broker: Broker, window: threading.Semaphore, refused: list[ReasonCode]) -> Iterator[paho.Client]:
    host, port = broker.host, broker.port
    client = connection(broker, broker.client_id)
    # 0: paho keeps no queue of its own, whose scan at each acknowledgement is quadratic; the window is ours.
    client.max_inflight_messages_set(0)
    client.max_queued_messages_set(0)
    answers: list[ReasonCode] = []
    answered = threading.Event()

    def on_connect(_client: paho.Client, _data: object, _flags: object, code: ReasonCode, _more: object) -> None:
        answers.append(code)
        answered.set()

    def on_publish(_client: paho.Client, _data: object, _number: int, code: ReasonCode, _more: object) -> None:
        if code.is_failure:
            refused.append(code)
        window.release()

    client.on_connect = on_connect
    client.on_publish = on_publish
    try:
        client.connect(host, port, keepalive=_KEEPALIVE_S)
    except OSError as error:
        raise BrokerUnreachableError(f"No broker answers on {host}:{port} ({error.strerror or error}).") from error
    client.loop_start()
    try:
        if not answered.wait(_CONNECT_S) or answers[0].is_failure:
            raise BrokerUnreachableError(f"The broker on {host}:{port} refuses us: {answers or 'no answer'}.")
        yield client
        client.disconnect()
    finally:
        client.loop_stop()


def _wait(window: threading.Semaphore, broker: Broker, stalled_s: float) -> None:
    if not window.acquire(timeout=stalled_s):
        where = f"{broker.host}:{broker.port}"
        raise BrokerUnreachableError(f"The broker on {where} has acknowledged nothing for {stalled_s:.0f} s.")


def at_rate(messages: Iterable[TimedMessage], per_s: float, wait: Callable[[float], object]) -> Iterator[TimedMessage]:
    """Yield the messages evenly, `per_s` a second. wait: sleeps so many seconds."""
    began = time.monotonic()
    for number, message in enumerate(messages):
        early_s = began + number / per_s - time.monotonic()
        if early_s > 0:
            wait(early_s)
        yield message


def at_their_times(
    messages: Iterable[TimedMessage], speedup: float, wait: Callable[[float], object]
) -> Iterator[TimedMessage]:
    """Yield each message when its time has come, the first at once; `speedup` 60 makes an hour of a minute."""
    began, first_at = time.monotonic(), None
    for message in messages:
        first_at = first_at or message.at
        early_s = began + (message.at - first_at).total_seconds() / speedup - time.monotonic()
        if early_s > 0:
            wait(early_s)
        yield message
