"""How answers travel to a phone with a poor connection: compressed, and kept where they cannot change."""

from __future__ import annotations

from http import HTTPStatus

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from crews.page import static_version


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
