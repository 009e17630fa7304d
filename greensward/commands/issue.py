"""`greensward issue`: look at one issue and move it on; every try is kept in the ledger's audit."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape

from crews.actions import Action, perform
from crews.issue import ActionRefusedError, Event, Issue
from crews.ledger import Ledger
from crews.reasons import render_reason
from crews.words import say_instant, speaker
from greensward.commands.register_output import instant
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, err, out, show
from ingest.site import Site

app = App(name="issue", help="One issue: show, assign, report, check, close, put off, look back.")

_By = Annotated[str, Parameter(help="Who does this; whoever did the work cannot also check it.")]
_Reason = Annotated[str, Parameter(help="Why, in a sentence.")]
_Note = Annotated[str | None, Parameter(help="Anything else worth keeping.")]
_Until = Annotated[str, Parameter(help="New deadline, such as '2026-07-05 18:00' by the site's clock.")]


@app.command(name="show")
def show_issue(issue_id: str, *, common: Common | None = None) -> int:
    """Show an issue and everything that happened to it."""
    common = common or Common()
    settings = common.settings()
    site = settings.place()
    try:
        with Ledger(settings.data_folder().ledger, site) as ledger:
            issue, history = ledger.issue(issue_id), ledger.history(issue_id)
    except ActionRefusedError as refusal:
        return _refused(refusal)
    show(
        {"issue": issue, "events": history},
        as_json=common.json,
        render=lambda: _print_issue(issue, history, site, settings.now()),
    )
    return EXIT_OK


@app.command
def assign(issue_id: str, crew: str, *, by: _By, note: _Note = None, common: Common | None = None) -> int:
    """Give the issue to a crew; also takes up again what was put off."""
    return _act(common, Action(_new_id(), issue_id, "assigned", by, crew=crew, note=note))


@app.command
def report(
    issue_id: str,
    what: Literal["started", "done", "cannot_do", "false_alarm"],
    *,
    by: _By,
    reason: Annotated[
        str | None, Parameter(help="For cannot_do and false_alarm: a code such as no_water or wet.")
    ] = None,
    litres: Annotated[float | None, Parameter(help="Water used.")] = None,
    note: _Note = None,
    common: Common | None = None,
) -> int:
    """Write down what a crew said by telephone."""
    action = Action(_new_id(), issue_id, what, by, reason=reason, water_used_litres=litres, note=note)
    return _act(common, action)


@app.command
def close(issue_id: str, *, by: _By, note: _Note = None, common: Common | None = None) -> int:
    """Close work that was reported with a photo, after looking at the photo; sensors close theirs by themselves."""
    return _act(common, Action(_new_id(), issue_id, "closed", by, note=note))


@app.command
def void(issue_id: str, *, by: _By, reason: _Reason, note: _Note = None, common: Common | None = None) -> int:
    """Call the issue a false alarm."""
    return _act(common, Action(_new_id(), issue_id, "void", by, reason=reason, note=note))


@app.command
def defer(issue_id: str, *, by: _By, reason: _Reason, note: _Note = None, common: Common | None = None) -> int:
    """Put the issue off (挂账); `assign` takes it up again."""
    return _act(common, Action(_new_id(), issue_id, "deferred", by, reason=reason, note=note))


@app.command
def extend(
    issue_id: str, *, until: _Until, by: _By, reason: _Reason, note: _Note = None, common: Common | None = None
) -> int:
    """Move the deadline (延期); --by is who approves it."""
    common = common or Common()
    due_at = instant(until, "--until", common.settings().place().timezone)
    return _act(common, Action(_new_id(), issue_id, "extended", by, reason=reason, due_at=due_at, note=note))


@app.command(name="look-back")
def look_back(
    issue_id: str,
    found: Literal["ok", "reopen"],
    *,
    by: _By,
    reason: Annotated[str | None, Parameter(help="For reopen: what was found.")] = None,
    note: _Note = None,
    common: Common | None = None,
) -> int:
    """Write down what a look-back (回头看) found: well, or to be opened again."""
    kind = "looked_back" if found == "ok" else "reopened"
    return _act(common, Action(_new_id(), issue_id, kind, by, reason=reason, note=note))


def _new_id() -> str:
    return uuid.uuid4().hex


def _act(common: Common | None, action: Action) -> int:
    common = common or Common()
    settings = common.settings()
    site = settings.place()
    try:
        with Ledger(settings.data_folder().ledger, site) as ledger:
            issue = perform(ledger, action, settings.now()).issue
    except ActionRefusedError as refusal:
        return _refused(refusal)
    say = speaker("en")
    show(
        issue,
        as_json=common.json,
        render=lambda: out.print(
            escape(
                f"{issue.issue_id}: {say(f'state.{issue.state}')}"
                f" · crew {issue.crew or 'none'} · due {_clock(issue.due_at, site)}"
            )
        ),
    )
    return EXIT_OK


def _refused(refusal: ActionRefusedError) -> int:
    err.print(escape(str(refusal)))
    return EXIT_FOUND_PROBLEMS


def _clock(moment: datetime, site: Site) -> str:
    return f"{moment.astimezone(site.timezone):%Y-%m-%d %H:%M}"


def _print_issue(issue: Issue, history: list[Event], site: Site, now: datetime) -> None:
    say = speaker("en")
    finding = issue.finding
    out.print(f"[bold]{issue.issue_id}[/] {escape(issue.plot_name or issue.plot_id)} ({escape(issue.plot_id)})")
    facts = (
        say(f"state.{issue.state}"),
        say(f"cause.{issue.cause}", otherwise=issue.cause),
        say(f"severity.{issue.severity}", otherwise=str(issue.severity)),
        f"crew {issue.crew or 'none'}",
        f"due {say_instant(issue.due_at, now, site.timezone, say)}",
    )
    out.print(escape(" · ".join(facts)))
    for language in ("zh", "en"):
        out.print(escape(render_reason(finding["reason_code"], finding["reason_params"], language)))
    out.print(f"rule {escape(finding['rule_id'])} version {escape(finding['rule_version'])}\n")
    for event in history:
        detail = {name: value for name, value in event.detail.items() if name != "finding" and value not in (None, [])}
        text = json.dumps(msgspec.to_builtins(detail), ensure_ascii=False) if detail else ""
        out.print(f"{_clock(event.happened_at, site)}  {event.kind:<12} {escape(event.actor)}  {escape(text)}")
