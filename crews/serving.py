"""Running the web application: hypercorn, with limits on slow connections, and never in the open by mistake."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from starlette.applications import Starlette

from crews.exposure import check_exposure
from crews.listening import BACKLOG, listen

IDLE_S = 15.0
"""How long a connection may stay without a complete request head, and how long it is kept between requests."""


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
    tell: Callable[[], None] = lambda: None,
) -> None:
    """Serve `app` until `stop()` returns (None: until SIGINT or SIGTERM).

    tell: called once browsers can connect
    Raises: ConfigError when the address is exposed without TLS, or taken.
    """
    check_exposure(host, cert_file, allow_insecure=allow_insecure)
    config = Config()
    # Hypercorn closes it. What connects from here on waits for it.
    config.bind = [f"fd://{listen(host, port, '--port, or [web] port').detach()}"]
    tell()
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
    config.backlog = BACKLOG
    await serve(cast("ASGIFramework", app), config, shutdown_trigger=stop, mode="asgi")


def run_web(
    app: Starlette, host: str, port: int, *, allow_insecure: bool = False, tell: Callable[[], None] = lambda: None
) -> None:
    """Serve `app` until SIGINT or SIGTERM; blocks. Raises: ConfigError as `serve_web` does."""
    asyncio.run(serve_web(app, host, port, allow_insecure=allow_insecure, tell=tell))
