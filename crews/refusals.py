"""Every refusal as a page that a person understands, in their language, with the fitting status; never a traceback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Scope

from crews.issue import ActionRefusedError
from crews.page import render_refusal, say_refusal
from crews.words import LANGUAGES, speaker
from ingest.errors import StoreError

_STATUS = {
    "bad_link": 403, "expired_link": 403, "revoked_link": 403, "no_pass": 403, "not_yours": 403, "cross_site": 403,
    "read_only": 403, "other_link": 403, "changed": 409,
    "unknown_issue": 404, "not_found": 404, "no_method": 405, "slow": 408, "wrong_state": 409, "bad_action_id": 409,
    "too_large": 413, "photo_too_large": 413, "photo_quota": 429, "photo_used": 409, "already_reported": 409,
    "broken": 500, "store": 503,
}  # fmt: skip


def status_of(code: str) -> int:
    """Return the HTTP status of a refusal."""
    return _STATUS.get(code, 400)


def language_of(request: Request) -> str:
    """Return en when the address asks for it, else zh."""
    return "en" if request.query_params.get("lang") == "en" else "zh"


def is_outbox(request: Request) -> bool:
    """Say whether the phone's outbox asks, which reads JSON, and not a person."""
    return request.headers.get("accept") == "application/json"


@dataclass(frozen=True, slots=True)
class Refusals:
    """The pages that say no. office_phone: whom a crew can call then; "" shows none."""

    office_phone: str = ""

    def page(self, request: Request, code: str) -> Response:
        """Return what says why, with the fitting status: a page, or for the outbox the code and the sentences.

        A header carries the code, so that the phone's worker can tell it from the page of a portal or a proxy.
        """
        status, told = status_of(code), {"greensward-refused": code}
        if is_outbox(request):
            sentence = {language: say_refusal(code, speaker(language)) for language in LANGUAGES}
            return JSONResponse({"code": code, "sentence": sentence}, status, told)
        is_sent = request.method == "POST"
        home = "/office" if request.url.path.startswith("/office") else "/list"
        page = render_refusal(
            code,
            language_of(request),
            path=home if is_sent else "",
            home=home,
            is_report=is_sent,
            office_phone=self.office_phone,
        )
        return HTMLResponse(page, status, told)

    def early(self, scope: Scope, code: str) -> ASGIApp:
        """Return the answer to a request whose body will not be read; the connection ends with it."""
        response = self.page(Request(scope), code)
        response.headers["connection"] = "close"
        return response

    def handlers(self) -> dict[Any, Callable[[Request, Exception], Response | Awaitable[Response]]]:
        """Return what answers each kind of error."""
        return {
            ActionRefusedError: self._refuse,
            HTTPException: self._http_error,
            StoreError: lambda request, _: self.page(request, "store"),
            Exception: lambda request, _: self.page(request, "broken"),
        }

    def _refuse(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, ActionRefusedError)
        return self.page(request, error.code)

    def _http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 405: "no_method", 413: "too_large"}.get(error.status_code, "bad_form")
        return self.page(request, code)
