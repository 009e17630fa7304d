"""`greensward issue`: look at one issue and move it on; every try is kept in the ledger's audit."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.markup import escape

from crews.action import Action
from crews.apply import valid_plots
from crews.crew_list import CrewList
from crews.issue import ActionRefusedError, Event
from crews.issue_page import event_words, say_actor, say_judged_on
from crews.ledger import Ledger
from crews.lists import GRADED_KINDS, crews_of, graded, list_of_one
from crews.perform import perform
from crews.policy import EXPECTED_DEADLINE, read_deadline
from crews.reports import CANNOT_DO_REASONS, FALSE_ALARM_REASONS
from crews.say_campaign import say_cause, say_severity
from crews.say_stop import say_action, say_reason, say_result, say_water_used
from crews.words import say_age, say_instant, speaker
from greensward.commands.list import public_url
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Spoken, err, examples, out, show
from greensward.crew_names import nearest
from greensward.settings import Settings
from ingest.errors import ConfigError
from ingest.lake.files import read_register

app = App(name="issue", help_epilogue=examples("greensward issue assign BC-20260326-0005 二队 --by 王工"))

_Issue = Annotated[str, Parameter(help="Its number, such as BC-20260326-0001.")]
_By = Annotated[str, Parameter(help="Who does this; whoever did the work cannot also check it.")]
_Reason = Annotated[str, Parameter(help="Why, in a sentence.")]
_Note = Annotated[str | None, Parameter(help="Anything else worth keeping.")]
_Until = Annotated[str, Parameter(help="Deadline by the site's clock: '2026-07-05 18:00', or a day, until its end.")]


@app.command(name="show")
def show_issue(issue_id: _Issue, *, common: Spoken | None = None) -> int:
    """Show an issue and everything that happened to it."""
    common = common or Spoken()
    settings = common.settings()
    site, now = settings.place(), settings.now()
    try:
        with Ledger(settings.existing_folder().ledger, site) as ledger:
            plots = valid_plots(read_register(settings.data_folder(), "plots"), now)
            listed = list_of_one(ledger, issue_id, plots, now, settings.web.truck_litres)
            history = ledger.history(issue_id)
    except ActionRefusedError as refusal:
        return _refused(refusal, common.lang)
    show(
        {"issue": listed.stops[0].issue, "events": history},
        as_json=common.json,
        render=lambda: _print_issue(listed, history, public_url(settings), common.lang),
    )
    return EXIT_OK


@app.command
def assign(
    issue_id: _Issue,
    crew: Annotated[str, Parameter(help="The crew that is to do it, as plots or lists name it.")],
    *,
    by: _By,
    new_crew: Annotated[bool, Parameter(help="CREW is in no register yet, and meant.", negative="")] = False,
    seen: Annotated[
        str | None, Parameter(help="What --by saw on site: sends the crew again whose water no probe saw.")
    ] = None,
    note: _Note = None,
    common: Spoken | None = None,
) -> int:
    """Give the issue to a crew; also takes up again what was put off, with a new deadline."""
    action = Action(_new_id(), issue_id, "assigned", by, crew=crew, reason=seen, note=note)
    return _act(common, action, new_crew=new_crew)


@app.command
def report(
    issue_id: _Issue,
    what: Annotated[Literal["started", "done", "cannot_do", "false_alarm"], Parameter(help="What the crew says.")],
    *,
    by: _By,
    reason: Annotated[
        str | None,
        Parameter(
            help=f"For cannot_do: {', '.join(CANNOT_DO_REASONS)}; for false_alarm, as the trouble allows: "
            f"{', '.join(FALSE_ALARM_REASONS)}."
        ),
    ] = None,
    found: Annotated[
        Literal["confirmed", "nothing", "unsure"] | None,
        Parameter(help="For done after an inspection: what was found."),
    ] = None,
    litres: Annotated[float | None, Parameter(help="Water used.")] = None,
    sure: Annotated[bool, Parameter(help="The litres are right, however odd.", negative="")] = False,
    note: _Note = None,
    common: Spoken | None = None,
) -> int:
    """Write down what a crew said by telephone."""
    action = Action(
        _new_id(),
        issue_id,
        what,
        by,
        reason=reason,
        inspection=found,
        water_used_litres=litres,
        water_is_sure=sure,
        note=note,
    )
    return _act(common, action)


@app.command
def close(issue_id: _Issue, *, by: _By, note: _Note = None, common: Spoken | None = None) -> int:
    """Close work that was reported with a photo from after it, after a look at it; sensors close theirs."""
    return _act(common, Action(_new_id(), issue_id, "closed", by, note=note))


@app.command
def void(issue_id: _Issue, *, by: _By, reason: _Reason, note: _Note = None, common: Spoken | None = None) -> int:
    """Call the issue a false alarm."""
    return _act(common, Action(_new_id(), issue_id, "void", by, reason=reason, note=note))


@app.command
def defer(issue_id: _Issue, *, by: _By, reason: _Reason, note: _Note = None, common: Spoken | None = None) -> int:
    """Put the issue off (挂账); `assign` takes it up again."""
    return _act(common, Action(_new_id(), issue_id, "deferred", by, reason=reason, note=note))


@app.command
def extend(
    issue_id: _Issue,
    *,
    until: _Until,
    by: _By,
    reason: _Reason,
    approved_by: Annotated[str | None, Parameter(help="Who approves it, where that is not --by.")] = None,
    note: _Note = None,
    common: Spoken | None = None,
) -> int:
    """Move the deadline (延期); --by is who approves it, or says who does with --approved-by."""
    common = common or Spoken()
    try:
        due_at = read_deadline(until, common.settings().place().timezone)
    except ValueError as error:
        raise ConfigError(f"--until {until!r}: expected {EXPECTED_DEADLINE}.") from error
    action = Action(
        _new_id(), issue_id, "extended", by, reason=reason, due_at=due_at, approved_by=approved_by, note=note
    )
    return _act(common, action)


@app.command(name="look-back")
def look_back(
    issue_id: _Issue,
    found: Annotated[Literal["ok", "reopen"], Parameter(help="Well, or open it again.")],
    *,
    by: Annotated[
        str,
        Parameter(
            help="Who looked again: for ok on a later day than the closing, and not who closed it "
            "(where there is nobody else: with --note)."
        ),
    ],
    reason: Annotated[str | None, Parameter(help="For reopen: what was found.")] = None,
    note: _Note = None,
    common: Spoken | None = None,
) -> int:
    """Write down what a look-back (回头看) found: well, or to be opened again."""
    kind = "looked_back" if found == "ok" else "reopened"
    return _act(common, Action(_new_id(), issue_id, kind, by, reason=reason, note=note))


def _new_id() -> str:
    return uuid.uuid4().hex


def _act(common: Spoken | None, action: Action, *, new_crew: bool = False) -> int:
    common = common or Spoken()
    settings = common.settings()
    site = settings.place()
    try:
        with Ledger(settings.existing_folder().ledger, site) as ledger:
            issue = perform(ledger, _with_register(ledger, settings, action, new_crew=new_crew), settings.now()).issue
    except ActionRefusedError as refusal:
        return _refused(refusal, common.lang)
    say, now = speaker(common.lang), settings.now()
    facts = (
        say(f"state.{issue.state}"),
        f"{say('office.crew')} {issue.crew or say('unassigned')}",
        f"{say('card.due')} {say_instant(issue.due_at, now, site.timezone, say)}",
    )
    said = f"{issue.issue_id}  {' · '.join(facts)}"
    show(issue, as_json=common.json, render=lambda: out.print(escape(said)))
    return EXIT_OK


def _with_register(ledger: Ledger, settings: Settings, action: Action, *, new_crew: bool) -> Action:
    """Return the action with the plot's grade, for a new deadline. Raises: ConfigError for a crew that is not known."""
    if action.kind not in GRADED_KINDS:
        return action
    plots = valid_plots(read_register(settings.data_folder(), "plots"), settings.now())
    known = crews_of(ledger, plots)
    if action.kind == "assigned" and not new_crew and action.crew not in known:
        raise ConfigError(
            f"There is no crew {action.crew!r}; {nearest(str(action.crew), known)} "
            "If it is new, say so with --new-crew. Nothing was changed."
        )
    return graded(ledger, action, plots)


