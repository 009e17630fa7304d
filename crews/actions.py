"""What people may do to an issue, who may, and what they must bring; every try leaves a row in the audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from crews.finding import Finding, from_json
from crews.issue import ENDED_STATES, LATE_REPORT, REPORT_KINDS, ActionRefusedError, Issue, Photo, check_allowed
from crews.ledger import Ledger, to_us
from crews.persons import is_among, person
from crews.policy import due_at, interval, look_back_on, odd_water_shares
from crews.readable import readable
from crews.visits import planned_visits, visits_brought

CANNOT_DO_REASONS = ("no_water", "no_access", "broken", "weather", "other")
FALSE_ALARM_REASONS_OF = {
    "drought": ("wet", "already_watered", "wrong_place"),
    "disease": ("nothing_found", "other_cause", "wrong_place"),
    "vigour": ("nothing_found", "other_cause", "wrong_place"),
    "sensor": ("sensor_well", "sensor_not_found", "wrong_place"),
    "campaign": ("already_done", "wrong_place"),
}
"""Why a report can be a false alarm, by cause; any other cause has the wrong place only."""

FALSE_ALARM_REASONS = tuple(dict.fromkeys(reason for reasons in FALSE_ALARM_REASONS_OF.values() for reason in reasons))
INSPECTIONS = ("confirmed", "nothing", "unsure")
"""What an inspection finds; a disease is confirmed by a person on site and by nothing else."""

INSPECTED_CAUSES = frozenset({"disease", "vigour"})
CREW_KINDS = REPORT_KINDS
OFFICE_KINDS = frozenset({"assigned", "closed", "void", "extended", "deferred", "looked_back", "reopened"})

MOST_LITRES = 1_000_000.0
"""A report of more is a slip of the finger: 125 loads of an 8-tonne truck."""

LONGEST_EXTENSION = timedelta(days=365)
"""From the present deadline, or from now where that has passed: a year is written wrong more often than it is meant."""

_ON_THE_WAY = timedelta(minutes=5)
"""Every report takes a moment, with photos minutes: what took no longer did not wait."""

_LONGEST_NOTE = 500
_SHORTEST_ID, _LONGEST_ID = 8, 64


class Action(msgspec.Struct, frozen=True):
    """What somebody asks for.

    action_id: made by whoever asks, 8 to 64 characters; the same id counts once for ever, and for one kind only
    actor: who asks, for example "crew:一队" or a person's name
    kind: one of CREW_KINDS or OFFICE_KINDS
    as_crew: set when the one who asks may touch only this crew's issues
    reason: why, from the lists above for a crew, free text for the office; for assigned: what a recheck saw on site
    water_is_sure: the amount of water holds, however odd; otherwise a crew is asked back and anybody else refused
    inspection: for done where the cause is inspected, one of INSPECTIONS
    due_at: for extended and reopened; crew: for assigned
    maintenance_grade: of the plot, for the new deadline that assigned and reopened may give; None counts as 2
    said_at: when a crew said it, where it waited on the phone; by the phone's word, and shown as such
    approved_by: for extended, who approves it where that is not the actor
    seen_events: how many events the issue had when the actor looked at it; None where that is not known
    """

    action_id: str
    issue_id: str
    kind: str
    actor: str
    as_crew: str | None = None
    reason: str | None = None
    note: str | None = None
    water_used_litres: float | None = None
    water_is_sure: bool = False
    inspection: str | None = None
    photos: tuple[Photo, ...] = ()
    crew: str | None = None
    due_at: datetime | None = None
    maintenance_grade: int | None = None
    said_at: datetime | None = None
    approved_by: str | None = None
    seen_events: int | None = None


class Outcome(msgspec.Struct, frozen=True):
    """The issue as it stands now, and whether this try changed it (False: the same action had arrived before)."""

    issue: Issue
    is_new: bool


def false_alarm_reasons(cause: str) -> tuple[str, ...]:
    """Return the reasons for which an issue of `cause` can be a false alarm."""
    return FALSE_ALARM_REASONS_OF.get(cause.partition(".")[0], ("wrong_place",))


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
    earlier = ledger.run("select issue_id, kind, actor from actions where action_id = ?", (action.action_id,))
    if earlier:
        if tuple(earlier[0]) != (action.issue_id, action.kind, action.actor):
            raise ActionRefusedError("bad_action_id", "This action id was used for something else.")
        return Outcome(issue, is_new=False)
    if action.seen_events not in {None, issue.events}:
        raise ActionRefusedError(
            "changed", f"{issue.issue_id} has changed since it was looked at. Nothing was changed."
        )
    kind, detail = _judge(ledger, action, issue, now)
    changed = ledger.append(issue, kind, now, action.actor, detail)
    ledger.run(
        "insert into actions (action_id, issue_id, kind, actor, event_id) values (?, ?, ?, ?, ?)",
        (action.action_id, issue.issue_id, action.kind, action.actor, f"{issue.issue_id}.{changed.events}"),
    )
    return Outcome(changed, is_new=True)


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
    _check_recheck(ledger, action, issue)
    if action.as_crew is not None and (issue.crew != action.as_crew or action.kind not in CREW_KINDS):
        raise ActionRefusedError("not_yours", f"{issue.issue_id} is not an issue of crew {action.as_crew}.")
    kind = LATE_REPORT if _is_late(action, issue) else action.kind
    if action.kind in CREW_KINDS:
        check_allowed(issue, kind)
    return kind, _detail(ledger, action, issue, now)


def _is_late(action: Action, issue: Issue) -> bool:
    """Say whether a crew tells of its work when the issue has ended: the answer may have waited for a signal.

    Not for the office, which sees the state before it writes, and can open the issue again.
    """
    return action.as_crew is not None and action.kind in {"done", "amended"} and issue.state in ENDED_STATES


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
            detail = _report(ledger, action, issue) | _visit(ledger, action, issue, now)
        case "amended":
            detail = _amendment(ledger, action, issue)
        case "closed" | "void" | "looked_back":
            detail = _check(ledger, action, issue, now)
        case "assigned" | "extended" | "deferred" | "reopened":
            detail = _direction(ledger, action, issue, now)
        case _:
            raise ActionRefusedError("unknown_action", f"There is no action {action.kind!r}.")
    if action.said_at is not None and issue.opened_at <= action.said_at <= now - _ON_THE_WAY:
        detail["said_at"] = action.said_at.isoformat()
    return detail | ({"note": action.note[:_LONGEST_NOTE]} if action.note else {})


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


def _report(ledger: Ledger, action: Action, issue: Issue) -> dict[str, Any]:
    alarms = false_alarm_reasons(issue.cause)
    allowed = {"done": ("done",), "cannot_do": CANNOT_DO_REASONS, "false_alarm": alarms}[action.kind]
    reason = "done" if action.kind == "done" else action.reason
    if reason not in allowed:
        raise ActionRefusedError("no_reason", f"{action.kind} needs a reason: {', '.join(allowed)}.")
    detail: dict[str, Any] = {
        "result_code": reason,
        **_water(ledger, action, issue),
        "photos": _new_photos(ledger, action),
        "rule_id": issue.finding["rule_id"],
        "rule_version": issue.finding["rule_version"],
    }
    if action.kind == "done" and issue.cause in INSPECTED_CAUSES:
        if action.inspection not in INSPECTIONS:
            raise ActionRefusedError("no_finding", f"Say what was found: {', '.join(INSPECTIONS)}.")
        detail["inspection"] = action.inspection
    return detail


def _visit(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> dict[str, Any]:
    """Return which visit of a watering this report is of, and by when the next is due; nothing where one is all."""
    visits = planned_visits(issue, _asking(ledger, issue))
    if action.kind != "done" or visits == 1 or not issue.is_open:
        return {}
    visit = min(issue.visit + visits_brought(_asking(ledger, issue), action.water_used_litres), visits)
    next_due = max(issue.due_at, now + interval("next_visit_after"))
    return {"visit": visit, "visits": visits} | ({"due_at": next_due.isoformat()} if visit < visits else {})


def _amendment(ledger: Ledger, action: Action, issue: Issue) -> dict[str, Any]:
    detail = _water(ledger, action, issue) | {"photos": _new_photos(ledger, action)}
    if not action.photos and action.water_used_litres is None and not action.note:
        raise ActionRefusedError("empty_form", "Nothing was given that could be added to the report.")
    return detail


def _new_photos(ledger: Ledger, action: Action) -> list[dict[str, str]]:
    """Return the photos as an event keeps them; one that was sent before shows no work of today."""
    before = {photo.sha256 for photo in action.photos if photo.role != "after"}
    for photo in action.photos:
        if photo.role == "after" and (
            photo.sha256 in before or ledger.run("select 1 from photos where sha256 = ?", (photo.sha256,))
        ):
            raise ActionRefusedError("photo_used", "This photo was sent before; take one of the work as it is now.")
    return [{"sha256": photo.sha256, "role": photo.role} for photo in action.photos]


def _water(ledger: Ledger, action: Action, issue: Issue) -> dict[str, float | None]:
    litres = action.water_used_litres
    if litres is not None and not 0 <= litres <= MOST_LITRES:
        raise ActionRefusedError("bad_litres", f"Water used must be 0 to {MOST_LITRES:,.0f} litres, got {litres}.")
    if litres is None or action.water_is_sure or not is_odd(litres, asked_litres(ledger, issue)):
        return {"water_used_litres": litres}
    if action.as_crew is None:
        raise ActionRefusedError(
            "odd_litres",
            f"{litres:,.0f} litres are far from the {asked_litres(ledger, issue):,.0f} that were asked for; "
            "if they are right, say so with --sure.",
        )
    return {"water_used_litres": None, "water_doubt_litres": litres}


def asked_litres(ledger: Ledger, issue: Issue) -> float | None:
    """Return the litres of one visit that the newest finding with water asks for, None where none does."""
    return _asking(ledger, issue).visit_litres


def _asking(ledger: Ledger, issue: Issue) -> Finding:
    """Return the newest finding that asks for this work, that of the issue where no newer does."""
    newest = ledger.latest_finding(issue.plot_id, issue.cause)
    return newest if newest is not None and newest.needs_work else from_json(issue.finding)


def is_odd(litres: float, asked: float | None) -> bool:
    """Say whether a reported amount is so far from what one visit asks for that a unit was mistaken."""
    least, most = odd_water_shares()
    return asked is not None and asked > 0 and not least * asked <= litres <= most * asked


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


def _check_recheck(ledger: Ledger, action: Action, issue: Issue) -> None:
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
    return value.strip()[:_LONGEST_NOTE]


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
