"""Connections to hosts that may be slow, dead or hostile: none takes longer than it may."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

STEP_S = 10.0
"""For a connection, and for each answer on it."""

_RESOLVE_S = 8.0
"""A second name server is asked after five seconds; after all of them a resolver may need minutes."""

_MOST_ADDRESSES = 10
_SHORTEST_STEP_S = 1.0


def start(thread: threading.Thread) -> None:
    """Start a thread. Raises: OSError where the machine has none left, which may pass."""
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, "this machine has no thread left") from error


_looks: dict[tuple[str, int], Future[list[str]]] = {}
_looking = threading.Lock()


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses that a name has, the best first. Raises: OSError (TimeoutError after 8 s), UnicodeError."""
    # The system's resolver takes no limit, so that one that hangs is left behind; who asks again waits for the same.
    with _looking:
        look = _looks.get((host, port))
        if look is None:
            look = Future()
            start(threading.Thread(target=_look, args=(host, port, look), name="resolve", daemon=True))
            _looks[host, port] = look  # not before: nobody would answer who asks again
    try:
        return look.result(timeout=_RESOLVE_S)
    except TimeoutError:
        raise TimeoutError(f"no name server answers in {_RESOLVE_S:g} s") from None


def _look(host: str, port: int, look: Future[list[str]]) -> None:
    found: list[str] | OSError | UnicodeError
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        found = error
    with _looking:
        del _looks[host, port]
    if isinstance(found, Exception):
        look.set_exception(found)
    else:
        look.set_result(found)


def connected(addresses: list[str], port: int) -> socket.socket:
    """Return a connection to the first of up to ten addresses that answers; ten seconds are for all of them.

    Raises: OSError.
    """
    tried = addresses[:_MOST_ADDRESSES]
    step_s = max(STEP_S / len(tried), _SHORTEST_STEP_S)
    for address in tried[:-1]:
        with contextlib.suppress(OSError):
            return _within(step_s, address, port)
    return _within(step_s, tried[-1], port)


def _within(seconds: float, address: str, port: int) -> socket.socket:
    plain = socket.create_connection((address, port), seconds)
    plain.settimeout(STEP_S)
    return plain


@contextmanager
def ended_after(plain: socket.socket, seconds: float) -> Iterator[None]:
    """End the connection after so long, however slowly and steadily the other end answers. Raises: OSError."""
    watched = plain.dup()

    def end() -> None:
        with contextlib.suppress(OSError):
            watched.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.name, timer.daemon = "end", True
    try:
        start(timer)
        yield
    finally:
        timer.cancel()
        watched.close()
