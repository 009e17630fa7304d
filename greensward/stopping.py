"""A word from outside to stop: Ctrl-C, SIGTERM."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Self

_SLICE_S = 0.2


class Stop:
    """True from the first SIGINT or SIGTERM on; makes itself the process's handler of both.

    A plain value and no `threading.Event`: a second signal may come while the first one's handler runs, in the same
    thread, and an event's lock would then wait for itself for ever.
    """

    def __init__(self) -> None:
        """Handle both signals from now on; main thread only."""
        self._is_asked = False
        self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)}

    def __enter__(self) -> Self:
        """Do nothing more; leaving the block gives the signals back to who had them."""
        return self

    def __exit__(self, *_: object) -> None:
        """Handle the signals no longer."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def is_asked(self) -> bool:
        """Say whether somebody asked us to stop."""
        return self._is_asked

    def wait(self, seconds: float) -> None:
        """Wait that long, or until we are asked to stop."""
        deadline = time.monotonic() + seconds
        while not self._is_asked and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_S))

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._is_asked = True
