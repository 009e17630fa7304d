"""What the office decides of an issue: who may, what it must bring, and what the ledger keeps of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from crews.action import LONGEST_NOTE, Action
from crews.issue import ActionRefusedError, Issue
from crews.ledger import Ledger
from crews.persons import is_among, person
from crews.policy import due_at, look_back_on

LONGEST_EXTENSION = timedelta(days=365)
"""From the present deadline, or from now where that has passed: a year is written wrong more often than it is meant."""

_CHECKS = frozenset({"closed", "void", "looked_back"})
"""What is said of the work after looking at it; any other decision directs it."""


def decision_detail(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> dict[str, Any]:
    """Return what the event of a decision keeps of it. Raises: ActionRefusedError."""
    if action.kind in _CHECKS:
        return _check(ledger, action, issue, now)
    return _direction(ledger, action, issue, now)


def _direction(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> dict[str, Any]:
    """Return what the office directs: who is to do it, by when, or not now."""
    fresh = due_at(issue.severity, action.maintenance_grade, now, ledger.site)
    match action.kind:
        case "assigned":
            detail: dict[str, Any] = {"crew": _given(action.crew, "crew")}
            if issue.recheck_not_by and action.reason:
                detail["seen"] = _given(action.reason, "reason")
            if issue.state == "deferred":
                # Its time ran while nobody was to work on it.
                detail["due_at"] = max(issue.due_at, fresh).isoformat()
        case "extended":
            if issue.state == "done_unchecked":  # late work would be on time afterwards
                raise ActionRefusedError(
                    "wrong_state", f"{issue.issue_id} was reported done: there is no work left to extend the time of."
                )
            detail = {"due_at": _later(ledger, action, issue, now), "reason": _given(action.reason, "reason")}
            if action.approved_by and person(action.approved_by) != person(action.actor):
                detail["approved_by"] = _given(action.approved_by, "name")
        case "deferred":
            detail = {"reason": _given(action.reason, "reason")}
        case _:
            detail = {"due_at": (action.due_at or fresh).isoformat(), "reason": _given(action.reason, "reason")}
    return detail


def _check(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> dict[str, Any]:
    """Return what somebody else says of the work after looking at it."""
    if action.kind == "closed":
        return _closing(ledger, action, issue, now)
    _check_other_person(ledger, action, issue)
    if action.kind == "looked_back":
        return {"result": "ok"} | _later_look(ledger, action, issue, now)
    return {"reason": _given(action.reason, "reason")}


def _closing(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> dict[str, Any]:
    if issue.state != "done_unchecked" or issue.result_code != "done":
        raise ActionRefusedError(
            "not_done",
            f"{issue.issue_id} is {issue.state}; only work reported as done is closed. Reported by telephone? "
            f"greensward issue report {issue.issue_id} done",
        )
    _check_other_person(ledger, action, issue)
    if not any(photo.role == "after" for photo in issue.photos):
        raise ActionRefusedError(
            "no_proof",
            f"{issue.issue_id} has no photo from after this work; it closes by itself when newer data shows recovery.",
        )
    detail: dict[str, Any] = {"reason": "photo_checked"}
    day = look_back_on(issue.issue_id, issue.repeat_count, now, ledger.site)
    return detail | ({"look_back_on": day.isoformat()} if day else {})


def _check_other_person(ledger: Ledger, action: Action, issue: Issue) -> None:
    if issue.done_by is not None and person(action.actor) == person(issue.done_by):
        raise ActionRefusedError("same_person", f"{action.actor} reported this work; somebody else must check it.")
    if is_among(action.actor, ledger.crews()):
        raise ActionRefusedError("crew_checks", f"{action.actor} is a crew; the office checks what crews report.")


def _later_look(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> dict[str, Any]:
    """Return whether it is the closer who looks back; raise when it would be the same look as the one that closed."""
    is_closer = issue.checker is not None and person(action.actor) == person(issue.checker)
    if is_closer and not (action.note or "").strip():
        raise ActionRefusedError(
            "same_checker",
            f"{action.actor} closed {issue.issue_id}; somebody else looks back. Where there is nobody else, say with "
            "--note why and what you saw. Nothing was changed.",
        )
    if issue.closed_at is not None and ledger.site.local_date(now) <= ledger.site.local_date(issue.closed_at):
        raise ActionRefusedError(
            "too_soon",
            f"{issue.issue_id} was closed on {ledger.site.local_date(issue.closed_at)}; a look-back is on a later day.",
        )
    return {"by_closer": True} if is_closer else {}


def is_barred(issue: Issue, name: str) -> bool:
    """Say whether `name`, a crew or a person, may not recheck the issue because the water was theirs."""
    return is_among(name, issue.recheck_not_by)


def check_recheck(ledger: Ledger, action: Action, issue: Issue) -> None:
    """Raise when they whose water the probes did not see would look after it, or be sent again before anybody has."""
    if not issue.recheck_not_by or action.kind == "extended":
        return
    if is_barred(issue, action.as_crew or action.actor):
        raise ActionRefusedError(
            "recheck_same_person",
            f"{action.actor} reported water that the probes did not see; somebody else must look. Nothing was changed.",
        )
    if action.kind == "assigned" and is_barred(issue, action.crew or ""):
        if not action.reason:
            raise ActionRefusedError(
                "recheck_same_crew",
                f"{action.crew} reported water that the probes did not see: give {issue.issue_id} to another crew, or "
                "go there and say with --seen what you saw. Nothing was changed.",
            )
        if is_among(action.actor, ledger.crews()):
            raise ActionRefusedError("crew_checks", f"{action.actor} is a crew; the office checks what crews report.")


def _given(value: str | None, name: str) -> str:
    if not value or not value.strip():
        raise ActionRefusedError("no_reason", f"Please give a {name}.")
    return value.strip()[:LONGEST_NOTE]


def _later(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> str:
    if action.due_at is None or action.due_at <= issue.due_at:
        due, asked = (
            None if at is None else f"{at.astimezone(ledger.site.timezone):%Y-%m-%d %H:%M}"
            for at in (issue.due_at, action.due_at)
        )
        raise ActionRefusedError("not_later", f"The new deadline must be after {due} by local time, got {asked}.")
    latest = max(issue.due_at, now) + LONGEST_EXTENSION
    if action.due_at > latest:
        raise ActionRefusedError(
            "too_far",
            f"The new deadline must be {latest.astimezone(ledger.site.timezone):%Y-%m-%d %H:%M} by local time at the "
            f"latest, a year on, got {action.due_at.astimezone(ledger.site.timezone):%Y-%m-%d %H:%M}. "
            "Is the year right? Nothing was changed.",
        )
    return action.due_at.isoformat()
