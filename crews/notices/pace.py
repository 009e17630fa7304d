"""When a message may go: how many a minute, and not at night. Pure; clocks are arguments."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import msgspec

from ingest.site import Site

_CROWDED = (time(10, 0), time(17, 30))
_AROUND = timedelta(minutes=2)


class Bucket:
    """A token bucket: at most `most` messages at once, and `per_minute` in the long run.

    It begins with one token, so that a sender that is started again and again sends no burst each time.
    """

    def __init__(self, most: int, per_minute: float, now_s: float) -> None:
        """Begin at `now_s`, seconds of a clock that never goes back."""
        self._most = most
        self._per_s = per_minute / 60
        self._tokens = 1.0
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Take a token for a message that is sent now; False when there is none."""
        self._tokens = min(self._most, self._tokens + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Quiet(msgspec.Struct, frozen=True):
    """The hours of rest, by the site's clock; both the same: none."""

    begins: time = time()
    ends: time = time()

    def holds(self, now: datetime, site: Site) -> bool:
        """Say whether it is the time of rest."""
        return self.covers(now.astimezone(site.timezone).time())

    def covers(self, clock: time) -> bool:
        """Say whether a time of the day, by the site's clock, lies in the rest."""
        if self.begins <= self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends

    def over(self, now: datetime, site: Site) -> datetime:
        """Return `now`, or the end of the rest where it is one."""
        if not self.holds(now, site):
            return now
        local = now.astimezone(site.timezone)
        end = datetime.combine(local.date(), self.ends, tzinfo=site.timezone)
        if end <= local:
            end = datetime.combine(local.date() + timedelta(days=1), self.ends, tzinfo=site.timezone)
        return end.astimezone(now.tzinfo)


def is_crowded(now: datetime, site: Site) -> bool:
    """Say whether everybody's robots speak just now: Feishu asks to keep away from 10:00 and 17:30 sharp."""
    local = now.astimezone(site.timezone)
    return any(abs(local - datetime.combine(local.date(), one, tzinfo=site.timezone)) < _AROUND for one in _CROWDED)
