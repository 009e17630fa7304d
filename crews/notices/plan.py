"""What is to be told now: today's digest once, what cannot wait at once, and a crew's list whenever it has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

import msgspec

from crews.crew_list import CrewList, Stop
from crews.issue import WAITING_STATES
from crews.ledger import Ledger, from_us, to_us
from crews.lists import Plots, all_lists, list_of
from crews.notices.notice import Content, digest_of, digest_of_all, digest_of_nobody, urgent_of
from crews.notices.outbox import Notice, record
from crews.notices.pace import Quiet
from crews.notices.topic import list_document

URGENT_FOR = timedelta(days=1)
"""What is older stands in the digest, and is no news."""

_NEWS = ("opened", "assigned", "reopened", "escalated")


class Route(msgspec.Struct, frozen=True):
    """What goes on one channel.

    crews: whose lists; empty: all
    at: when the digest goes, None for never; new_from, raised_from: as in the settings, 0 for never
    has_lists: True: the crew's list itself, whenever it has changed, and nothing else
    """

    name: str
    crews: tuple[str, ...]
    at: time | None
    new_from: int
    raised_from: int
    quiet: Quiet
    urgent_at_night: bool
    language: str
    has_lists: bool = False

    @property
    def crew(self) -> str | None:
        """Return the crew whose channel this is; None for one of several crews."""
        return self.crews[0] if len(self.crews) == 1 else None

    def is_for(self, crew: str | None) -> bool:
        """Say whether what is on a crew's list (None: nobody's) is told here."""
        return not self.crews or crew in self.crews


class _Lists:
    """The lists of one moment, read when the first is asked for, and once for all channels."""

    def __init__(self, ledger: Ledger, plots: Callable[[], Plots], now: datetime, truck_litres: float) -> None:
        self._ledger, self._plots, self._now, self._truck_litres = ledger, plots, now, truck_litres
        self._all: list[CrewList] | None = None

    def of(self, route: Route) -> list[CrewList]:
        """Return the lists that a channel is for, in its order; of all crews those that there are."""
        if self._all is None:
            self._all = all_lists(self._ledger, self._plots(), self._now, self._truck_litres)
        if not route.crews:
            return self._all
        by_crew = {listed.crew: listed for listed in self._all}
        return [by_crew.get(crew) or self._one(crew) for crew in route.crews]

    def know(self, crew: str | None) -> bool:
        """Say whether a crew is in the register or has something open (None: nobody's has); once lists were read."""
        return crew is None or any(listed.crew == crew for listed in self._all or ())

    def _one(self, crew: str) -> CrewList:
        """Return the list of a crew that is in no register and has nothing open."""
        return list_of(self._ledger, crew, self._plots(), self._now, self._truck_litres)


def plan(
    ledger: Ledger,
    routes: Sequence[Route],
    plots: Callable[[], Plots],
    now: datetime,
    truck_litres: float,
    *,
    anew: bool = False,
) -> None:
    """Record what is to be told at `now`; what is recorded already is not recorded again.

    plots: reads the register's plots that hold now; called where there is something to tell
    anew: lists are recorded whatever was told before, as the broker may have lost what it retained
    Everything is read before the one transaction that records it, so that nobody's report waits for it. One sender at a
    time. Raises: StoreError; nothing has changed then.
    """
    lists = _Lists(ledger, plots, now, truck_litres)
    newest = ledger.version()
    told = [route for route in routes if not route.has_lists]
    notices = [
        *(notice for route in told for notice in _digest(ledger, route, lists, now)),
        *(notice for route in told for notice in _urgent(ledger, route, lists, newest, now)),
        *(notice for route in routes if route.has_lists for notice in _changed_list(ledger, route, lists, now, anew)),
    ]
    moved = [route.name for route in told if _cursor(ledger, route) != newest]
    with ledger.transaction():
        for name in moved:
            ledger.run(
                "insert into notice_cursors (channel, n) values (?, ?)"
                " on conflict (channel) do update set n = excluded.n",
                (name, newest),
            )
        for notice in notices:
            record(ledger, _in_place_of_older(ledger, notice) if notice.kind == "list" else notice)


def _digest(ledger: Ledger, route: Route, lists: _Lists, now: datetime) -> Iterator[Notice]:
    """Yield today's digest from its minute on; a day that is over has none any more, and a night none yet."""
    local = now.astimezone(ledger.site.timezone)
    if route.at is None or local.time() < route.at or route.quiet.holds(now, ledger.site):
        return
    notice_id = f"digest:{route.name}:{local.date().isoformat()}"
    if ledger.run("select 1 from notices where notice_id = ?", (notice_id,)) or not lists.of(route):
        return
    content = _digest_content(route, lists)
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=ledger.site.timezone)
    yield _notice(
        notice_id, route, "digest", lists.of(route)[0], content, now, expires_at=midnight.astimezone(now.tzinfo)
    )


def _cursor(ledger: Ledger, route: Route) -> int | None:
    """Return up to which event a channel was told; None for a new one, which is told of what comes from now on."""
    found = ledger.run("select n from notice_cursors where channel = ?", (route.name,))
    return int(found[0]["n"]) if found else None


