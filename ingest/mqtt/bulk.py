"""paho's client, with its reading of PUBLISH packets replaced: as many as have come are taken at once, as bytes.

paho reads a packet with three or more calls of the system, makes an object of it and calls back. Here the socket is
read in large pieces, PUBLISH packets are cut off the front (`ingest.frames`), and all else that came is put before paho
as if it read it from the socket, so that CONNACK, SUBACK, PUBACK, PINGRESP and whatever is odd stay paho's.
Acknowledgements go out as one packet of paho's queue for as many as there are.

Four private names of paho are relied on here, beside those in `client`: `_in_packet`, `_packet_queue`,
`_last_bytes_received` and `_msgtime_mutex`. Its minor version is pinned, tests/mqtt/test_bulk.py is red when they
change, and `[broker] receive = "paho"` does without this module. Why: docs/decisions/0018-bulk-receive.md
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode

from ingest.frames import READ_BYTES, Frames, cut_frames
from ingest.messages import Integers
from ingest.mqtt.client import Client

_PUBACK = 0x40
_PUBACK_LENGTH = 2


class BulkClient(Client):
    """A paho client that hands PUBLISH packets to `on_frames`, many at once; the others go to `on_message`."""

    on_frames: Callable[[Frames], None]

    def __init__(self, *arguments: Any, **further: Any) -> None:
        """Make it as paho's."""
        super().__init__(*arguments, **further)
        self._ahead = b""

    def reconnect(self) -> MQTTErrorCode:
        """Forget what was read ahead on the old connection, and connect as paho does."""
        self._ahead = b""
        return super().reconnect()

    def read_bulk(self) -> tuple[MQTTErrorCode, int]:
        """Take what has come; only on a connection that the broker has accepted.

        Returns paho's code (success if the connection lives) and how many bytes were read, 0 when none were there.
        """
        if self._in_packet["command"]:  # paho is in the middle of a packet
            return self.loop_read(), 0
        came = self._read_piece()
        if came:
            with self._msgtime_mutex:
                self._last_bytes_received = time.monotonic()
            self._ahead = self._ahead + came if self._ahead else came
        at_us = time.time_ns() // 1000
        is_others = came == b""  # the end of the connection, which paho meets as well
        while True:
            frames, self._ahead, is_other = cut_frames(self._ahead, at_us, is_five=self._is_five)
            if frames is not None:
                self.on_frames(frames)
            if not is_others and not (is_other and self._ahead):
                return mqtt.MQTT_ERR_SUCCESS, len(came or b"")
            code = self.loop_read()
            if is_others or code != mqtt.MQTT_ERR_SUCCESS or self._in_packet["command"] or self.socket() is None:
                return code, len(came or b"")

    def _read_piece(self) -> bytes | None:
        """Return what the socket has; None when nothing is there, no bytes when the connection is over."""
        try:
            return super()._receive(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def acknowledge(self, packet_ids: Integers) -> None:
        """Queue a PUBACK for each, as one piece."""
        acks = np.empty((len(packet_ids), 4), np.uint8)
        acks[:, 0], acks[:, 1] = _PUBACK, _PUBACK_LENGTH
        acks[:, 2], acks[:, 3] = packet_ids >> 8, packet_ids & 0xFF
        self._packet_queue(_PUBACK, acks.tobytes(), 0, 1)

    def _receive(self, size: int) -> bytes:
        """Give paho what was read ahead first."""
        if self._ahead:
            given, self._ahead = self._ahead[:size], self._ahead[size:]
            return given
        return super()._receive(size)
