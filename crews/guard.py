"""What stands before every request: a limit on the body, a limit on waiting for it, and the headers of every answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crews.issue import ActionRefusedError

LARGEST_BODY_BYTES = 21_000_000
"""Two photos of 10 MB and the fields of a form."""

LARGEST_SMALL_BODY_BYTES = 65_536
_WITH_PHOTOS = ("/issues/", "/office/issues/")
BODY_IDLE_S = 20.0
BODY_TOTAL_S = 300.0
"""21 MB at 0.6 Mbit/s, a poor phone connection."""

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    # "no-referrer" would make browsers send "Origin: null" with our own forms; outside nothing is sent either way.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware. A body that is too large is refused (413) before it is read, as far as its length is told.

    Any other is read to its end before the answer goes out, wanted or not: a browser that still sends its photos reads
    no refusal, and a connection whose body nobody reads stays.
    """

    def __init__(self, app: ASGIApp, refusal: Callable[[Scope, str], ASGIApp], *, is_https: bool) -> None:
        """Guard `app`; `refusal` makes the answer to a refused request by its code."""
        self._app = app
        self._refusal = refusal
        self._headers = _HEADERS | ({"strict-transport-security": "max-age=31536000"} if is_https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = LARGEST_BODY_BYTES if scope["path"].startswith(_WITH_PHOTOS) else LARGEST_SMALL_BODY_BYTES
        body = _Body(receive, limit)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                if headers.get("connection") != "close" and not await body.is_read_to_its_end():
                    headers["connection"] = "close"
            await send(message)

        told = Headers(scope=scope).get("content-length", "0")
        if not told.isdecimal() or len(told) > len(str(limit)) or int(told) > limit:
            await self._refusal(scope, "too_large")(scope, receive, send_guarded)
            return
        await self._app(scope, body.receive, send_guarded)


class _Body:
    """The body of a request as it comes, of so many bytes at most, and in so much time."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._taken = 0
        self._ends = time.monotonic() + BODY_TOTAL_S
        self._is_whole = False
        self._is_given_up = False

    async def receive(self) -> Message:
        """Return the next message. Raises: ActionRefusedError for a body that is too large or one that dawdles."""
        if self._is_whole:
            return await self._receive()
        patience = min(BODY_IDLE_S, self._ends - time.monotonic())
        try:
            async with asyncio.timeout(max(patience, 0)):
                message = await self._receive()
        except TimeoutError as error:
            self._is_given_up = True
            raise ActionRefusedError("slow", "The request's body came too slowly.") from error
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
        else:
            self._is_given_up = True
        if self._taken > self._limit:
            self._is_whole, self._is_given_up = False, True
            raise ActionRefusedError("too_large", f"The request's body has more than {self._limit} bytes.")
        return message

    async def is_read_to_its_end(self) -> bool:
        """Read what nobody has read, and say whether that was all; False where it is too large, dawdles or breaks."""
        with suppress(ActionRefusedError):
            while not (self._is_whole or self._is_given_up):
                await self.receive()
        return self._is_whole


def is_same_origin(headers: Headers, public_url: str) -> bool:
    """Say whether a POST came from a page of ours, by Origin, else Sec-Fetch-Site, else Referer; without any: no."""
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = headers.get("origin") or headers.get("referer")
    if origin is None:
        return site == "same-origin"
    try:
        claimed, ours = urlsplit(origin), urlsplit(public_url)
    except ValueError:
        return False
    if (claimed.scheme, claimed.netloc) == (ours.scheme, ours.netloc):
        return True
    return claimed.scheme == ours.scheme and bool(claimed.netloc) and claimed.netloc == headers.get("host")
