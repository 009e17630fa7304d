"""What a crew reports of its work: what it must bring, and what the ledger keeps of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from crews.action import Action
from crews.finding import Finding, from_json
from crews.issue import ENDED_STATES, ActionRefusedError, Issue
from crews.ledger import Ledger
from crews.policy import interval, odd_water_shares
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
MOST_LITRES = 1_000_000.0
"""A report of more is a slip of the finger: 125 loads of an 8-tonne truck."""


def false_alarm_reasons(cause: str) -> tuple[str, ...]:
    """Return the reasons for which an issue of `cause` can be a false alarm."""
    return FALSE_ALARM_REASONS_OF.get(cause.partition(".")[0], ("wrong_place",))


def is_late(action: Action, issue: Issue) -> bool:
    """Say whether a crew tells of its work when the issue has ended: the answer may have waited for a signal.

    Not for the office, which sees the state before it writes, and can open the issue again.
    """
    return action.as_crew is not None and action.kind in {"done", "amended"} and issue.state in ENDED_STATES


def as_correction(action: Action, issue: Issue) -> Action:
    """Return what a second, different report from a form that was used asks for.

    Of work that the issue has as the crew reported it: an addition of what is new. Anything else is a report like any
    other. An amount that was asked back stays asked. Raises: ActionRefusedError for what no addition can say: another
    finding, or something taken back.
    """
    if action.kind != "done" or issue.done_by != action.actor:
        return action
    photos = tuple(photo for photo in action.photos if photo not in issue.photos)
    litres = action.water_used_litres
    is_asked_back = litres is not None and litres == issue.water_doubt_litres
    has_water = (issue.water_used_litres, issue.water_doubt_litres) != (None, None)
    says_nothing = (litres is None or is_asked_back) and not photos and action.note in {None, issue.note}
    if action.inspection != issue.inspection or (litres is None and has_water) or says_nothing:
        raise _already_reported(issue)
    return msgspec.structs.replace(
        action,
        kind="amended",
        photos=photos,
        water_used_litres=None if is_asked_back else litres,
        water_is_sure=litres == issue.water_used_litres,
    )


def check_not_reported(action: Action, issue: Issue) -> None:
    """Raise where a crew reports anew what it has reported itself, and the office has not yet sent back."""
    stands = issue.state == "done_unchecked" or (
        (issue.state, action.kind) == ("deferred", "cannot_do") and issue.result_code in CANNOT_DO_REASONS
    )
    if action.as_crew is not None and action.kind != "amended" and stands and issue.done_by == action.actor:
        raise _already_reported(issue)


def _already_reported(issue: Issue) -> ActionRefusedError:
    return ActionRefusedError(
        "already_reported",
        f"{issue.issue_id} was reported already. Add to that report, or have the office send it back. Nothing was "
        "changed.",
    )


def report_detail(ledger: Ledger, action: Action, issue: Issue, now: datetime) -> dict[str, Any]:
    """Return what the event of a report keeps of it. Raises: ActionRefusedError."""
    match action.kind:
        case "started":
            return {}
        case "amended":
            return _amendment(ledger, action, issue)
        case _:
            return _work(ledger, action, issue) | _visit(ledger, action, issue, now)


def _work(ledger: Ledger, action: Action, issue: Issue) -> dict[str, Any]:
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
    if action.as_crew is None or action.kind == "amended":
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
