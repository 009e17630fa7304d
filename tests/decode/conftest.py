"""A site, a clock and short ways to publish, for every decoder test."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from ingest.decode.context import DecodeContext
from ingest.decode.route import decode
from ingest.observation import Decoded, Message
from ingest.site import BEICHEN

NOON = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)
"""When every message of these tests arrives: noon in Beichen."""

Publish = Callable[..., Decoded]


@pytest.fixture
def publish() -> Publish:
    """Return a function that decodes a payload (bytes, or a value to be written as JSON) as if it had just arrived."""

    def _publish(
        topic: str, payload: object, *, models: Mapping[str, str] | None = None, retained: bool = False
    ) -> Decoded:
        sent = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return decode(
            Message(1, NOON, topic, sent, retained=retained), DecodeContext(site=BEICHEN, model_of=models or {})
        )

    return _publish
