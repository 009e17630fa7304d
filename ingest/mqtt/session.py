"""One MQTT session: messages in as they come, acknowledgements out only when told to, replies out.

paho-mqtt does the protocol; this module drives its external loop from one thread of ours, so that an exception or a
dead thread is seen, and acknowledgements carry the epoch of the connection their message came on. After a reconnect
packet ids start again: an acknowledgement of an older epoch would destroy another message, so it is dropped, and the
broker sends its message once more.
"""

from __future__ import annotations

import collections
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.errors import ConfigError, InUseError
from ingest.frames import READ_BYTES, Frames
from ingest.inbox import Arrival
from ingest.messages import Integers
from ingest.mqtt.broker import REPLIES_WAITING, Broker, certificate_ends_at, client_of, connect
from ingest.mqtt.bulk import BulkClient
from ingest.mqtt.client import Client
from ingest.mqtt.health import SessionHealth
from ingest.mqtt.leaving import say_goodbye, write_what_is_queued
from ingest.mqtt.takeovers import TOLERATED, Ending, Takeovers
from ingest.mqtt.ticket import Ticket
from ingest.mqtt.wake import Wake
from ingest.observation import Reply

_SELECT_S = 0.5
_READS_A_TURN = 256
_PIECES_A_TURN = 8
_SMALL_BYTES = 32_768
_GATHER_S = 0.01
"""Far below the group commit, so that no acknowledgement is later for it."""

_LEAVE_S = 10.0
"""Most that leaving waits for the disk: several times a slow fsync. What is late comes again, as after a kill."""

_BACKOFF_S = (0.2, 0.5, 1.0, 2.0)
_PROBE_S = 1.0
_SESSION_TAKEN_OVER = 0x8E


class TakenOverError(InUseError):
    """Another client with our client id keeps taking our session."""


