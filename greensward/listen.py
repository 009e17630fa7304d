"""Hears what comes to a broker under greensward/v1/ and says which of it nobody here reads.

Ingest subscribes to its own district and to the kinds of message it knows, so that a device whose topic is misspelt is
heard by nobody, and nobody hears that it is not. Looking means to subscribe to every district for a while, beside
ingest, and to count; nothing is stored.
"""

from __future__ import annotations

import difflib
import time
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as mqtt

from greensward.canary import CANARY_DEVICE, canary_topic, connection
from ingest.decode.route import NATIVE_KINDS
from ingest.decode.topics import ROOT
from ingest.mqtt.broker import Broker

_MOST_TOPICS = 10_000
"""Topics that are told apart; on a broker with more, the rest counts as other."""

_OURS = frozenset({"reply", "canary"})
"""Last levels that Greensward itself publishes."""

_ELSEWHERE = ".elsewhere"
"""Ends the name of a district that is none."""

_NEAR = 0.6
_CONNECT_S = 10.0
_LOOP_S = 0.1


@dataclass(slots=True)
class Stray:
    """Messages that nobody here reads.

    kind: "district" for one spelt almost as ours, "other district" for another, "topic" for an unknown last level
    said: the district or the last level, as the devices write it
    meant: what they probably mean, "" when nobody can say
    devices: ids on the topics
    """

    kind: str
    said: str
    meant: str
    messages: int = 0
    devices: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Heard:
    """What came: messages and devices of our own district that are read, and all that is not.

    hears_others: whether a message to a district that is none came back; where the broker's rules keep other districts
        from us, nothing is told of a misspelt one
    """

    messages: int = 0
    devices: set[str] = field(default_factory=set)
    strays: list[Stray] = field(default_factory=list)
    refusal: str | None = None
    hears_others: bool = False


def listen(broker: Broker, district: str, seconds: float) -> Heard:
    """Subscribe to all districts, beside the worker and as the same user, and hear what comes in so many seconds.

    The seconds run from when the broker has granted the subscription; refusal is None where it never answered.
    Raises: OSError (also its children of TLS) when there is no connection; ValueError for a host that is none.
    """
    counts: dict[str, int] = {}
    heard = Heard()
    elsewhere = canary_topic(f"{district}{_ELSEWHERE}")
    client = connection(broker, f"{broker.client_id}-listens")

    deadline = time.monotonic() + _CONNECT_S

    def on_connect(client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            heard.refusal = str(reason)
        else:
            client.subscribe(f"{ROOT}#", 0)

    def on_subscribe(client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        nonlocal deadline
        heard.refusal = next((str(reason) for reason in reasons if reason.is_failure), "")
        client.publish(elsewhere, b"")
        deadline = time.monotonic() + seconds

    def on_message(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic in counts or len(counts) < _MOST_TOPICS:
            counts[message.topic] = counts.get(message.topic, 0) + 1

    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    client.connect(broker.host, broker.port)
    while time.monotonic() < deadline and not heard.refusal:
        if client.loop(_LOOP_S) != mqtt.MQTT_ERR_SUCCESS:
            break
    client.disconnect()
    client.loop(_LOOP_S)
    heard.hears_others = elsewhere in counts
    return sort_out(counts, district, heard)


def sort_out(counts: dict[str, int], district: str, heard: Heard) -> Heard:
    """Put what was counted by topic into `heard`, strays by how many messages they have."""
    strays: dict[tuple[str, str], Stray] = {}
    for topic, messages in counts.items():
        said, device_id, kind = _levels(topic)
        if kind in _OURS or device_id in {CANARY_DEVICE, "crews"}:
            continue
        if said == district and kind in NATIVE_KINDS:
            heard.messages += messages
            heard.devices.add(device_id)
            continue
        stray = _stray(said, kind, district)
        stray = strays.setdefault((stray.kind, stray.said), stray)
        stray.messages += messages
        stray.devices.add(device_id)
    heard.strays = sorted(strays.values(), key=lambda stray: (stray.kind == "other district", -stray.messages))
    return heard


def _levels(topic: str) -> tuple[str, str, str]:
    """Return district, device and the rest of a topic; "" where it has no such level."""
    district, _, rest = topic.removeprefix(ROOT).partition("/")
    device_id, _, kind = rest.partition("/")
    return district, device_id, kind


def _stray(said: str, kind: str, district: str) -> Stray:
    if said == district:
        near = difflib.get_close_matches(kind.lower(), NATIVE_KINDS, n=1, cutoff=_NEAR)
        return Stray("topic", kind, near[0] if near else "")
    is_near = difflib.SequenceMatcher(None, said.lower(), district.lower()).ratio() >= _NEAR
    return Stray("district", said, district) if is_near else Stray("other district", said, "")
