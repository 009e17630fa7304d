"""What people may do to an issue, who may, and what they must bring; every try leaves a row in the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from crews.issue import ActionRefusedError, Issue, Photo
from crews.ledger import Ledger, to_us
from crews.policy import due_at, look_back_on

CANNOT_DO_REASONS = ("no_water", "no_access", "broken", "weather", "other")
FALSE_ALARM_REASONS = ("wet", "already_watered", "wrong_place")
CREW_KINDS = frozenset({"started", "done", "cannot_do", "false_alarm"})
OFFICE_KINDS = frozenset({"assigned", "closed", "void", "extended", "deferred", "looked_back", "reopened"})

MOST_LITRES = 1_000_000.0
"""A report of more is a slip of the finger: 125 loads of an 8-tonne truck."""

_LONGEST_NOTE = 500
_SHORTEST_ID, _LONGEST_ID = 8, 64


class Action(msgspec.Struct, frozen=True):
    """What somebody asks for.

    action_id: made by whoever asks, 8 to 64 characters; the same id counts once for ever
    actor: who asks, for example "crew:一队" or a person's name
    kind: one of CREW_KINDS or OFFICE_KINDS
    as_crew: set when the one who asks may touch only this crew's issues
    reason: why, from the lists above for a crew, free text for the office
    due_at: for extended and reopened; crew: for assigned
    """

    action_id: str
    issue_id: str
    kind: str
    actor: str
    as_crew: str | None = None
    reason: str | None = None
    note: str | None = None
    water_used_litres: float | None = None
    photos: tuple[Photo, ...] = ()
    crew: str | None = None
    due_at: datetime | None = None


class Outcome(msgspec.Struct, frozen=True):
    """The issue as it stands now, and whether this try changed it (False: the same action had arrived before)."""

    issue: Issue
    is_new: bool


def perform(ledger: Ledger, action: Action, now: datetime) -> Outcome:
    """Do what `action` asks, once, in one transaction.

    Raises: ActionRefusedError when it is not allowed, StoreError when the disk does not take it; the issue is
    unchanged then.
    """
    try:
        with ledger.transaction():
            outcome = _perform(ledger, action, now)
            _audit(ledger, action, now, "accepted" if outcome.is_new else "repeated")
    except ActionRefusedError as refusal:
        with ledger.transaction():
            _audit(ledger, action, now, f"refused: {refusal.code}")
        raise
    return outcome


def _perform(ledger: Ledger, action: Action, now: datetime) -> Outcome:
    if not _SHORTEST_ID <= len(action.action_id) <= _LONGEST_ID:
        raise ActionRefusedError("bad_action_id", "An action id has 8 to 64 characters.")
    issue = ledger.issue(action.issue_id)
    if action.as_crew is not None and (issue.crew != action.as_crew or action.kind not in CREW_KINDS):
        raise ActionRefusedError("not_yours", f"{issue.issue_id} is not an issue of crew {action.as_crew}.")
    earlier = ledger.run("select issue_id, actor from actions where action_id = ?", (action.action_id,))
    if earlier:
        if (earlier[0]["issue_id"], earlier[0]["actor"]) != (action.issue_id, action.actor):
            raise ActionRefusedError("bad_action_id", "This action id was used for something else.")
        return Outcome(issue, is_new=False)
    detail = _detail(ledger, action, issue, now)
    changed = ledger.append(issue, action.kind, now, action.actor, detail)
    ledger.run(
        "insert into actions (action_id, issue_id, kind, actor, event_id) values (?, ?, ?, ?, ?)",
        (action.action_id, issue.issue_id, action.kind, action.actor, f"{issue.issue_id}.{changed.events}"),
    )
    return Outcome(changed, is_new=True)


def _audit(ledger: Ledger, action: Action, now: datetime, outcome: str) -> None:
    ledger.run(
        "insert into audit (at, actor, issue_id, kind, action_id, outcome) values (?, ?, ?, ?, ?, ?)",
        (to_us(now), action.actor, action.issue_id, action.kind, action.action_id, outcome),
    )


def _detail(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> dict[str, Any]:
    match action.kind:
        case "started":
            detail: dict[str, Any] = {}
        case "done" | "cannot_do" | "false_alarm":
            detail = _report(action, issue)
        case "assigned":
            detail = {"crew": _given(action.crew, "crew")}
        case "extended":
            detail = {"due_at": _later(action, issue), "reason": _given(action.reason, "reason")}
        case "deferred":
            detail = {"reason": _given(action.reason, "reason")}
        case "void":
            _check_other_person(action, issue)
            detail = {"reason": _given(action.reason, "reason")}
        case "closed":
            detail = _closing(ledger, action, issue, now)
        case "looked_back":
            _check_other_person(action, issue)
            detail = {"result": "ok"}
        case "reopened":
            deadline = action.due_at or due_at(issue.severity, None, now, ledger.site)
            detail = {"due_at": deadline.isoformat(), "reason": _given(action.reason, "reason")}
        case _:
            raise ActionRefusedError("unknown_action", f"There is no action {action.kind!r}.")
    return detail | ({"note": action.note[:_LONGEST_NOTE]} if action.note else {})


def _report(action: Action, issue: Issue) -> dict[str, Any]:
    allowed = {"done": ("done",), "cannot_do": CANNOT_DO_REASONS, "false_alarm": FALSE_ALARM_REASONS}[action.kind]
    reason = "done" if action.kind == "done" else action.reason
    if reason not in allowed:
        raise ActionRefusedError("no_reason", f"{action.kind} needs a reason: {', '.join(allowed)}.")
    litres = action.water_used_litres
    if litres is not None and not 0 <= litres <= MOST_LITRES:
        raise ActionRefusedError("bad_litres", f"Water used must be 0 to {MOST_LITRES:,.0f} litres, got {litres}.")
    return {
        "result_code": reason,
        "water_used_litres": litres,
        "photos": [{"sha256": photo.sha256, "role": photo.role} for photo in action.photos],
        "rule_id": issue.finding["rule_id"],
        "rule_version": issue.finding["rule_version"],
    }


def _closing(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> dict[str, Any]:
    if issue.state != "done_unchecked" or issue.result_code != "done":
        raise ActionRefusedError(
            "not_done", f"{issue.issue_id} is {issue.state}; only work reported as done is closed."
        )
    _check_other_person(action, issue)
    if not issue.photos:
        raise ActionRefusedError(
            "no_proof", f"{issue.issue_id} has no photo; it closes by itself when its sensor shows recovery."
        )
    detail: dict[str, Any] = {"reason": "photo_checked"}
    day = look_back_on(issue.issue_id, issue.repeat_count, now, ledger.site)
    return detail | ({"look_back_on": day.isoformat()} if day else {})


def _check_other_person(action: Action, issue: Issue) -> None:
    if issue.done_by is not None and action.actor in {issue.done_by, issue.done_by.removeprefix("crew:")}:
        raise ActionRefusedError("same_person", f"{action.actor} reported this work; somebody else must check it.")


def _given(value: str | None, name: str) -> str:
    if not value or not value.strip():
        raise ActionRefusedError("no_reason", f"Please give a {name}.")
    return value.strip()[:_LONGEST_NOTE]


def _later(action: Action, issue: Issue) -> str:
    if action.due_at is None or action.due_at <= issue.due_at:
        raise ActionRefusedError("not_later", f"The new deadline must be after {issue.due_at.isoformat()}.")
    return action.due_at.isoformat()
