"""Running the web application: hypercorn, with limits on slow connections, and never in the open by mistake."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import cast

from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from starlette.applications import Starlette

from crews.exposure import check_exposure
from ingest.errors import ConfigError

IDLE_S = 15.0
"""How long a connection may stay without a complete request head, and how long it is kept between requests."""

_BACKLOG = 512


async def serve_web(
    app: Starlette,
    host: str,
    port: int,
    *,
    cert_file: str = "",
    key_file: str = "",
    allow_insecure: bool = False,
    stop: Callable[[], Awaitable[None]] | None = None,
    idle_s: float = IDLE_S,
) -> None:
    """Serve `app` until `stop()` returns (None: until SIGINT or SIGTERM).

    Raises: ConfigError when the address is exposed without TLS, or taken.
    """
    check_exposure(host, cert_file, allow_insecure=allow_insecure)
    config = Config()
    config.bind = [f"fd://{_listen(host, port)}"]
    config.certfile = cert_file or None
    config.keyfile = key_file or None
    config.accesslog = None
    config.loglevel = "WARNING"
    config.include_server_header = False
    config.keep_alive_timeout = idle_s
    config.read_timeout = None
    config.ssl_handshake_timeout = 10.0
    config.graceful_timeout = 3.0
    config.shutdown_timeout = 5.0
    config.h11_max_incomplete_size = 16_384
    config.backlog = _BACKLOG
    await serve(cast("ASGIFramework", app), config, shutdown_trigger=stop, mode="asgi")


def _listen(host: str, port: int) -> int:
    """Return the descriptor of a listening socket, for the server to close. Raises: ConfigError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG).detach()
    except OSError as error:
        raise ConfigError(
            f"[web] {host}:{port} cannot be listened on: {error.strerror or error}. Is another one running there? "
            "Choose another with --port."
        ) from error


def run_web(
    app: Starlette,
    host: str,
    port: int,
    *,
    cert_file: str = "",
    key_file: str = "",
    allow_insecure: bool = False,
) -> None:
    """Serve `app` until SIGINT or SIGTERM; blocks. Raises: ConfigError as `serve_web` does."""
    asyncio.run(serve_web(app, host, port, cert_file=cert_file, key_file=key_file, allow_insecure=allow_insecure))
