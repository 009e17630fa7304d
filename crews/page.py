"""The pages as HTML: a crew's list, the office's table, a refusal. Values in, text out; no clock of its own."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, NamedTuple

import jinja2

from crews.campaign import Standing
from crews.card import Form, make_card
from crews.crew_list import GROUPS, CrewList, Stop
from crews.desk import checks_for
from crews.drive import Position
from crews.issue import LATE_REPORT, OPEN_STATES, STATES
from crews.notices.outbox import Untold
from crews.office import OfficeView
from crews.photos import LARGEST_BYTES
from crews.picture.story import Story
from crews.readable import readable
from crews.reasons import Reasons, render_reason
from crews.reports import CANNOT_DO_REASONS, INSPECTIONS
from crews.route import make_route
from crews.say_campaign import say_cause, say_condition, say_measured, say_progress, say_severity, say_standing
from crews.say_stop import say_action, say_dry_in, say_overdue, say_reason, say_result, say_total
from crews.say_waiting import say_waiting
from crews.stop_map import make_stop_map
from crews.words import Say, say_age, say_instant, speaker
from ingest.site import Site

LANGUAGE_TAGS = {"zh": "zh-CN", "en": "en"}

OLD_EVALUATION = timedelta(hours=26)
"""A day and two hours without an evaluation: the list says that it may be out of date."""

_WITHOUT_LIST = frozenset({"bad_link", "expired_link", "revoked_link", "no_pass"})
"""Refusals of readers to whom no list opens."""

_LONG_LIST = 6
"""From more stops than this on an overview stands at the top."""


class Outbox(NamedTuple):
    """Whose answers a page's outbox sends, and the proof that it may; both "" where the page only shows what waits."""

    crew: str = ""
    proof: str = ""


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("crews"),
        autoescape=True,
        finalize=lambda value: readable(value) if isinstance(value, str) else value,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def static_version(name: str) -> str:
    """Return what tells one content of a static file from the next; its address carries it. Raises: OSError."""
    return hashlib.sha256((resources.files("crews") / "static" / name).read_bytes()).hexdigest()[:16]


def _static(name: str) -> str:
    return f"/static/{name}?v={static_version(name)}"


def render_template(template: str, language: str, path: str, **values: Any) -> str:
    """Return a page; `path` is its own address, for the way to the other language."""
    other = "en" if language == "zh" else "zh"
    return (
        _environment()
        .get_template(template)
        .render(
            say=speaker(language),
            language=language,
            tag=LANGUAGE_TAGS[language],
            other=other,
            other_tag=LANGUAGE_TAGS[other],
            path=path,
            static=_static,
            largest_photo=LARGEST_BYTES,
            **values,
        )
    )


