"""What a person of the office can do on the page of an issue, in words: the forms, and why one was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from crews.crew_list import CrewList
from crews.decisions import LONGEST_EXTENSION
from crews.desk import Offers, awaits_check, next_check
from crews.issue import Issue
from crews.office_form import TYPED, Decision
from crews.page import say_refusal
from crews.persons import is_among
from crews.reports import INSPECTED_CAUSES, false_alarm_reasons
from crews.words import Say

_TELEPHONED = frozenset({"done", "cannot_do", "false_alarm"})
_AT_ONCE = frozenset({"closed", "looked_back"})
"""Whose form stands open: it is what the reader has come for."""

_GOES_ON_FROM = frozenset({"closed", "void", "reopened"})
_INPUT_CLOCK = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Refused:
    """A decision that was refused just now, and why."""

    decision: Decision
    code: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What a person of the office has before them.

    proof: that the page was made for this person's link; action_id: of whatever is decided on it
    crews: to whom an issue can be given; checks: what this person can check, in turn
    """

    officer: str
    proof: str
    action_id: str
    offers: Offers
    crews: tuple[str, ...]
    checks: tuple[Issue, ...]
    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class FormView:
    """One form. typed: what each field holds already, "" for nothing; goes_on: whether it leads to the next check."""

    kind: str
    title: str
    is_open: bool
    typed: Mapping[str, str]
    goes_on: bool


@dataclass(frozen=True, slots=True)
class DeskView:
    """The desk in words.

    refused: why what was just sent was not done; refused_kind: its form, None where it is not possible any more;
        refused_photos: whether it had photos; cannot: why what comes next cannot be done by this person
    barred: crews to whom it is given only with what was seen on site
    earliest, latest: between which a new deadline can be chosen, as a field for it has them, by the site's clock
    next_id: the next issue to check; others: how many more than this one there are
    """

    acts_as: str
    proof: str
    action_id: str
    events: int
    forms: tuple[FormView, ...]
    reports: tuple[FormView, ...]
    refused: str | None
    refused_kind: str | None
    refused_photos: bool
    cannot: tuple[str, ...]
    crews: tuple[str, ...]
    barred: tuple[str, ...]
    earliest: str
    latest: str
    officer: str
    needs_note: bool
    is_inspected: bool
    false_alarms: tuple[str, ...]
    next_id: str | None
    others: int
    photo_first: bool


def say_receipt(issue: Issue, kind: str, say: Say) -> str:
    """Return the receipt of an action of `kind`, naming plot and state."""
    state = say(f"state.{issue.state}", otherwise=issue.state)
    return say(
        "desk.receipt",
        what=say(f"event.{kind}"), plot=issue.plot_name or issue.plot_id, state=state, issue=issue.issue_id,
    )  # fmt: skip


def say_desk_refusal(code: str, say: Say) -> str:
    """Return why a decision was refused, in words for the office where a crew's do not fit."""
    return say(f"desk_refused.{code}", otherwise=say_refusal(code, say))


def make_desk_view(desk: Desk, issue: Issue, listed: CrewList, say: Say) -> DeskView:
    """Return the desk of the only issue of `listed`."""
    now, zone = listed.generated_at, listed.site.timezone
    following = next_check(desk.checks, issue)
    kinds, refused = desk.offers.kinds, desk.refused
    sent = None if refused is None else refused.decision
    start = max(issue.due_at, now)
    earliest, latest = start + timedelta(minutes=1), start + LONGEST_EXTENSION

    def form(kind: str) -> FormView:
        typed = sent.typed if sent is not None and sent.kind == kind else None
        return FormView(
            kind=kind,
            title=_title(kind, issue, say),
            is_open=typed is not None or (kind in _AT_ONCE and sent is None),
            typed={name: (typed or {}).get(name, "") for name in TYPED},
            goes_on=kind in _GOES_ON_FROM and following is not None and awaits_check(issue),
        )

    return DeskView(
        acts_as=say("desk.acts_as", name=desk.officer),
        proof=desk.proof,
        action_id=desk.action_id,
        events=issue.events,
        forms=tuple(form(kind) for kind in kinds if kind not in _TELEPHONED),
        reports=tuple(form(kind) for kind in kinds if kind in _TELEPHONED),
        refused=None if refused is None else say_desk_refusal(refused.code, say),
        refused_kind=sent.kind if sent is not None and sent.kind in kinds else None,
        refused_photos=sent is not None and bool(sent.photos),
        cannot=tuple(say_desk_refusal(code, say) for code in desk.offers.refusals),
        crews=desk.crews,
        barred=tuple(crew for crew in desk.crews if is_among(crew, issue.recheck_not_by)),
        earliest=f"{earliest.astimezone(zone):{_INPUT_CLOCK}}",
        latest=f"{latest.astimezone(zone):{_INPUT_CLOCK}}",
        officer=desk.officer,
        needs_note=desk.offers.needs_note,
        is_inspected=issue.cause in INSPECTED_CAUSES,
        false_alarms=false_alarm_reasons(issue.cause),
        next_id=None if following is None else following.issue_id,
        others=sum(one.issue_id != issue.issue_id for one in desk.checks),
        photo_first=issue.state == "done_unchecked",
    )


def _title(kind: str, issue: Issue, say: Say) -> str:
    if kind == "reopened" and issue.state == "done_unchecked":
        return say("desk.send_back")
    if kind == "assigned" and issue.crew:
        return say("desk.assign_again")
    return say(f"desk.{kind}")
