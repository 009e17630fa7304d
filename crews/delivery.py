"""How answers travel to a phone with a poor connection: compressed, and kept where they cannot change."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from http import HTTPStatus
from importlib import resources

from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from crews.links import Pass
from crews.page import static_version

LONGEST_COPY = timedelta(days=1)
"""How long a phone shows its copy of a list without a signal: a withdrawn link must not show names for long."""


def keeping(said: Pass, token: str, now: datetime) -> dict[str, str]:
    """Return the headers that tell the phone's worker how long to keep a list, and of which link it is.

    The link is told by the SHA-256 of its token: a link opens the copy of its own list, and the copy opens no list.
    """
    seconds = int(min(LONGEST_COPY, said.ends_at - now).total_seconds())
    return {"greensward-keep-s": str(seconds), "greensward-link": hashlib.sha256(token.encode()).hexdigest()}


def go_on(request: Request, address: str) -> Response:
    """Send a browser on to `address`, one of ours.

    The phone's worker may not see where a redirect goes, nor whether it is ours or that of whatever stands between: it
    is told by a header.
    """
    response = RedirectResponse(address, 303)
    if "greensward-worker" in request.headers:
        return Response(headers={"greensward-go": response.headers["location"]})
    return response


def send_worker(_request: Request) -> Response:
    """Give the phone's worker, at the root so that it may answer for the list; a newer one is asked for every time."""
    source = (resources.files("crews") / "static" / "worker.js").read_bytes()
    return Response(source, media_type="text/javascript", headers={"cache-control": "no-cache"})


class HashedFiles(StaticFiles):
    """Static files that a browser may keep for ever under the address that carries their version."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, with how long it may be kept."""
        response = await super().get_response(path, scope)
        is_named = response.status_code < HTTPStatus.BAD_REQUEST
        is_current = is_named and scope["query_string"] == f"v={static_version(path)}".encode()
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if is_current else "no-cache"
        return response


class ZippedPages(GZipMiddleware):
    """Pages and tables are sent compressed; photos are compressed already."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope.get("path", "").startswith("/photos/"):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
