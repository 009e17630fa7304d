"""How to reach a broker: what is told to it when we connect, and a client that is ready for it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.errors import ConfigError
from ingest.frames import MAXIMUM_PACKET_BYTES
from ingest.mqtt.bulk import BulkClient
from ingest.mqtt.client import Client

REPLIES_WAITING = 10_000
"""Most answers to senders that wait while the broker is away."""

_CONNECT_TIMEOUT_S = 5.0
"""TCP asks again after 1 and 3 s: whenever packets pass again, we are back within five seconds, pause included."""


@dataclass(frozen=True, slots=True)
class Broker:
    """How to reach a broker and who we are there.

    mqtt_version: "5" or "3.1.1"
    session_expiry_s: how long the broker keeps our messages while we are away (MQTT 5)
    receive_maximum: messages in flight to us, unacknowledged, 1 to 65,535 (MQTT 5)
    receive: "bulk" takes many packets at once (`ingest.mqtt.bulk`); "paho" leaves reading to paho, one by one
    """

    host: str
    port: int
    client_id: str
    mqtt_version: str = "5"
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: int = 30
    session_expiry_s: int = 14 * 86_400
    receive_maximum: int = 20_000
    receive: str = "bulk"


def certificate_ends_at(client: mqtt.Client) -> datetime | None:
    """Return when the certificate ends, UTC, that the broker showed on this connection; None without TLS."""
    socket = client.socket()
    shown: Any = socket.getpeercert() if isinstance(socket, ssl.SSLSocket) else None
    end = (shown or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC) if end else None


def client_of(broker: Broker) -> Client:
    """Return a client for the broker that is not connected yet; its callbacks are the caller's to set.

    It writes only when it is told to. Raises: ConfigError when the files of [broker] are no certificates.
    """
    is_five = broker.mqtt_version == "5"
    client = (BulkClient if broker.receive == "bulk" else Client)(
        CallbackAPIVersion.VERSION2,
        client_id=broker.client_id,
        clean_session=None if is_five else False,
        protocol=mqtt.MQTTv5 if is_five else mqtt.MQTTv311,
        manual_ack=True,
        reconnect_on_failure=False,
    )
    client.connect_timeout = _CONNECT_TIMEOUT_S
    client.max_queued_messages_set(REPLIES_WAITING)
    if broker.username:
        client.username_pw_set(broker.username, broker.password or None)
    if broker.ca_file:
        try:
            client.tls_set(
                ca_certs=str(broker.ca_file),
                certfile=str(broker.cert_file) if broker.cert_file else None,
                keyfile=str(broker.key_file) if broker.key_file else None,
                tls_version=ssl.PROTOCOL_TLS_CLIENT,
            )
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"[broker] ca_file, cert_file, key_file: {error}") from error
    # With this hook paho queues packets for our loop instead of writing from whichever thread calls it.
    client.on_socket_register_write = _leave_to_the_loop
    return client


def connect(client: Client, broker: Broker) -> None:
    """Begin a connection that goes on with our session, if the broker has one. Raises: OSError."""
    if broker.mqtt_version == "5":
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = broker.session_expiry_s
        properties.ReceiveMaximum = broker.receive_maximum
        properties.MaximumPacketSize = MAXIMUM_PACKET_BYTES
        client.connect(broker.host, broker.port, keepalive=broker.keepalive_s, clean_start=False, properties=properties)
    else:
        client.connect(broker.host, broker.port, keepalive=broker.keepalive_s)


def _leave_to_the_loop(_client: mqtt.Client, _data: Any, _socket: Any) -> None:
    """Tell paho that whoever runs the loop writes."""
