"""How each event changes an issue: pure, so that the events alone rebuild every issue.

    opened → assigned → in_work → done_unchecked → closed → looked_back
       ╰────────┴──────────┴─▶ deferred (挂账)   void (作废)   reopened (复发) ─▶ assigned

立案 opened, 派遣 assigned, 处置 in_work, 待核查 done_unchecked, 结案 closed, 回头看 looked_back. 发现 (found) is the
flag itself, before there is an issue. 延期 (extended) moves the deadline and leaves the state alone, and so does
超期升级 (escalated), which raises overdue work to the next level.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from crews.issue import ENDED_STATES, LATE_REPORT, OPEN_STATES, WAITING_STATES, ActionRefusedError, Event, Issue, Photo

_ALLOWED_FROM: dict[str, frozenset[str]] = {
    "evidence": OPEN_STATES,
    "assigned": frozenset({"opened", "assigned", "in_work", "deferred"}),
    "started": frozenset({"opened", "assigned", "deferred"}),
    "done": frozenset({"opened", "assigned", "in_work", "deferred"}),
    "cannot_do": WAITING_STATES,
    "false_alarm": frozenset({"opened", "assigned", "in_work", "deferred"}),
    "closed": OPEN_STATES,
    "looked_back": frozenset({"closed"}),
    "reopened": frozenset({"done_unchecked", "closed", "looked_back"}),
    "amended": frozenset({"done_unchecked"}),
    LATE_REPORT: ENDED_STATES,
    "escalated": WAITING_STATES,
    "extended": OPEN_STATES,
    "deferred": WAITING_STATES,
    "void": OPEN_STATES,
}
"""The states in which an event of a kind may happen."""

EVENT_KINDS = ("opened", *_ALLOWED_FROM)


def opened(event: Event) -> Issue:
    """Return the issue that an `opened` event makes."""
    detail = event.detail
    due_at = datetime.fromisoformat(detail["due_at"])
    return Issue(
        issue_id=event.issue_id,
        plot_id=event.plot_id,
        cause=event.cause,
        state="opened",
        severity=detail["severity"],
        opened_at=event.happened_at,
        due_at=due_at,
        first_due_at=due_at,
        told_at=event.happened_at,
        last_event_at=event.happened_at,
        finding=detail["finding"],
        events=1,
        plot_name=detail.get("plot_name", ""),
        repeat_count=detail.get("repeat_count", 0),
    )


def check_allowed(issue: Issue, kind: str) -> None:
    """Raise ActionRefusedError when an event of `kind` cannot follow in the issue's state."""
    is_between_visits = issue.visit > 0 and issue.state in {"opened", "assigned"}
    if issue.state not in _ALLOWED_FROM[kind] and not (kind == "amended" and is_between_visits):
        raise ActionRefusedError(
            "wrong_state",
            f"{issue.issue_id} is {issue.state}; {kind!r} is possible only from "
            f"{', '.join(sorted(_ALLOWED_FROM[kind]))}. Nothing was changed.",
        )


def advance(issue: Issue, event: Event) -> Issue:
    """Return the issue after `event`. Raises: ActionRefusedError when the state does not allow it."""
    check_allowed(issue, event.kind)
    changed = _CHANGES[event.kind](issue, event) | _judged_on(event)
    if changed.get("due_at", issue.due_at) > issue.due_at:
        changed["escalated_to"] = 0
    return msgspec.structs.replace(issue, **{"events": issue.events + 1, "last_event_at": event.happened_at, **changed})


def _judged_on(event: Event) -> dict[str, Any]:
    """Return what the finding that an event was made on changes; a look-back's is of another time than the work."""
    found = event.detail.get("finding")
    if found is None or event.kind == "looked_back":
        return {}
    ended = {"ended_on": found} if event.kind in {"closed", "void"} else {}
    return ended | ({"finding": found} if found["needs_work"] else {})


def rebuild(events: list[Event]) -> Issue:
    """Return the issue that its events, oldest first, make. Raises: ActionRefusedError, IndexError when empty."""
    issue = opened(events[0])
    for event in events[1:]:
        issue = advance(issue, event)
    return issue


def _evidence(issue: Issue, event: Event) -> dict[str, Any]:
    detail = event.detail
    changed: dict[str, Any] = {}
    if detail.get("resumed"):
        changed |= {"state": "assigned" if issue.crew else "opened", "result_code": None, "note": None}
    if detail.get("told"):
        changed["told_at"] = event.happened_at
    if "severity" in detail:
        changed["severity"] = detail["severity"]
    if "due_at" in detail:
        changed["due_at"] = datetime.fromisoformat(detail["due_at"])
    return changed


def _assigned(issue: Issue, event: Event) -> dict[str, Any]:
    changed = {"state": "assigned", "crew": event.detail["crew"]}
    if issue.state == "deferred":
        changed |= {"result_code": None, "note": None, "photos": (), "told_at": event.happened_at}
    if "due_at" in event.detail:
        changed["due_at"] = datetime.fromisoformat(event.detail["due_at"])
    if "seen" in event.detail:
        changed |= {"recheck_not_by": (), "note": event.detail["seen"]}
    return changed


