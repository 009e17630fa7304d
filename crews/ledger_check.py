"""Whether the ledger still says what was written: held against itself, and against the events that the lake keeps.

SQLite notices a page that is no page, not a letter that is another. What the ledger says twice must agree, and the
lake's copy of the events lies in files whose names hold their hash (`ingest.lake.damage`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from crews.issue import LATE_REPORT, ActionRefusedError, Event, Issue
from crews.ledger import Ledger, to_us
from crews.transitions import rebuild
from ingest.errors import StoreError

Exported = tuple[str, str, datetime, str, str, str, str, str]
"""A row of issue_events: event_id, issue_id, happened_at, kind, plot_id, cause, actor, detail_json."""

EXPORTED = "select event_id, issue_id, happened_at, kind, plot_id, cause, actor, detail_json from issue_events"
"""What to ask the lake for them."""


def ledger_faults(ledger: Ledger, exported: Iterable[Exported]) -> Iterator[str]:
    """Yield a sentence for everything in the ledger that is not as it was written; nothing when all is well.

    exported: the lake's events, in any order
    Raises: nothing; what cannot be read is a sentence.
    """
    try:
        ledger.run("begin", ())  # one state of the ledger, whatever crews report meanwhile
        yield from _faults(ledger, exported)
        ledger.run("rollback", ())
    except StoreError as error:
        yield str(error)


def _faults(ledger: Ledger, exported: Iterable[Exported]) -> Iterator[str]:
    said = [str(row[0]) for row in ledger.run("pragma quick_check(3)", ())]
    if said != ["ok"]:
        yield f"SQLite finds: {'; '.join(said)}"
    yield from _gaps(ledger)
    events = ledger.all_events()
    yield from _issues(ledger, events)
    yield from _actions(ledger, events)
    yield from _copies(events, exported)


def _gaps(ledger: Ledger) -> Iterator[str]:
    for name in ("events", "audit", "campaign_events"):
        ((count, last),) = ledger.run(f"select count(*), coalesce(max(n), 0) from {name}", ())
        given = ledger.run("select seq from sqlite_sequence where name = ?", (name,))
        if count != last or count != (given[0][0] if given else 0):
            yield f"{name}: {count} rows are there, {given[0][0] if given else 0} were written"


def _issues(ledger: Ledger, events: Iterable[Event]) -> Iterator[str]:
    by_issue: dict[str, list[Event]] = {}
    for event in events:
        by_issue.setdefault(event.issue_id, []).append(event)
    kept = {issue.issue_id: issue for issue in ledger.all_issues()}
    for issue_id in sorted(kept.keys() ^ by_issue.keys(), key=str):
        yield f"{issue_id} has {'no event' if issue_id in kept else 'events and is no issue'}"
    for issue_id in sorted(kept.keys() & by_issue.keys(), key=str):
        try:
            made = rebuild(by_issue[issue_id])
        except (ActionRefusedError, msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
            yield f"{issue_id}: its events make no issue: {error!r}"
            continue
        if made != kept[issue_id]:
            differ = [name for name in made.__struct_fields__ if getattr(made, name) != getattr(kept[issue_id], name)]
            yield f"{issue_id} is not what its events make of it: {', '.join(differ)}"
    for row in ledger.run(
        "select issue_id, plot_id, cause, state, is_open, crew, opened_at, closed_at from issues", ()
    ):
        issue = kept.get(row["issue_id"])
        if issue is not None and tuple(row)[1:] != _columns(issue):
            yield f"{issue.issue_id} is found by other words than its own"


def _columns(issue: Issue) -> tuple[object, ...]:
    closed = to_us(issue.closed_at) if issue.closed_at else None
    return issue.plot_id, issue.cause, issue.state, int(issue.is_open), issue.crew, to_us(issue.opened_at), closed


def _actions(ledger: Ledger, events: Iterable[Event]) -> Iterator[str]:
    led_to = {event.event_id: event for event in events}
    for row in ledger.run("select action_id, event_id, issue_id, kind, actor from actions", ()):
        event = led_to.get(row["event_id"])
        of_whom = None if event is None else (event.issue_id, event.actor)
        if event is None or of_whom != (row["issue_id"], row["actor"]) or event.kind not in {row["kind"], LATE_REPORT}:
            yield f"action {row['action_id']!r} did not lead to {row['event_id']!r} as it says"

    written = {tuple(row) for row in ledger.run("select action_id, issue_id, kind, actor from actions", ())}
    question = "select action_id, issue_id, kind, actor from audit where outcome = 'accepted'"
    accepted = {tuple(row) for row in ledger.run(question, ())}
    for action_id, issue_id, *_ in sorted(written ^ accepted, key=str):
        yield f"action {action_id!r} on {issue_id} stands in one of actions and audit only"


def _copies(events: Iterable[Event], exported: Iterable[Exported]) -> Iterator[str]:
    here = {event.event_id: event for event in events}
    for event_id, issue_id, happened_at, kind, plot_id, cause, actor, detail_json in exported:
        copy = Event(event_id, issue_id, happened_at, kind, plot_id, cause, actor, json.loads(detail_json))
        if here.get(event_id) != copy:
            yield f"event {event_id} is {'another' if event_id in here else 'not there; it is'} in the lake"
