"""A socket that listens for browsers, or a word on why there is none."""

from __future__ import annotations

import errno
import os
import socket

from ingest.errors import ConfigError, InUseError

BACKLOG = 512

_MENDS = {
    errno.EADDRINUSE: "Another program listens there: stop it, or choose another port",
    errno.EADDRNOTAVAIL: "That is no address of this machine; write 127.0.0.1, or one that `ip address` shows",
    errno.EACCES: "Ports below 1024 are the system's: choose a higher one",
}


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Return a socket that listens; the caller closes it.

    setting: how to choose another, such as "--port". Raises: ConfigError saying what to do; InUseError where
    another program listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        what = os.strerror(error.errno) if error.errno in _MENDS else error.strerror or error
        mend = _MENDS.get(error.errno or 0, "Choose another address or port")
        kind = InUseError if error.errno == errno.EADDRINUSE else ConfigError
        raise kind(f"Cannot listen on {host}:{port}: {what}. {mend} ({setting}).") from error