def _started(_issue: Issue, event: Event) -> dict[str, Any]:
    return {"state": "in_work", "started_at": event.happened_at}


def _photos(event: Event) -> tuple[Photo, ...]:
    return tuple(Photo(photo["sha256"], photo["role"]) for photo in event.detail.get("photos", ()))


def _reported(issue: Issue, event: Event) -> dict[str, Any]:
    detail = event.detail
    visits = {"visit": detail["visit"], "visits": detail["visits"]} if "visits" in detail else {}
    if visits and detail["visit"] < detail["visits"]:
        return visits | {
            "state": "assigned" if issue.crew else "opened",
            "started_at": None,
            "done_at": event.happened_at,
            "done_by": event.actor,
            "recheck_not_by": (),
            "due_at": datetime.fromisoformat(detail["due_at"]),
            "note": detail.get("note"),
            "water_used_litres": detail.get("water_used_litres"),
            "water_doubt_litres": detail.get("water_doubt_litres"),
            "photos": _photos(event),
        }
    return visits | {
        "state": "deferred" if event.kind == "cannot_do" else "done_unchecked",
        "done_at": None if event.kind == "cannot_do" else event.happened_at,
        "done_by": event.actor,
        "recheck_not_by": issue.recheck_not_by if event.kind == "cannot_do" else (),
        "result_code": detail["result_code"],
        "note": detail.get("note"),
        "water_used_litres": detail.get("water_used_litres"),
        "water_doubt_litres": detail.get("water_doubt_litres"),
        "inspection": detail.get("inspection"),
        "photos": _photos(event),
    }


def _amended(issue: Issue, event: Event) -> dict[str, Any]:
    detail = event.detail
    changed: dict[str, Any] = {"photos": issue.photos + _photos(event)}
    if detail.get("water_used_litres") is not None:
        changed |= {"water_used_litres": detail["water_used_litres"], "water_doubt_litres": None}
    if detail.get("note"):
        changed["note"] = detail["note"]
    return changed


def _closed(_issue: Issue, event: Event) -> dict[str, Any]:
    day = event.detail.get("look_back_on")
    return {
        "state": "closed",
        "closed_at": event.happened_at,
        "closed_reason": event.detail["reason"],
        "checker": event.actor,
        "look_back_on": date.fromisoformat(day) if day else None,
    }


def _looked_back(_issue: Issue, event: Event) -> dict[str, Any]:
    return {"state": "looked_back", "look_back_result": "ok", "checker": event.actor}


def _reopened(issue: Issue, event: Event) -> dict[str, Any]:
    not_by = tuple(event.detail.get("not_by", ()))
    return {
        "state": "assigned" if issue.crew and not not_by else "opened",
        "crew": None if not_by else issue.crew,
        "recheck_not_by": not_by,
        "repeat_count": issue.repeat_count + 1,
        "due_at": datetime.fromisoformat(event.detail["due_at"]),
        "told_at": event.happened_at,
        "started_at": None,
        "visit": 0,
        "visits": 1,
        "done_at": None,
        "done_by": None,
        "result_code": None,
        "note": event.detail.get("note"),
        "water_used_litres": None,
        "water_doubt_litres": None,
        "inspection": None,
        "photos": (),
        "closed_at": None,
        "closed_reason": None,
        "ended_on": None,
        "checker": None,
        "look_back_on": None,
        "look_back_result": "reopened" if issue.state != "done_unchecked" else None,
        "reopen_reason": event.detail.get("reason"),
    }


def _unchanged(_issue: Issue, _event: Event) -> dict[str, Any]:
    return {}


def _extended(_issue: Issue, event: Event) -> dict[str, Any]:
    return {"due_at": datetime.fromisoformat(event.detail["due_at"])}


def _escalated(_issue: Issue, event: Event) -> dict[str, Any]:
    return {"escalated_to": event.detail["level"]}


def _deferred(_issue: Issue, event: Event) -> dict[str, Any]:
    return {"state": "deferred", "result_code": event.detail["reason"], "note": event.detail.get("note")}


def _void(_issue: Issue, event: Event) -> dict[str, Any]:
    return {
        "state": "void",
        "closed_at": event.happened_at,
        "closed_reason": event.detail["reason"],
        "checker": event.actor,
    }


_CHANGES = {
    "evidence": _evidence,
    "assigned": _assigned,
    "started": _started,
    "done": _reported,
    "cannot_do": _reported,
    "false_alarm": _reported,
    "amended": _amended,
    LATE_REPORT: _unchanged,
    "closed": _closed,
    "looked_back": _looked_back,
    "reopened": _reopened,
    "escalated": _escalated,
    "extended": _extended,
    "deferred": _deferred,
    "void": _void,
}
