"""Takes what is due from the outbox, sends it at each channel's pace, and keeps the receipts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from crews.apply import valid_plots
from crews.ledger import Ledger
from crews.links import Keys, link_generation, make_token
from crews.lists import Plots, crews_of
from crews.notices.answer import HIDDEN, Answer, without_secrets
from crews.notices.outbox import (
    Notice,
    begin_try,
    due,
    end,
    receive,
    rewrite,
    settled_parts,
    tidy,
    unknown_tries,
)
from crews.notices.pace import Bucket, is_crowded
from crews.notices.plan import forget_strangers, plan, still_holds
from crews.readable import readable
from crews.words import speaker
from greensward.sending.channels import shared_channels
from greensward.sending.outlets import Link, Outlet
from greensward.sending.under_way import Answered, UnderWay, fault
from ingest.errors import StoreError
from ingest.lake.files import read_register
from ingest.lake.layout import DataFolder

PLAN_S = 20.0
"""How often is looked for what is to be told."""

LISTS_S = 300.0
"""A stop becomes overdue, or today's, without anything happening: whole lists are looked at that often all the same."""

TURN_S = 20.0
"""After that is looked again for what is new, however many do not answer."""

_SLICE_S = 0.2
"""How long is waited for an answer before it is asked whether we are to stop."""

MOST_UNKNOWN = 5
"""A digest twice is better than none, and five times a nuisance."""

STEADY_S = 600.0
"""A clock that was set, or that we do not know yet, may be set right within that."""

_SET_S = 3600.0
_REST_S = 5.0

ANEW_S = 3600.0
"""A broker may lose what it retained, so that lists go again that often whatever was told before."""

_TOKEN = re.compile(r"[0-9a-f]{8}\.[\w-]{20,}\.[\w-]{20,}")
"""A signed link's token, which somebody may send back to us."""