def say_evaluation(evaluated_at: datetime | None, now: datetime, language: str) -> tuple[str, bool]:
    """Return how old the newest evaluation is, in words, and whether the reader must be warned."""
    say = speaker(language)
    if evaluated_at is None:
        return say("page.never_evaluated"), True
    age = say_age(int((now - evaluated_at).total_seconds() // 60), say)
    if now - evaluated_at > OLD_EVALUATION:
        return say("page.evaluation_old", age=age), True
    return say("page.evaluated", age=age), False


def render_list(
    listed: CrewList,
    language: str,
    *,
    form: Callable[[str], Form] | None = None,
    received: tuple[str, str] | None = None,
    in_wechat: bool = False,
    is_ios: bool = False,
    proof: str = "",
    known: Reasons | None = None,
    stories: Mapping[str, Story] | None = None,
    probes: Mapping[str, Sequence[Position]] | None = None,
    office_phone: str = "",
) -> str:
    """Return a crew's page.

    proof: what proves to the server that the page's outbox was made for this reader; "" gives a page without one
    stories: by plot, what the pictures of the plots tell
    probes: by plot, where its probes stand, WGS 84
    form: makes the hidden fields of a card's forms; None gives a page to read only
    received: (kind of report, issue id) that was just taken, to be acknowledged at the top where the list has it
    in_wechat: whether WeChat's browser asks, which cannot open maps
    is_ios: whether an iPhone or iPad asks, whose map application has an address of its own
    office_phone: whom the crew can call; "" shows none
    """
    say = speaker(language)
    zone = listed.site.timezone
    evaluated, is_old = say_evaluation(listed.evaluated_at, listed.generated_at, language)
    groups = [
        (name, [make_card(listed, stop, say, language, form, known, stories) for stop in listed.group(name)])
        for name in GROUPS
    ]
    is_empty = not listed.to_do
    return render_template(
        "list.html",
        language,
        # Relative: the page may stand at a signed link, and what is kept of it must not carry the token.
        "",
        crew=listed.crew or say("unassigned"),
        outbox=Outbox(listed.crew or "", proof) if proof else None,
        total=say_total(listed, say),
        made=say("page.made", clock=say_instant(listed.generated_at, listed.generated_at, zone, say)),
        valid_until=say("page.valid_until"),
        evaluated=evaluated,
        is_old=is_old,
        groups=[(name, cards) for name, cards in groups if cards],
        empty=say("page.empty_unknown" if is_old else "page.empty") if is_empty else None,
        is_long=len(listed.stops) > _LONG_LIST,
        received=_receipt(listed, received, language),
        in_wechat=in_wechat,
        route=make_route(listed, say, is_ios=is_ios),
        map=make_stop_map(listed, say, probes=probes),
        campaigns=[say_progress(one, say) for one in listed.campaigns],
        rechecked=[say("page.rechecked", plot=name) for name in listed.rechecked],
        cannot_do_reasons=CANNOT_DO_REASONS,
        inspections=INSPECTIONS,
        office_phone=office_phone,
    )


def _receipt(listed: CrewList, received: tuple[str, str] | None, language: str) -> str | None:
    """Return the receipt of a report, naming plot and state; None where the list does not have the issue.

    One whose issue had ended is given always: the list has it for a day only.
    """
    if received is None:
        return None
    say = speaker(language)
    if received[0] == LATE_REPORT:
        return say(f"received.{LATE_REPORT}", issue=received[1])
    stop = next((stop for stop in listed.stops if stop.issue.issue_id == received[1]), None)
    if stop is None:
        return None
    if received[0] == "done" and 0 < stop.issue.visit < stop.issue.visits:
        visit, visits = stop.issue.visit, stop.issue.visits
        return say("received.visit", plot=stop.name, k=visit, n=visits, left=visits - visit, issue=received[1])
    state = say(f"state.{stop.issue.state}", otherwise=stop.issue.state)
    return say(f"received.{received[0]}", plot=stop.name, state=state, issue=received[1])


def render_office(
    view: OfficeView,
    language: str,
    site: Site,
    known: Reasons | None = None,
    untold: Sequence[Untold] = (),
    *,
    officer: str | None = None,
    receipt: str | None = None,
) -> str:
    """Return the office's page.

    untold: messages to crews that have not reached them
    officer: the person who reads it and can act, None for a link that only reads; receipt: of what was just done
    """
    say = speaker(language)
    evaluated, is_old = say_evaluation(view.evaluated_at, view.generated_at, language)
    good, done = view.on_time

    def cells(row: Stop) -> dict[str, Any]:
        return {
            "issue_id": row.issue.issue_id,
            "action": say_action(row, say),
            "hold": row.hold,
            "result": say_result(row.issue, say),
            "photos": len(row.issue.photos),
            "severity": min(max(row.issue.severity, 0), 4),
            "severity_word": say_severity(row.issue.cause, row.issue.severity, row.finding.reason_code, say),
            "cause": say_cause(row.issue.cause, row.finding.reason_params, say),
            "name": row.name,
            "unit": row.plot.get("responsible_unit") or say("unknown"),
            "grade": row.plot.get("maintenance_grade") or "–",
            "crew": row.issue.crew or say("unassigned"),
            "state": say(f"state.{row.issue.state}", otherwise=row.issue.state),
            "due": say_instant(row.issue.due_at, view.generated_at, site.timezone, say),
            "is_overdue": row.group == "overdue",
            "overdue": say_overdue(row, say),
            "age": say_age(row.data_age_min, say),
            "why": say_reason(row, language, known),
            "dry_in": say_dry_in(row.drought or row.spoken, say),
        }

    return render_template(
        "office.html",
        language,
        "/office",
        view=view,
        officer=officer,
        receipt=receipt,
        waiting=say_waiting(view, site, say),
        first_check=next(iter(checks_for(view.waiting["unchecked"], officer)), None) if officer else None,
        rows=[cells(row) for row in view.rows],
        evaluated=evaluated,
        is_old=is_old,
        on_time=say("office.on_time_value", pct=round(100 * good / done), good=good, all=done)
        if done
        else say("office.on_time_none"),
        waterings=[
            (name, render_reason(finding.reason_code, finding.reason_params, language, known))
            for name, finding in view.waterings
            if finding.state != "unplanned"
        ],
        unplanned=[
            (name, say("office.unplanned_rise", **{"when": "?", "rise_pct": "?"} | finding.reason_params))
            for name, finding in view.waterings
            if finding.state == "unplanned"
        ],
        soon_dry=[(name, say_dry_in(finding, say)) for name, finding in view.soon_dry],
        campaigns=[_campaign(one, say) for one in view.campaigns],
        states=[state for state in STATES if state in OPEN_STATES],
        untold=[
            say(
                "office.untold_one",
                when=say_instant(one.at, view.generated_at, site.timezone, say),
                crew=one.crew or say("office.untold_all"),
                channel=one.channel,
                kind=say(f"notice_kind.{one.kind}"),
                state=say(f"notice_state.{one.state}"),
                said=f"{one.code} {one.said}".strip() or "–",
            )
            for one in untold
        ],
    )


def _campaign(standing: Standing, say: Say) -> dict[str, Any]:
    """Return a campaign for the office: where it stands, its conditions, and the command that moves it on."""
    verb = {"ready": "start", "running": "close"}.get(standing.state)
    return {
        "state": standing.state,
        "sentence": say_standing(standing, say),
        "conditions": [(say_condition(one, say), say_measured(one, say)) for one in standing.conditions]
        if standing.state == "ready"
        else [],
        "command": None if verb is None else f"greensward campaign {verb} {standing.campaign_id} --by …",
    }


def say_refusal(code: str, say: Say) -> str:
    """Return the sentence that says why something was refused."""
    return say(f"refused.{code}", otherwise=say("refused.broken"))


def render_refusal(
    code: str,
    language: str,
    *,
    path: str = "/list",
    home: str = "/list",
    is_report: bool = False,
    office_phone: str = "",
) -> str:
    """Return the page that says why something was refused, in words of crews/locale under `refused`.

    path: where the way to the other language leads; "" is the address that was refused
    home: where the way back leads: the list, or the office's table
    is_report: whether somebody has just sent something; it is told where that was not taken and cannot be mended
    office_phone: whom a crew can call; "" shows none
    """
    say = speaker(language)
    return render_template(
        "refused.html",
        language,
        path,
        heading=say("refused.no_entry" if code in _WITHOUT_LIST else "refused.heading"),
        sentence=say_refusal(code, say),
        home=None if code in _WITHOUT_LIST else home,
        is_lost=is_report and code in _WITHOUT_LIST,
        outbox=Outbox(),
        office_phone=office_phone,
    )