def _urgent(ledger: Ledger, route: Route, lists: _Lists, newest: int, now: datetime) -> Iterator[Notice]:
    """Yield what came since the channel's cursor and cannot wait, as one notice."""
    cursor = _cursor(ledger, route)
    if cursor is None or cursor == newest:
        return
    events = ledger.run(
        "select issue_id, kind from events where n > ? and n <= ? and happened_at > ?"
        f" and (kind in ({', '.join('?' * len(_NEWS))}) or kind = 'evidence' and detail_json ->> 'due_at' is not null)",
        (cursor, newest, to_us(now - URGENT_FOR), *_NEWS),
    )
    if not events:
        return
    raised = {row["issue_id"] for row in events if row["kind"] == "escalated"}
    new = {row["issue_id"] for row in events} - raised
    stops = [stop for listed in lists.of(route) for stop in listed.stops if stop.issue.state in WAITING_STATES]
    told_raised = [stop for stop in stops if stop.issue.issue_id in raised and _is_raised(stop, route)]
    told_new = [stop for stop in stops if stop.issue.issue_id in new and _is_grave(stop, route)]
    if told_raised or told_new:
        first = lists.of(route)[0]
        content = urgent_of(first, told_raised, told_new, route.language, of_all=route.crew is None)
        not_before = now if route.urgent_at_night else route.quiet.over(now, ledger.site)
        yield _notice(
            f"urgent:{route.name}:{newest}", route, "urgent", first, content, now,
            not_before=not_before, expires_at=now + URGENT_FOR,
        )  # fmt: skip


def _digest_content(route: Route, lists: _Lists) -> Content:
    found = lists.of(route)
    if route.crew is None:
        return digest_of_all(found, route.language, lists.know)
    return (digest_of if lists.know(route.crew) else digest_of_nobody)(found[0], route.language)


def _is_raised(stop: Stop, route: Route) -> bool:
    return bool(route.raised_from) and stop.issue.escalated_to >= route.raised_from


def _is_grave(stop: Stop, route: Route) -> bool:
    return bool(route.new_from) and stop.issue.severity >= route.new_from and stop.hold != "wait"


def _notice(
    notice_id: str,
    route: Route,
    kind: str,
    listed: CrewList,
    content: Content,
    now: datetime,
    *,
    expires_at: datetime,
    not_before: datetime | None = None,
) -> Notice:
    day = listed.site.local_date(now).isoformat()
    return Notice(
        notice_id, route.name, route.crew or "", kind, day, listed.version, now, not_before or now, expires_at,
        msgspec.json.encode(content),
    )  # fmt: skip


def _changed_list(ledger: Ledger, route: Route, lists: _Lists, now: datetime, anew: bool) -> Iterator[Notice]:  # noqa: FBT001 - of plan
    """Yield a crew's list where it says something else than the one that was recorded last."""
    (listed,) = lists.of(route)
    document = list_document(listed, route.language, is_known=lists.know(listed.crew))
    digest = hashlib.sha256(msgspec.json.encode(_lasting(document))).hexdigest()[:32]
    notice_id = f"list:{route.name}:{digest}"
    stands = ledger.run("select 1 from notices where notice_id = ? and state <> 'expired'", (notice_id,))
    if stands and not anew:
        return
    yield Notice(
        notice_id, route.name, route.crew or "", "list", listed.site.local_date(now).isoformat(), listed.version, now,
        now, listed.expires_at, msgspec.json.encode(document),
    )  # fmt: skip


def _in_place_of_older(ledger: Ledger, notice: Notice) -> Notice:
    """Let the channel's older list give way to `notice`, inside a transaction: which is the last one asks no clock.

    Returns it as waiting for as long as the older one, so that it is late where the broker takes none.
    """
    older = ledger.run(
        "select not_before from notices where channel = ? and kind = 'list' and state = 'waiting'", (notice.channel,)
    )
    ledger.run("delete from notices where channel = ? and kind = 'list'", (notice.channel,))
    # It may say again what one before the last said.
    ledger.run("delete from notice_receipts where notice_id = ?", (notice.notice_id,))
    since = min([notice.not_before, *(from_us(row["not_before"]) for row in older)])
    return msgspec.structs.replace(notice, not_before=since)


def _lasting(document: dict[str, Any]) -> dict[str, Any]:
    """Return what of a list is no mere count of minutes."""
    passing = {"generated_at", "data_age_min"}
    return {key: value for key, value in document.items() if key not in passing} | {
        "stops": [{key: value for key, value in stop.items() if key not in passing} for stop in document["stops"]]
    }


def still_holds(ledger: Ledger, notice: Notice, route: Route) -> Content | None:
    """Return what of an urgent notice holds now: what waits still, and for this crew; None when nothing does.

    Of stops that it does not name nobody knows here, so that they are worth a look at the list. Raises: StoreError.
    """
    content = msgspec.json.decode(notice.content, type=Content)
    kept = tuple(card for card in content.cards if _waits(ledger, card.issue_id, route))
    return msgspec.structs.replace(content, cards=kept) if kept or content.more else None


def forget_strangers(ledger: Ledger, routes: Mapping[str, Route]) -> None:
    """Forget what waits for channels that are there no more, or that are another crew's by now. Raises: StoreError.

    A digest of today is made anew then; what is urgent of a crew that a channel still has stays.
    """
    with ledger.transaction():
        for row in ledger.run("select notice_id, channel, crew, kind from notices where state = 'waiting'", ()):
            route = routes.get(row["channel"])
            is_same = route is not None and row["crew"] == (route.crew or "")
            is_news = row["kind"] == "urgent" and route is not None and (not row["crew"] or route.is_for(row["crew"]))
            if not (is_same or is_news):
                ledger.run("delete from notices where notice_id = ?", (row["notice_id"],))
                ledger.run("delete from notice_receipts where notice_id = ?", (row["notice_id"],))


def _waits(ledger: Ledger, issue_id: str, route: Route) -> bool:
    issue = ledger.issue(issue_id)
    return issue.state in WAITING_STATES and route.is_for(issue.crew)
