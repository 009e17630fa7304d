"""The real web application behind a real hypercorn on a loopback port, in a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from crews.serving import serve_web
from crews.web import create_app
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.mosquitto import free_port
from tests.waiting import PATIENCE_S, wait_until


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


Fault = Callable[[str, str], int | Response | None]
"""What something in between answers to a request, by its method and path: a status with a page of its own, or any
response; None: it lets it through."""


def _behind(app: ASGIApp, fault: Fault) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        said = fault(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if said is None:
            await app(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        response = HTMLResponse("<h1>gateway</h1>", said) if isinstance(said, int) else said
        await response(scope, receive, send)

    return answer


@contextmanager
def served(
    folder: DataFolder,
    now: datetime,
    *,
    idle_s: float = 15.0,
    office_phone: str = "",
    port: int = 0,
    fault: Fault = lambda _method, _path: None,
) -> Iterator[str]:
    """Serve a data folder as it is at `now`; yields the address. port: where; 0 is any free one."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    app = create_app(folder, BEICHEN, public_url=url, clock=lambda: now, office_phone=office_phone)
    app.add_middleware(_behind, fault=fault)
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve_web(app, "127.0.0.1", port, stop=_waiting(stop), idle_s=idle_s))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: _answers(port), "the web server answers")
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=PATIENCE_S)
        loop.close()


def _waiting(stop: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def wait() -> None:
        await stop.wait()

    return wait
