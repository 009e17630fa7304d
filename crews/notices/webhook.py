"""The generic webhook: a signed JSON document. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from crews.notices.answer import Answer

SCHEMA = "greening.crew_message/1"

_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


def webhook_body(values: Mapping[str, Any]) -> bytes:
    """Return the document that is posted."""
    return msgspec.json.encode({"schema": SCHEMA, **values})


def webhook_headers(secret: str, message_id: str, stamp_s: str, body: bytes) -> dict[str, str]:
    """Return what proves the sender: HMAC-SHA256 over "stamp.body" under the secret, in hex.

    The id is the same whenever the same message comes again.
    """
    signed = stamp_s.encode() + b"." + body
    return {
        "content-type": "application/json",
        "greensward-message-id": hashlib.sha256(message_id.encode()).hexdigest()[:32],
        "greensward-timestamp": stamp_s,
        "greensward-signature": f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}",
    }


def webhook_answer(status: int, body: bytes) -> Answer:
    """Return what the receiver made of it: any 2xx is taken, 408, 425, 429 and 5xx may be tried again."""
    words = body.decode("utf-8", "replace")
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Answer("sent", f"HTTP {status}", words)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Answer("refused", f"HTTP {status}", "it sends elsewhere, and redirects are not followed")
    is_later = status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return Answer("later" if is_later else "refused", f"HTTP {status}", words)
