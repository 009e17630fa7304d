"""An action is done once or refused, in one transaction; every try leaves a row in the audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from crews.action import CREW_KINDS, LONGEST_NOTE, OFFICE_KINDS, Action, Outcome
from crews.decisions import check_recheck, decision_detail
from crews.issue import LATE_REPORT, ActionRefusedError, Issue
from crews.ledger import Ledger, to_us
from crews.persons import person
from crews.readable import readable
from crews.reports import as_correction, check_not_reported, is_late, report_detail
from crews.transitions import check_allowed

_ON_THE_WAY = timedelta(minutes=5)
"""Every report takes a moment, with photos minutes: what took no longer did not wait."""

_SHORTEST_ID, _LONGEST_ID = 8, 64


def perform(ledger: Ledger, action: Action, now: datetime, keep: Callable[[], None] | None = None) -> Outcome:
    """Do what `action` asks, once, in one transaction.

    keep: keeps what comes with the action (photos); called once it is allowed, inside the transaction
    Raises: ActionRefusedError when it is not allowed, StoreError when the disk does not take it; the issue is
    unchanged then.
    """
    action = _as_read(action)
    try:
        with ledger.transaction():
            outcome = _perform(ledger, action, now)
            if outcome.is_new and keep is not None:
                keep()
            _audit(ledger, action, now, "accepted" if outcome.is_new else "repeated")
    except ActionRefusedError as refusal:
        keep_refused(ledger, action, now, refusal)
        raise
    return outcome


def keep_refused(ledger: Ledger, action: Action, now: datetime, refusal: ActionRefusedError) -> None:
    """Keep in the audit that `action` was refused. Raises: StoreError."""
    with ledger.transaction():
        _audit(ledger, action, now, f"refused: {refusal.code}")


def _as_read(action: Action) -> Action:
    return msgspec.structs.replace(
        action,
        actor=readable(action.actor),
        reason=readable(action.reason),
        note=readable(action.note),
        crew=readable(action.crew),
        approved_by=readable(action.approved_by),
    )


def _perform(ledger: Ledger, action: Action, now: datetime) -> Outcome:
    if not _SHORTEST_ID <= len(action.action_id) <= _LONGEST_ID:
        raise ActionRefusedError("bad_action_id", "An action id has 8 to 64 characters.")
    if not person(action.actor):
        raise ActionRefusedError("no_actor", "Say who does this; an empty name signs nothing.")
    issue = ledger.issue(action.issue_id)
    earlier = ledger.run(
        "select actions.issue_id, actions.kind, actions.actor, events.kind as event_kind from actions"
        " inner join events on actions.event_id = events.event_id where actions.action_id = ?",
        (action.action_id,),
    )
    if earlier:
        if tuple(earlier[0])[:3] != (action.issue_id, action.kind, action.actor):
            raise ActionRefusedError("bad_action_id", "This action id was used for something else.")
        return Outcome(issue, earlier[0]["event_kind"], is_new=False)
    if action.seen_events not in {None, issue.events}:
        raise ActionRefusedError(
            "changed", f"{issue.issue_id} has changed since it was looked at. Nothing was changed."
        )
    is_second = action.form_id is not None and _was_sent(ledger, action, action.form_id)
    kind, detail = _judge(ledger, as_correction(action, issue) if is_second else action, issue, now)
    changed = ledger.append(issue, kind, now, action.actor, detail)
    ledger.run(
        "insert into actions (action_id, issue_id, kind, actor, event_id) values (?, ?, ?, ?, ?)",
        (action.action_id, issue.issue_id, action.kind, action.actor, f"{issue.issue_id}.{changed.events}"),
    )
    return Outcome(changed, kind, is_new=True)


def _was_sent(ledger: Ledger, action: Action, form_id: str) -> bool:
    """Say whether something else that was sent with the action's form has been done."""
    after_dot = chr(ord(".") + 1)
    sent = ledger.run(
        "select distinct issue_id, actor from actions where action_id >= ? and action_id < ?",
        (f"{form_id}.", f"{form_id}{after_dot}"),
    )
    if any(tuple(row) != (action.issue_id, action.actor) for row in sent):
        raise ActionRefusedError("bad_action_id", "This form was used for something else.")
    return bool(sent)


def refusal_of(ledger: Ledger, action: Action, now: datetime) -> ActionRefusedError | None:
    """Return why `action` would be refused now, None where it would be done. Changes nothing. Raises: StoreError."""
    issue = ledger.issue(action.issue_id)
    try:
        kind, _ = _judge(ledger, action, issue, now)
        ledger.check_append(issue, kind)
    except ActionRefusedError as refusal:
        return refusal
    return None


def _judge(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> tuple[str, dict[str, Any]]:
    """Return kind and detail of the event that `action` makes. Raises: ActionRefusedError."""
    check_recheck(ledger, action, issue)
    if action.as_crew is not None and (issue.crew != action.as_crew or action.kind not in CREW_KINDS):
        raise ActionRefusedError("not_yours", f"{issue.issue_id} is not an issue of crew {action.as_crew}.")
    kind = LATE_REPORT if is_late(action, issue) else action.kind
    if action.kind in CREW_KINDS:
        check_not_reported(action, issue)
        check_allowed(issue, kind)
    return kind, _detail(ledger, action, issue, now)


def _audit(ledger: Ledger, action: Action, now: datetime, outcome: str) -> None:
    ledger.run(
        "insert into audit (at, actor, issue_id, kind, action_id, outcome) values (?, ?, ?, ?, ?, ?)",
        (to_us(now), action.actor, action.issue_id, action.kind, action.action_id, outcome),
    )


def _detail(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> dict[str, Any]:
    if action.kind in CREW_KINDS:
        detail = report_detail(ledger, action, issue, now)
    elif action.kind in OFFICE_KINDS:
        detail = decision_detail(ledger, action, issue, now)
    else:
        raise ActionRefusedError("unknown_action", f"There is no action {action.kind!r}.")
    if action.said_at is not None and issue.opened_at <= action.said_at <= now - _ON_THE_WAY:
        detail["said_at"] = action.said_at.isoformat()
    return detail | ({"note": action.note[:LONGEST_NOTE]} if action.note else {})
