"""Leaving a broker so that what we sent reaches it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time

import paho.mqtt.client as mqtt

from ingest.mqtt.client import Client

_GOODBYE_S = 2.0
_WRITE_S = 2.0


def say_goodbye(client: Client) -> None:
    """Disconnect, and hold the connection until the broker closes it.

    It may have sent more than we read. A connection closed over unread bytes is reset, and a reset may overtake the
    acknowledgements.
    """
    connection = client.socket()
    if connection is None:
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as held, contextlib.suppress(OSError):
        client.disconnect()
        write_what_is_queued(client)
        deadline = time.monotonic() + _GOODBYE_S
        while (remaining := deadline - time.monotonic()) > 0:
            held.settimeout(remaining)
            if not held.recv(65_536):
                return


def write_what_is_queued(client: Client) -> bool:
    """Write all that paho holds; False when the connection broke or takes nothing."""
    deadline = time.monotonic() + _WRITE_S
    while client.want_write():
        connection = client.socket()
        if connection is None or not select.select([], [connection], [], max(deadline - time.monotonic(), 0))[1]:
            return False
        if client.loop_write() != mqtt.MQTT_ERR_SUCCESS:
            return False
    return True
