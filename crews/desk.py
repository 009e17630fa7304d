"""What a person of the office can do to an issue as it stands, and which one to look at next. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from crews.action import Action
from crews.issue import Issue
from crews.ledger import Ledger
from crews.perform import refusal_of
from crews.persons import person
from crews.reports import CANNOT_DO_REASONS, INSPECTIONS, false_alarm_reasons

ORDER = (
    "closed", "looked_back", "assigned", "reopened", "extended", "deferred", "void", "done", "cannot_do", "false_alarm",
)  # fmt: skip
"""Actions as the page has them: what most often comes next is first, and reports by telephone are last."""

_OF_THE_STATE = frozenset({"wrong_state", "not_done"})
"""Refusals that need no words: the issue is not at that point."""

_LATER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Offers:
    """kinds: what can be done, in ORDER; refusals: why what comes next cannot be done by this person, each code once.

    needs_note: whether looking back needs a note, as the one who closed it looks
    """

    kinds: tuple[str, ...]
    refusals: tuple[str, ...]
    needs_note: bool


def offers_of(ledger: Ledger, issue: Issue, officer: str, now: datetime) -> Offers:
    """Return what `officer` can do to `issue` now: of each action it is asked whether it would be refused."""
    kinds: list[str] = []
    refusals: dict[str, None] = {}
    for kind in ORDER:
        refusal = refusal_of(ledger, _filled_in(kind, issue, officer, now), now)
        if refusal is None:
            kinds.append(kind)
        elif refusal.code not in _OF_THE_STATE:
            refusals[refusal.code] = None
    is_closer = issue.checker is not None and person(officer) == person(issue.checker)
    return Offers(tuple(kinds), tuple(refusals), needs_note="looked_back" in kinds and is_closer)


def _filled_in(kind: str, issue: Issue, officer: str, now: datetime) -> Action:
    """Return the action as it is with its form filled in well: whether it is refused then hangs on the issue alone."""
    reasons = {"cannot_do": CANNOT_DO_REASONS, "false_alarm": false_alarm_reasons(issue.cause)}
    return Action(
        action_id=f"would-{kind}",
        issue_id=issue.issue_id,
        kind=kind,
        actor=officer,
        reason=reasons.get(kind, ("-",))[0],
        note="-",
        inspection=INSPECTIONS[0],
        crew="-",
        due_at=max(issue.due_at, now) + _LATER,
    )


def awaits_check(issue: Issue) -> bool:
    """Say whether somebody of the office can end the issue now: a photo from after the work, or no work to show."""
    return issue.state == "done_unchecked" and (
        issue.result_code != "done" or any(photo.role == "after" for photo in issue.photos)
    )


def in_turn(issues: Iterable[Issue]) -> list[Issue]:
    """Return the issues that were reported, the first to be looked at first: by when they were reported."""
    return sorted(issues, key=lambda issue: (issue.done_at or issue.opened_at, issue.issue_id))


def checks_for(issues: Iterable[Issue], officer: str) -> list[Issue]:
    """Return the issues that `officer` can check, in turn: whose work is not by that person's own word."""
    return in_turn(issue for issue in issues if awaits_check(issue) and person(issue.done_by or "") != person(officer))


def next_check(checks: Iterable[Issue], issue: Issue) -> Issue | None:
    """Return which of `checks`, in turn, comes after `issue`, and after the last the first; None where no other is."""
    others = [one for one in checks if one.issue_id != issue.issue_id]
    place = (issue.done_at or issue.opened_at, issue.issue_id)
    later = (one for one in others if (one.done_at or one.opened_at, one.issue_id) > place)
    return next(later, others[0] if others else None)
