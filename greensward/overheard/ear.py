"""Hears messages at the broker beside ingest, as the same user and under a client id of its own.

It subscribes, and publishes nothing. Its session ends with its connection, so that the broker keeps nothing for it, and
what it acknowledges is its own copy: ingest's messages, session and acknowledgements are not touched.
"""

from __future__ import annotations

import collections
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt

from greensward.canary import CANARY_DEVICE, BrokerUnreachableError, connection
from greensward.overheard.message import Heard
from ingest.decode import alink, iotda, sparkplug
from ingest.decode.route import subscriptions
from ingest.decode.topics import ROOT
from ingest.errors import ConfigError
from ingest.mqtt.broker import Broker

FORMATS = {
    "native": ROOT,
    "chirpstack": "application/",
    "things-stack": "v3/",
    "dji": "thing/product/",
    "alink": alink.ROOT,
    "onenet": alink.ONENET_ROOT,
    "iotda": iotda.ROOT,
    "sparkplug": sparkplug.ROOT,
}
"""How the topics of each format begin; SenML comes on a native topic."""

_CONNECT_S = 10.0
_LOOP_S = 0.1
_OURS = frozenset({"reply", "canary"})


def filters_of(district: str, format_name: str | None = None) -> list[str]:
    """Return what to subscribe to for one format, or for all that ingest reads.

    Of the native topics all, other districts and misspelt last levels too: those are what makers look for.
    """
    start = FORMATS[format_name] if format_name else ""
    others = [topic for topic, _ in subscriptions(district) if not topic.startswith(ROOT)]
    return [topic for topic in (f"{ROOT}#", *others) if topic.startswith(start)]


def is_from_greensward(topic: str) -> bool:
    """Say whether Greensward itself publishes on this topic: answers, crews' lists, the canary."""
    if not topic.startswith(ROOT):
        return False
    device_id, _, kind = topic.removeprefix(ROOT).partition("/")[2].partition("/")
    return kind in _OURS or device_id in {CANARY_DEVICE, "crews"}


def is_answer(topic: str) -> bool:
    """Say whether Greensward answers a native device on this topic."""
    return topic.startswith(ROOT) and topic.endswith("/reply")


def is_birth(topic: str) -> bool:
    """Say whether this is the birth certificate of a Sparkplug node or device."""
    return topic.startswith(sparkplug.ROOT) and any(f"/{kind}BIRTH/" in topic for kind in "ND")


class Ear:
    """A connection for the length of a `with` block; `hear` gives what comes.

    refused: topic filters that the broker did not grant
    """

    def __init__(
        self, broker: Broker, district: str, filters: Sequence[str], *, qos: int, answers: bool = False
    ) -> None:
        """Prepare it.

        qos: 0 lets a broker drop what we are too slow for; 1 tells with which QoS a message was sent
        answers: whether to hear what Greensward answers to devices
        Raises: ConfigError when the files of [broker] are no certificates.
        """
        self.refused: list[str] = []
        self._broker, self._district, self._qos, self._answers = broker, district, qos, answers
        self._where = f"{broker.host}:{broker.port}"
        self._filters = list(filters)
        self._heard: collections.deque[Heard] = collections.deque()
        self._refusal: str | None = None
        self._asked: dict[int | None, list[str]] = {}
        try:
            self._client = connection(broker, f"{broker.client_id}-hears-{secrets.token_hex(4)}")
        except OSError as error:  # those of TLS are its children
            raise ConfigError(f"[broker] ca_file, cert_file, key_file: {error}") from error
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        """Connect and subscribe. Raises: BrokerUnreachableError, also when the broker refuses us."""
        self._client.connect_timeout = _CONNECT_S
        try:
            self._client.connect(self._broker.host, self._broker.port)
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
            raise BrokerUnreachableError(f"No broker answers on {self._where} ({said or error}).") from error
        self._turn_until(lambda: self._refusal is not None)
        if self._refusal:
            raise BrokerUnreachableError(
                f"The broker on {self._where} refuses us: {self._refusal}. Check [broker] username, password_file, "
                "cert_file and the broker's ACL."
            )
        self.subscribe(self._filters)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop(_LOOP_S)

    def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe, again too: what is retained there then comes again. Raises: BrokerUnreachableError."""
        self._ask(filters)
        self._turn_until(lambda: not self._asked)
        every = f"{ROOT}#"
        if every in self.refused:  # by rules that hold us to our district
            self.refused.remove(every)
            self._ask([f"{ROOT}{self._district}/#"])
            self._turn_until(lambda: not self._asked)
        if len(self.refused) >= len(filters):
            raise BrokerUnreachableError(
                f"The broker on {self._where} lets us read none of {', '.join(self.refused)}. Allow the user of "
                "[broker] username to read them in the broker's ACL."
            )

    def said_of_refused(self) -> str:
        """Return a sentence on what the broker did not grant."""
        return f"The broker lets us read nothing of {', '.join(self.refused)}."

    def hear(self, is_over: Callable[[], bool]) -> Iterator[Heard]:
        """Yield what comes until `is_over()`, which is asked ten times a second, first when what has come is heard.

        Raises: BrokerUnreachableError when the connection breaks.
        """
        while True:
            self._turn()
            while self._heard:
                yield self._heard.popleft()
            if is_over():
                return

    def _turn(self) -> None:
        code = self._client.loop(_LOOP_S)
        if code != mqtt.MQTT_ERR_SUCCESS and not self._refusal:
            raise BrokerUnreachableError(
                f"The connection to the broker on {self._where} broke: {mqtt.error_string(code)}"
            )

    def _turn_until(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _CONNECT_S
        while not is_done():
            if time.monotonic() > deadline:
                raise BrokerUnreachableError(f"The broker on {self._where} does not answer within {_CONNECT_S:.0f} s.")
            self._turn()

    def _ask(self, filters: Sequence[str]) -> None:
        _, number = self._client.subscribe([(topic, self._qos) for topic in filters])
        self._asked[number] = list(filters)

    def _on_connect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._refusal = str(reason) if reason.is_failure else ""

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, number: int, reasons: Any, _properties: Any) -> None:
        asked = self._asked.pop(number, [])
        self.refused += [topic for topic, reason in zip(asked, reasons, strict=False) if reason.is_failure]

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # ingest keeps it as refused; no device of ours can be told from it
        if not is_from_greensward(topic) or (self._answers and is_answer(topic)):
            self._heard.append(
                Heard(
                    received_at=datetime.now(UTC),
                    topic=topic,
                    payload=bytes(message.payload),
                    qos=message.qos,
                    retained=message.retain,
                    redelivered=message.dup,
                )
            )