class MqttSession:
    """Runs the session in the calling thread: `run()` returns after `stop()`, or raises.

    deliver: called for each message, or run of messages, with its ticket (None where nothing of it is at QoS 1); may
        block, which stops reading from the broker
    had_session, remember_session: whether a session was ever made under this client id, kept across runs
    """

    def __init__(
        self,
        broker: Broker,
        topics: Sequence[str],
        deliver: Callable[[Arrival | Frames, Ticket | None], None],
        *,
        had_session: bool,
        remember_session: Callable[[], None],
    ) -> None:
        """Prepare; nothing is sent before `run()`."""
        self.health = SessionHealth(last_turn=time.monotonic())
        self._broker = broker
        self._topics = topics
        self._deliver = deliver
        self._delivered = 0
        self._unacknowledged = 0
        self._waits_for_disk = True
        self._had_session = had_session
        self._remember_session = remember_session
        self._acks: collections.deque[Ticket] = collections.deque()
        self._replies: collections.deque[Reply] = collections.deque(maxlen=REPLIES_WAITING)
        self._stopping = threading.Event()
        self._may_connect = threading.Event()
        self._may_connect.set()
        self._failure: Exception | None = None
        self._connected_at = 0.0
        self._knew_us = False
        self._taken_over = False
        self._takeovers = Takeovers()
        self._wake = Wake()
        self._client = self._make_client()

    def acknowledge(self, tickets: Iterable[Ticket]) -> None:
        """Acknowledge messages that are on disk; any thread. Tickets of an older connection are dropped."""
        self._acks.extend(tickets)
        self._wake.call()

    def reply(self, replies: Iterable[Reply]) -> None:
        """Publish answers at QoS 1; any thread. While the broker is away the newest 10,000 wait: senders ask again."""
        self._replies.extend(replies)
        self._wake.call()

    def pause(self) -> None:
        """Leave the broker until `resume()`, once what came is acknowledged; it keeps our messages. Any thread."""
        self._may_connect.clear()
        self._wake.call()

    def resume(self) -> None:
        """Come back after `pause()`. Any thread."""
        self._may_connect.set()

    def stop(self, *, wait_for_disk: bool = True) -> None:
        """Make `run()` return; any thread.

        wait_for_disk: take nothing more, but wait (10 s at most) until what was delivered is acknowledged
        """
        self._waits_for_disk = wait_for_disk
        self._stopping.set()
        self._may_connect.set()
        self._wake.call()

    def run(self) -> None:
        """Stay connected until `stop()`.

        Raises: ConfigError when the broker refuses us for good (credentials, client id, subscription); whatever
        `deliver` raises. The broker keeps every message that was not acknowledged.
        """
        attempt = 0
        try:
            while not self._stopping.is_set():
                self.health.last_turn = time.monotonic()
                if not self._may_connect.wait(_SELECT_S):
                    continue
                epoch = self.health.epoch
                code = mqtt.MQTT_ERR_UNKNOWN
                try:
                    connect(self._client, self._broker)
                    code = self._turn_until_disconnected()
                except OSError as error:
                    self.health.last_problem = f"broker {self._broker.host}:{self._broker.port}: {error}"
                self.health.connected = False
                self._raise_failure()
                if self.health.epoch > epoch:
                    attempt = 0
                    self._note_ending(code)
                else:
                    self._takeovers.forget()
                self._stopping.wait(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
                attempt += 1
        finally:
            self.health.connected = False
            self._client.disconnect()
            self._wake.close()

    def _note_ending(self, code: MQTTErrorCode) -> None:
        """Raise TakenOverError when another client keeps taking our session."""
        if self._stopping.is_set() or not self._may_connect.is_set():
            return
        was_closed = code == mqtt.MQTT_ERR_CONN_LOST
        ending = Ending(
            lived_s=time.monotonic() - self._connected_at,
            was_said=self._taken_over,
            was_closed=was_closed,
            knew_us=self._knew_us,
            broker_is_there=was_closed and self._is_broker_there(),
        )
        if self._takeovers.are_too_many(ending):
            raise TakenOverError(
                f"broker {self._broker.host}:{self._broker.port} ended {TOLERATED} connections in a "
                f"row right after they were made. Most likely another client connects as {self._broker.client_id!r} "
                "and takes our session: give each worker its own [broker] client_id."
            )

    def _is_broker_there(self) -> bool:
        try:
            socket.create_connection((self._broker.host, self._broker.port), _PROBE_S).close()
        except OSError:
            return False
        return True

    def _make_client(self) -> Client:
        client = client_of(self._broker)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        if isinstance(client, BulkClient):
            client.on_frames = self._on_frames
        return client

    def _turn_until_disconnected(self) -> MQTTErrorCode:
        """Read and write until the connection is over; returns paho's code for how it ended, success when in order."""
        client = self._client
        while True:
            self.health.last_turn = time.monotonic()
            if self._stopping.is_set() or not self._may_connect.is_set():
                self._take_leave()
                return mqtt.MQTT_ERR_SUCCESS
            connection = client.socket()
            if connection is None:
                return mqtt.MQTT_ERR_SUCCESS
            pending = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
            writable = [connection] if client.want_write() else []
            watched: list[Any] = [connection, self._wake]
            readable, can_write, _ = select.select(watched, writable, [], 0 if pending else _SELECT_S)
            if self._wake in readable:
                self._wake.answer()
            if self._stopping.is_set():
                continue  # taking leave takes nothing more
            if (connection in readable or pending) and (code := self._read_what_is_there()) != mqtt.MQTT_ERR_SUCCESS:
                return code
            self._raise_failure()
            self._send_queued()
            if (can_write or client.want_write()) and (code := client.loop_write()) != mqtt.MQTT_ERR_SUCCESS:
                return code
            if (code := client.loop_misc()) != mqtt.MQTT_ERR_SUCCESS:
                return code

    def _read_what_is_there(self) -> MQTTErrorCode:
        """Read what has come, within reason; returns paho's code, success if the connection lives."""
        if isinstance(self._client, BulkClient) and self.health.connected:
            return self._read_in_bulk(self._client)
        for _ in range(_READS_A_TURN):
            before = self._delivered
            if (code := self._client.loop_read()) != mqtt.MQTT_ERR_SUCCESS:
                return code
            if self._delivered == before or self._failure is not None:
                break
        return mqtt.MQTT_ERR_SUCCESS

    def _read_in_bulk(self, client: BulkClient) -> MQTTErrorCode:
        """Read large pieces until the socket is empty; after a small one wait a moment for its neighbours.

        Most of what a wake-up costs is the same for one packet and for a hundred.
        """
        for _ in range(_PIECES_A_TURN):
            before = self._delivered
            code, size = client.read_bulk()
            if code != mqtt.MQTT_ERR_SUCCESS or self._failure is not None:
                return code
            if size < READ_BYTES:
                if self._delivered > before and size < _SMALL_BYTES:
                    time.sleep(_GATHER_S)
                break
        return mqtt.MQTT_ERR_SUCCESS

    def _take_leave(self) -> None:
        """Read no more, acknowledge what was delivered as it reaches the disk, then disconnect.

        Or the broker would send all of it again, and one message would be counted as several.
        """
        deadline = time.monotonic() + _LEAVE_S
        while True:
            self.health.last_turn = time.monotonic()
            self._send_queued()
            if not write_what_is_queued(self._client):
                return
            if not (self._unacknowledged and self._waits_for_disk) or time.monotonic() > deadline:
                break
            if select.select([self._wake], [], [], _SELECT_S)[0]:
                self._wake.answer()
        say_goodbye(self._client)

    def _send_queued(self) -> None:
        epoch = self.health.epoch
        for _ in range(len(self._acks)):
            ticket = self._acks.popleft()
            if ticket.epoch == epoch and self.health.connected:
                self._client.acknowledge(ticket.packet_ids)
                self._unacknowledged -= len(ticket.packet_ids)
            else:
                self.health.stale_acks_dropped += len(ticket.packet_ids)
        while self._replies and self.health.connected:
            reply = self._replies[0]
            if self._client.publish(reply.topic, reply.payload, qos=1).rc == mqtt.MQTT_ERR_QUEUE_SIZE:
                break
            self._replies.popleft()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _on_connect(self, client: mqtt.Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.health.last_problem = f"broker refused the connection: {reason}"
            if reason.getName() in {
                "Not authorized",
                "Bad user name or password",
                "Client identifier not valid",
                "Banned",
            }:
                self._failure = ConfigError(
                    f"broker {self._broker.host}:{self._broker.port} refused us: {reason}. "
                    "Check [broker] username, password_file, client_id and the broker's ACL."
                )
            return
        self.health.epoch += 1
        self._unacknowledged = 0
        self.health.subscribed = False
        self._connected_at = time.monotonic()
        self._knew_us = flags.session_present or not self._had_session
        self._taken_over = False
        self.health.certificate_ends_at = certificate_ends_at(client)
        self.health.connected = True
        if self._had_session and not flags.session_present:
            self.health.sessions_lost += 1
            self.health.last_problem = "the broker had lost our session: messages sent while we were away may be gone"
        if not self._had_session:
            self._remember_session()
            self._had_session = True
        if self._broker.mqtt_version == "5":
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            client.subscribe([(topic, options) for topic in self._topics])
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        refused = [topic for topic, reason in zip(self._topics, reasons, strict=False) if reason.is_failure]
        self.health.subscribed = not refused
        if refused:
            self._failure = ConfigError(
                f"broker {self._broker.host}:{self._broker.port} refused the subscription to {', '.join(refused)}. "
                "Allow our user to read these topics in the broker's ACL; where it may, raise the broker's limit on "
                "subscriptions or on messages in flight."
            )

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        self.health.connected = False
        self._taken_over = flags.is_disconnect_packet_from_server and reason.value == _SESSION_TAKEN_OVER
        if reason.is_failure:
            self.health.last_problem = f"disconnected: {reason}"

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        arrival = Arrival(
            received_at_us=time.time_ns() // 1000,
            topic=_topic_of(message),
            payload=bytes(message.payload),
            redelivered=message.dup,
            retained=message.retain,
            whole=self._client.whole,
        )
        self._hand_on(arrival, np.array([message.mid] if message.qos else [], np.int64))

    def _on_frames(self, frames: Frames) -> None:
        self._hand_on(frames, frames.packet_ids())

    def _hand_on(self, arrived: Arrival | Frames, packet_ids: Integers) -> None:
        self._delivered += 1
        self._unacknowledged += len(packet_ids)
        try:
            self._deliver(arrived, Ticket(self.health.epoch, packet_ids) if len(packet_ids) else None)
        except Exception as error:  # noqa: BLE001 - paho would swallow it; raised again by the loop
            self._failure = error


def _topic_of(message: mqtt.MQTTMessage) -> str:
    """Return the topic, with U+FFFD for bytes that are no UTF-8: no sender must be able to stop the loop with one."""
    try:
        return str(message.topic)
    except UnicodeDecodeError:
        return bytes(message._topic).decode("utf-8", errors="replace")  # noqa: SLF001 - no public way to the raw bytes
