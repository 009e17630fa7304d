"""`greensward campaign`: the campaigns of the year: what may be started, what runs, how far the crews have come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.markup import escape

from crews.campaign import Standing
from crews.campaign_journal import close_campaign, start_campaign
from crews.issue import ActionRefusedError
from crews.ledger import Ledger
from crews.say_campaign import say_condition, say_measured, say_standing
from crews.words import Say, speaker
from greensward.commands.flag import parse_instant
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, err, examples, out, show
from greensward.evaluation import export_events, standings_at
from greensward.settings import Settings

app = App(name="campaign", help_epilogue=examples("greensward campaign start greenup_water --by 王工"))

_Campaign = Annotated[str, Parameter(help="Its id, as `greensward campaign list` names it.")]
_By = Annotated[str, Parameter(help="Who does this.")]
_Note = Annotated[str | None, Parameter(help="Anything worth keeping.")]
_AsOf = Annotated[str | None, Parameter(help="As of a past instant, RFC 3339.")]
_Lang = Annotated[Literal["zh", "en"], Parameter(help="Language.")]


_Change = Callable[[Ledger, Standing, str, datetime, str | None], None]


@app.command(name="list")
def list_campaigns(*, as_of: _AsOf = None, lang: _Lang = "zh", common: Common | None = None) -> int:
    """List every campaign, where it stands, and which may be started."""
    common = common or Common()
    standings = _standings(common.settings(), as_of)

    def render() -> None:
        for standing in standings:
            out.print(f"[bold]{standing.campaign_id}[/]  {escape(say_standing(standing, speaker(lang)))}")

    show(standings, as_json=common.json, render=render)
    return EXIT_OK


@app.command
def status(campaign_id: _Campaign, *, as_of: _AsOf = None, lang: _Lang = "zh", common: Common | None = None) -> int:
    """Show one campaign with every condition of its start, asked and measured."""
    common = common or Common()
    standing = _standing(common.settings(), campaign_id, as_of)
    show(standing, as_json=common.json, render=lambda: _print(standing, speaker(lang)))
    return EXIT_OK


@app.command
def start(
    campaign_id: _Campaign, *, by: _By, note: _Note = None, lang: _Lang = "zh", common: Common | None = None
) -> int:
    """Start a campaign: from the next evaluation on every plot of its list is due on the crews' lists."""
    return _record(common, campaign_id, start_campaign, by, note, lang)


@app.command
def close(
    campaign_id: _Campaign, *, by: _By, note: _Note = None, lang: _Lang = "zh", common: Common | None = None
) -> int:
    """Close a campaign: what was reported done counts as checked, what was not leaves the lists."""
    return _record(common, campaign_id, close_campaign, by, note, lang)


def _standings(settings: Settings, as_of: str | None) -> list[Standing]:
    instant = parse_instant(as_of) or settings.now()
    return standings_at(settings.existing_folder(), settings.place(), instant, settings.campaign_tables())


def _standing(settings: Settings, campaign_id: str, as_of: str | None = None) -> Standing:
    settings.campaign_tables().row(campaign_id)
    return next(one for one in _standings(settings, as_of) if one.campaign_id == campaign_id)


def _record(common: Common | None, campaign_id: str, what: _Change, by: str, note: str | None, lang: str) -> int:
    common = common or Common()
    settings = common.settings()
    before = _standing(settings, campaign_id)
    folder, site = settings.existing_folder(), settings.place()
    try:
        with Ledger(folder.ledger, site) as ledger:
            what(ledger, before, by, settings.now(), note)
            export_events(folder, site, ledger)
    except ActionRefusedError as refusal:
        err.print(escape(str(refusal)))
        return EXIT_FOUND_PROBLEMS
    if before.state == "not_started" and what is start_campaign:
        err.print("Its conditions have not been met yet; it was started all the same. See: greensward campaign status")
    after = _standing(settings, campaign_id)
    show(after, as_json=common.json, render=lambda: _print(after, speaker(lang)))
    err.print("The crews' lists follow at the next evaluation: greensward flag")
    return EXIT_OK


def _print(standing: Standing, say: Say) -> None:
    out.print(f"[bold]{standing.campaign_id}[/]  {escape(say_standing(standing, say))}")
    for condition in standing.conditions:
        mark = "✓" if condition.is_complete else "?" if not condition.is_measured else "✗"
        out.print(escape(f"  {mark} {say_condition(condition, say)} · {say_measured(condition, say)}"))