def _refused(refusal: ActionRefusedError, language: str) -> int:
    if language == "zh":
        err.print(escape(speaker(language)(f"refused.{refusal.code}", otherwise="")))
    err.print(escape(str(refusal)))
    return EXIT_FOUND_PROBLEMS


def _print_issue(listed: CrewList, history: list[Event], url: str, language: str) -> None:
    say = speaker(language)
    (stop,) = listed.stops
    issue, site, now = stop.issue, listed.site, listed.generated_at
    out.print(f"[bold]{issue.issue_id}[/] {escape(stop.name)} ({escape(issue.plot_id)})")
    facts = (
        say(f"state.{issue.state}"),
        say_cause(issue.cause, stop.finding.reason_params, say),
        say_severity(issue.cause, issue.severity, stop.finding.reason_code, say),
        f"{say('office.crew')} {issue.crew or say('unassigned')}",
        f"{say('card.due')} {say_instant(issue.due_at, now, site.timezone, say)}",
        f"{say('card.data')} {say_age(stop.data_age_min, say)}",
    )
    out.print(escape(" · ".join(facts)))
    out.print(escape(f"{say_action(stop, say)} · {say_reason(stop, language)}"))
    reported = [words for words in (say_result(issue, say), say_water_used(issue, say)) if words]
    if reported:
        out.print(escape(" · ".join(reported)))
    out.print(escape(say("office.rule", rule=stop.spoken.rule_id, version=stop.spoken.rule_version)))
    out.print(f"{escape(url)}/office/issues/{issue.issue_id}\n")
    for event in history:
        at = f"{event.happened_at.astimezone(site.timezone):%Y-%m-%d %H:%M}"
        what = (say(f"event.{event.kind}", otherwise=event.kind), say_actor(event), *event_words(event, site, now, say))
        out.print(escape(f"{at}  {' · '.join(what)}"))
        if judged_on := say_judged_on(event, site, say, language):
            out.print(escape(f"    {judged_on}"))
        for photo in event.detail.get("photos", ()):
            role = say(f"form.{photo['role']}", otherwise=photo["role"])
            out.print(escape(f"    {role} {url}/photos/{photo['sha256']}"))
