"""The pages as HTML: a crew's list, the office's table, a refusal. Values in, text out; no clock of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import jinja2

from crews.actions import CANNOT_DO_REASONS, FALSE_ALARM_REASONS
from crews.card import Form, make_card
from crews.crew_list import GROUPS, CrewList
from crews.issue import OPEN_STATES, STATES
from crews.office import OfficeRow, OfficeView
from crews.reasons import Reasons, render_reason
from crews.say_stop import say_total
from crews.words import say_age, say_instant, speaker
from ingest.site import Site

LANGUAGE_TAGS = {"zh": "zh-CN", "en": "en"}

OLD_EVALUATION = timedelta(hours=26)
"""A day and two hours without an evaluation: the list says that it may be out of date."""

_RECEIVED = frozenset({"done", "cannot_do", "false_alarm", "started"})


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("crews"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, language: str, path: str, **values: Any) -> str:
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
            **values,
        )
    )


def _evaluation(evaluated_at: datetime | None, now: datetime, language: str) -> tuple[str, bool]:
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
    known: Reasons | None = None,
) -> str:
    """Return a crew's page.

    form: makes the hidden fields of a card's forms; None gives a page to read only
    received: (kind of report, issue id) that was just taken, to be acknowledged at the top
    in_wechat: whether WeChat's browser asks, which cannot open maps
    """
    say = speaker(language)
    zone = listed.site.timezone
    evaluated, is_old = _evaluation(listed.evaluated_at, listed.generated_at, language)
    groups = [
        (name, [make_card(listed, stop, say, language, form, known) for stop in listed.group(name)]) for name in GROUPS
    ]
    return _render(
        "list.html",
        language,
        "/list",
        crew=listed.crew or say("unassigned"),
        total=say_total(listed, say),
        made=say("page.made", clock=say_instant(listed.generated_at, listed.generated_at, zone, say)),
        valid_until=say("page.valid_until", clock=say_instant(listed.expires_at, listed.generated_at, zone, say)),
        evaluated=evaluated,
        is_old=is_old,
        groups=[(name, cards) for name, cards in groups if cards],
        is_empty=not listed.to_do,
        received=say(f"received.{received[0]}", issue=received[1]) if received and received[0] in _RECEIVED else None,
        in_wechat=in_wechat,
        cannot_do_reasons=CANNOT_DO_REASONS,
        false_alarm_reasons=FALSE_ALARM_REASONS,
    )


def render_office(view: OfficeView, language: str, site: Site, known: Reasons | None = None) -> str:
    """Return the office's page."""
    say = speaker(language)
    evaluated, is_old = _evaluation(view.evaluated_at, view.generated_at, language)
    good, done = view.on_time

    def cells(row: OfficeRow) -> dict[str, Any]:
        return {
            "issue_id": row.issue.issue_id,
            "severity": min(max(row.issue.severity, 0), 4),
            "cause": say(f"cause.{row.issue.cause}", otherwise=row.issue.cause),
            "name": row.name,
            "unit": row.plot.get("responsible_unit") or say("unknown"),
            "grade": row.plot.get("maintenance_grade") or "–",
            "crew": row.issue.crew or say("unassigned"),
            "state": say(f"state.{row.issue.state}", otherwise=row.issue.state),
            "due": say_instant(row.issue.due_at, view.generated_at, site.timezone, say),
            "is_overdue": row.is_overdue,
            "age": say_age(row.data_age_min, say),
            "why": render_reason(row.finding.reason_code, row.finding.reason_params, language, known),
        }

    return _render(
        "office.html",
        language,
        "/office",
        view=view,
        rows=[cells(row) for row in view.rows],
        evaluated=evaluated,
        is_old=is_old,
        on_time=say("office.on_time_value", pct=round(100 * good / done), good=good, all=done)
        if done
        else say("office.on_time_none"),
        states=[state for state in STATES if state in OPEN_STATES],
    )


def render_refusal(code: str, language: str) -> str:
    """Return the page that says why something was refused, in words of crews/locale under `refused`."""
    say = speaker(language)
    return _render("refused.html", language, "/list", sentence=say(f"refused.{code}", otherwise=say("refused.broken")))