class Sender:
    """Sends what is due; one at a time for a data folder. One thread has the ledger; deliveries have theirs."""

    def __init__(
        self,
        folder: DataFolder,
        ledger: Ledger,
        outlets: Mapping[str, Outlet],
        link: Callable[[Ledger, str, datetime], Link],
        truck_litres: float,
        say: Callable[[str], None],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Send on `outlets`, by name; `link` makes the way to a crew's list, and `say` hears of what fails.

        seconds: of a clock that is never set
        """
        self._folder = folder
        self._ledger = ledger
        self._outlets = outlets
        self._link = link
        self._truck_litres = truck_litres
        self._say = say
        self._seconds = seconds
        self._shared = shared_channels(outlets)
        now_s = seconds()
        self._buckets = {one.identity: Bucket(*one.pace, now_s) for one in outlets.values() if one.pace is not None}
        self._left_alone_until_s: dict[str, float] = {}
        self._plan_at_s = now_s
        self._planned: tuple[object, ...] = ()
        self._anew_at_s = now_s
        self._under_way = UnderWay()
        self._unkept: tuple[Answered, datetime] | None = None
        self._known: list[str] | None = None
        self._clock_was: tuple[datetime, float] | None = None
        self._steady_since_s = now_s

    def turn(self, clock: Callable[[], datetime], is_over: Callable[[], bool] = lambda: False) -> None:
        """Record what is new, at times, and send what may be sent, until all is answered, TURN_S or `is_over()`.

        clock: asked again before each message
        What is not answered by then stays under way, and holds up nothing but what is for the same end.
        Raises: StoreError, which may pass.
        """
        began_s = self._seconds()
        self._keep_answers(clock)
        if began_s >= self._plan_at_s:
            self._plan(clock())
            self._plan_at_s = self._seconds() + PLAN_S
        while not is_over():
            self._begin(clock, is_over)
            if not self._under_way or self._seconds() - began_s >= TURN_S:
                return
            self._keep_answers(clock, _SLICE_S)

    def finish(self, clock: Callable[[], datetime], within_s: float) -> None:
        """Begin nothing more, and keep what is answered within so long; of the rest nobody knows whether it came.

        Raises: StoreError.
        """
        until_s = self._seconds() + within_s
        self._keep_answers(clock)
        while self._under_way and self._seconds() < until_s:
            self._keep_answers(clock, _SLICE_S)

    def _begin(self, clock: Callable[[], datetime], is_over: Callable[[], bool]) -> None:
        """Begin the next delivery to each end that has none under way."""
        for notice in due(self._ledger, clock()):
            if is_over():
                return
            outlet, now = self._outlets.get(notice.channel), clock()
            if outlet is not None and self._under_way.has_room(outlet) and self._may_go(notice, outlet, now):
                self._send(notice, outlet, now)

    def _plan(self, now: datetime) -> None:
        """Record what is new; whole lists are made anew where something has happened, and every five minutes."""
        evaluated = self._ledger.run("select max(as_of) as newest from latest_findings", ())[0]["newest"]
        moment = (self._ledger.version(), evaluated, int(now.timestamp() / LISTS_S))
        if not self._planned:
            forget_strangers(self._ledger, {name: outlet.route for name, outlet in self._outlets.items()})
        is_anew = self._seconds() >= self._anew_at_s
        are_lists_due = is_anew or moment != self._planned
        routes = [one.route for one in self._outlets.values() if are_lists_due or not one.route.has_lists]
        plan(self._ledger, routes, lambda: self._plots(now), now, self._truck_litres, anew=is_anew)
        self._planned, self._known = moment, None
        if is_anew:
            self._anew_at_s = self._seconds() + ANEW_S
        if self._is_steady(now):
            tidy(self._ledger, now)

    def _is_steady(self, now: datetime) -> bool:
        """Say whether the clock has gone as time does for STEADY_S: what ends by a wrong one ends for good."""
        seconds = self._seconds()
        if self._clock_was is not None:
            was, was_s = self._clock_was
            if abs((now - was).total_seconds() - (seconds - was_s)) > _SET_S:
                self._steady_since_s = seconds
        self._clock_was = now, seconds
        return seconds - self._steady_since_s >= STEADY_S

    def _plots(self, now: datetime) -> Plots:
        return valid_plots(read_register(self._folder, "plots"), now)

    def _may_go(self, notice: Notice, outlet: Outlet, now: datetime) -> bool:
        site = self._ledger.site
        is_rest = outlet.route.quiet.holds(now, site) and not (notice.kind == "urgent" and outlet.route.urgent_at_night)
        is_left_alone = self._left_alone_until_s.get(outlet.identity, 0.0) > self._seconds()
        is_crowd = outlet.avoids_crowds and is_crowded(now, site)
        return now < notice.expires_at and not (is_rest or is_left_alone or is_crowd)

    def _send(self, notice: Notice, outlet: Outlet, now: datetime) -> None:
        """Begin to send a notice; a fault of ours refuses it, and keeps none of the others from going."""
        try:
            self._begin_parts(notice, outlet, now)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is
            self._refuse(notice, outlet, fault(error), now)

    def _begin_parts(self, notice: Notice, outlet: Outlet, now: datetime) -> None:
        """Hand over the next part that has not gone, or all mailboxes at once, where the pace allows it."""
        settled = settled_parts(self._ledger, notice.notice_id)
        current = self._current(notice, outlet, now, is_begun=bool(settled))
        if current is None:
            return
        if unknown_tries(self._ledger, notice.notice_id) >= MOST_UNKNOWN:
            said = f"{MOST_UNKNOWN} tries may have arrived, and nobody said so"
            self._refuse(current, outlet, Answer("refused", "unknown", said), now)
            return
        try:
            parts = outlet.parts(current, self._link_of(outlet, now), self._ledger.site)
        except ValueError as error:
            self._refuse(current, outlet, Answer("refused", "too_long", str(error)), now)
            return
        left = [number for number in parts if number not in settled]
        if not left:  # as [send.NAME] was changed between two parts
            with self._ledger.transaction():
                end(self._ledger, [notice.notice_id], "sent", now)
            return
        bucket = self._buckets.get(outlet.identity)
        if bucket is not None and not bucket.take(self._seconds()):
            return
        numbers = left if outlet.has_mailboxes else left[:1]
        tried = begin_try(self._ledger, current, numbers, len(left), now, has_mailboxes=outlet.has_mailboxes)
        self._under_way.begin(tried, outlet, [parts[number] for number in numbers])

    def _refuse(self, notice: Notice, outlet: Outlet, answer: Answer, now: datetime) -> None:
        """Let a notice end that cannot be sent."""
        self._unkept = self._heard(Answered(begin_try(self._ledger, notice, [1], 1, now), outlet, [answer])), now
        self._keep_answer()

    def _current(self, notice: Notice, outlet: Outlet, now: datetime, *, is_begun: bool) -> Notice | None:
        """Return what of a notice holds still; None, and the notice has ended, where nothing does."""
        if notice.kind != "urgent" or is_begun:
            return notice
        content = still_holds(self._ledger, notice, outlet.route)
        if content is None:
            with self._ledger.transaction():
                end(self._ledger, [notice.notice_id], "overtaken", now)
            return None
        encoded = msgspec.json.encode(content)
        return notice if encoded == notice.content else rewrite(self._ledger, notice, encoded)

    def _link_of(self, outlet: Outlet, now: datetime) -> Link:
        """Return the link of the crew whose channel this is; of none that nobody knows, or where others read it too."""
        if outlet.route.crew is None or outlet.route.crew not in self._known_crews(now):
            return Link()
        if outlet.route.name in self._shared:
            return Link(word=speaker(outlet.route.language)("notice.shared"))
        link = self._link(self._ledger, outlet.route.crew, now)
        return link if link.url else Link(word=speaker(outlet.route.language)("notice.no_link"))

    def _known_crews(self, now: datetime) -> list[str]:
        """Return the crews that there are, as of the last look."""
        if self._known is None:
            self._known = crews_of(self._ledger, self._plots(now))
        return self._known

    def _keep_answers(self, clock: Callable[[], datetime], wait_s: float = 0.0) -> None:
        """Write down all that was answered, and wait so long for the first; until then nothing else goes."""
        self._keep_answer()
        while (answered := self._under_way.next(wait_s)) is not None:
            self._unkept = self._heard(answered), clock()
            self._keep_answer()
            wait_s = 0.0

    def _keep_answer(self) -> None:
        """Write down what was answered last: what went would go again otherwise."""
        if self._unkept is not None:
            answered, at = self._unkept
            receive(self._ledger, answered.tried, answered.answers, at)
            self._unkept = None

    def _heard(self, answered: Answered) -> Answered:
        """Return answers without secrets, having told what failed, and leave alone an end that takes nothing now."""
        tried, outlet, answers = answered
        answers = [clean(answer, outlet) for answer in answers]
        failed = [answer for answer in answers if answer.outcome != "sent"]
        waits = [max(answer.wait_s, _REST_S) for answer in failed if answer.outcome != "refused"]
        if waits and len(failed) == len(answers):
            # The robot, not the message, is away or has had enough: whatever else waits for it waits too.
            self._left_alone_until_s[outlet.identity] = self._seconds() + max(waits)
        for answer in failed:
            what = "refused" if answer.outcome == "refused" else "not taken yet, tried again"
            self._say(f"send {tried.notice.channel}: {tried.notice.kind} {what}: {answer.code} {answer.said}".rstrip())
        return Answered(tried, outlet, answers)


def clean(answer: Answer, outlet: Outlet) -> Answer:
    """Return an answer whose words hold no secret of ours, neither the channel's nor a link that came back."""
    words = without_secrets(_TOKEN.sub(HIDDEN, readable(answer.said)), outlet.secrets)
    return msgspec.structs.replace(answer, code=without_secrets(answer.code, outlet.secrets), said=words)


def link_maker(public_url: str, keys: Keys, days: int) -> Callable[[Ledger, str, datetime], Link]:
    """Return what makes the signed link of a crew; one without address where no `public_url` is set."""

    def link(ledger: Ledger, crew: str, now: datetime) -> Link:
        if not public_url:
            return Link()
        token = make_token(
            keys, "crew", crew, now, timedelta(days=days), generation=link_generation(ledger, "crew", crew)
        )
        return Link(f"{public_url.rstrip('/')}/c/{token}", days=days)

    return link
