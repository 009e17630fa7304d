"""Every refusal as a page that a person understands, in their language, with the fitting status; never a traceback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Scope

from crews.issue import ActionRefusedError
from crews.page import render_refusal
from ingest.errors import StoreError

_STATUS = {
    "bad_link": 403, "expired_link": 403, "revoked_link": 403, "no_pass": 403, "not_yours": 403, "cross_site": 403,
    "unknown_issue": 404, "not_found": 404, "no_method": 405, "slow": 408, "wrong_state": 409, "bad_action_id": 409,
    "too_large": 413, "photo_too_large": 413, "photo_quota": 429, "photo_used": 409, "broken": 500, "store": 503,
}  # fmt: skip


def language_of(request: Request) -> str:
    """Return en when the address asks for it, else zh."""
    return "en" if request.query_params.get("lang") == "en" else "zh"


def refusal(code: str, language: str) -> HTMLResponse:
    """Return the page that says why, with the fitting status."""
    return HTMLResponse(render_refusal(code, language), _STATUS.get(code, 400))


def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, ActionRefusedError)
    return refusal(error.code, language_of(request))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "no_method", 413: "too_large"}.get(error.status_code, "bad_form")
    return refusal(code, language_of(request))


def _not_stored(request: Request, _error: Exception) -> Response:
    return refusal("store", language_of(request))


def _broken(request: Request, _error: Exception) -> Response:
    return refusal("broken", language_of(request))


def early_refusal(scope: Scope, code: str) -> ASGIApp:
    """Return the answer to a request whose body will not be read; the connection ends with it."""
    response = refusal(code, language_of(Request(scope)))
    response.headers["connection"] = "close"
    return response


HANDLERS: dict[Any, Callable[[Request, Exception], Response | Awaitable[Response]]] = {
    ActionRefusedError: _refuse,
    HTTPException: _http_error,
    StoreError: _not_stored,
    Exception: _broken,
}
