"""Waiting on a condition, with a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 180.0
"""Seconds that a test waits for what must come: long, because a machine may be busy; only a red test waits so long."""


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Return when `condition()` is true.

    Raises: AssertionError naming `what`.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain until {what}"
        time.sleep(0.01)
