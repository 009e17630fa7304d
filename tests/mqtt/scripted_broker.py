"""A broker of a few lines that sends exact bytes: for what a real one sends seldom, or only in another version."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Self

from tests.waiting import PATIENCE_S

CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 1, 3, 8, 14
Answers = Callable[[int, bytes], bytes]


class ScriptedBroker:
    """Answers each packet of each connection with what `answer(kind, body)` returns; hangs up after b""."""

    def __init__(self, answer: Answers) -> None:
        self.connections = 0
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE_S)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                try:
                    while (first := stream.read(1)) and (said := self._answer(first[0] >> 4, _body(stream.read))):
                        self.connections += first[0] >> 4 == CONNECT
                        connection.sendall(said)
                except OSError:
                    continue


def packet(first: int, body: bytes) -> bytes:
    """Return a packet with its fixed header."""
    return bytes([first]) + variable_length(len(body)) + body


def variable_length(number: int) -> bytes:
    """Return a Variable Byte Integer."""
    out = b""
    while True:
        number, digit = divmod(number, 128)
        out += bytes([digit | (0x80 if number else 0)])
        if not number:
            return out


def _body(read: Callable[[int], bytes]) -> bytes:
    length = place = 0
    while True:
        byte = read(1)
        if not byte:
            return b""
        length |= (byte[0] & 0x7F) << place
        place += 7
        if byte[0] < 0x80:
            return read(length)
