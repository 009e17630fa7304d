"""MQTT clients of a site: devices with certificates, services and people with passwords."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.compose.site import SiteBroker
from tests.waiting import wait_until


class SiteClient:
    """One client with what it heard; `refusal` is the broker's word, "" after a welcome, None before any."""

    def __init__(self, name: str, *, clean: bool = True, version: int = mqtt.MQTTv5) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.refusal: str | None = None
        self.session_present = False
        self.subscribed = False
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=version)  # type: ignore[arg-type]
        self._clean = clean
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: setattr(self, "subscribed", True)
        self.client.on_message = lambda _c, _d, message: self.heard.append((message.topic, bytes(message.payload)))

    def _on_connect(self, _client: object, _data: object, flags: mqtt.ConnectFlags, reason: object, _p: object) -> None:
        self.refusal = str(reason) if getattr(reason, "is_failure", False) else ""
        self.session_present = flags.session_present

    def connect(self, port: int) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0 if self._clean else 3600
        self.client.connect("127.0.0.1", port, keepalive=30, clean_start=self._clean, properties=properties)
        self.client.loop_start()
        wait_until(lambda: self.refusal is not None, "the broker answers")

    def subscribe(self, topic: str) -> None:
        self.subscribed = False
        self.client.subscribe(topic, qos=1)
        wait_until(lambda: self.subscribed, "the subscription is answered")

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1 and wait for the broker's acknowledgement, which says nothing about rights."""
        info = self.client.publish(topic, payload, qos=1)
        wait_until(info.is_published, "the broker acknowledged")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def device(broker: SiteBroker, certificate: str, client_id: str | None = None) -> Iterator[SiteClient]:
    """Connect with a device's certificate on the devices' listener."""
    with _connected(SiteClient(client_id or certificate), broker, "8883", certificate=certificate) as client:
        yield client


@contextmanager
def service(
    broker: SiteBroker, user: str = "greensward", port: str = "8884", client_id: str = "", *, clean: bool = True
) -> Iterator[SiteClient]:
    """Connect with a password."""
    client = SiteClient(client_id or f"{user}-watch", clean=clean)
    name = "broker" if user == "greensward" else user
    secret = (broker.site / "secrets" / f"{name}-password").read_text(encoding="ascii").strip()
    client.client.username_pw_set(user, secret)
    with _connected(client, broker, port) as connected:
        yield connected


@contextmanager
def _connected(client: SiteClient, broker: SiteBroker, port: str, certificate: str = "") -> Iterator[SiteClient]:
    path: Path = broker.site / "ca" / "devices" / certificate
    client.client.tls_set(
        str(broker.site / "ca.crt"),
        f"{path}.crt" if certificate else None,
        f"{path}.key" if certificate else None,
        tls_version=ssl.PROTOCOL_TLS_CLIENT,
    )
    client.connect(broker.ports[port])
    try:
        yield client
    finally:
        client.close()
