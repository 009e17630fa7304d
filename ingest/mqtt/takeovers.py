"""Tells a client that uses our client id from a broker that comes and goes.

Two clients with one id take the session from each other for ever. MQTT 5 has a reason for it (0x8E, session taken
over), which Mosquitto 2.0 does not give and MQTT 3.1.1 does not have. Without it a connection that the broker closes
right after it was made is the only sign, and a broker that is killed or restarted closes it just so. But then it is
away: it does not take a connection at that very moment, or it has forgotten our session.
"""

from __future__ import annotations

import collections
import time
from dataclasses import dataclass

TOLERATED = 3
_SHORT_S = 3.0
_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection of ours ended that nobody here wanted to end.

    lived_s: seconds since the broker had accepted it
    was_said: the broker gave the reason, session taken over
    was_closed: the broker closed it, without a reason and without an error of ours
    knew_us: the broker had our session when the connection was made, or could not have had it
    broker_is_there: somebody takes connections at the broker's address at this moment
    """

    lived_s: float
    was_said: bool
    was_closed: bool
    knew_us: bool
    broker_is_there: bool

    def is_takeover(self) -> bool:
        """Say whether another client with our id is the likely cause."""
        if self.was_said:
            return self.lived_s < _WINDOW_S
        return self.was_closed and self.knew_us and self.broker_is_there and self.lived_s < _SHORT_S


class Takeovers:
    """Counts takeovers that follow each other."""

    def __init__(self) -> None:
        """Begin with none."""
        self._at: collections.deque[float] = collections.deque(maxlen=TOLERATED)

    def are_too_many(self, ending: Ending) -> bool:
        """Count `ending`, and say whether it is the third takeover in a row within a minute."""
        if not ending.is_takeover():
            self.forget()
            return False
        self._at.append(time.monotonic())
        return len(self._at) == TOLERATED and self._at[-1] - self._at[0] < _WINDOW_S

    def forget(self) -> None:
        """Begin again: the broker was away, which explains what was counted."""
        self._at.clear()
