"""`greensward list`: the crews' lists on the terminal, as CSV, GeoJSON or JSON, and the signed links to them."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from crews.apply import valid_plots
from crews.crew_list import GROUPS, CrewList
from crews.export import stop_values, to_csv, to_geojson
from crews.ledger import Ledger
from crews.links import load_keys, make_token, revoke
from crews.lists import all_lists, crews_of, list_of
from crews.page import OLD_EVALUATION
from crews.reasons import render_reason
from crews.say_stop import say_action, say_result, say_total
from crews.words import Say, say_age, say_instant, speaker
from greensward.console import EXIT_OK, EXIT_USAGE, Common, err, out, show
from greensward.settings import Settings
from ingest.errors import ConfigError
from ingest.lake.read import read_register

app = App(name="list", help="The crews' lists: what to do today, where, and with how much water.")


@app.default
def print_lists(
    crew: Annotated[str | None, Parameter(help="Only this crew's.")] = None,
    *,
    csv: Annotated[bool, Parameter(help="As CSV for a spreadsheet.", negative="")] = False,
    geojson: Annotated[bool, Parameter(help="As GeoJSON.", negative="")] = False,
    out_file: Annotated[Path | None, Parameter(name="--out", help="Write to this file.")] = None,
    lang: Annotated[Literal["zh", "en"], Parameter(help="Language.")] = "zh",
    links: Annotated[bool, Parameter(help="Print a new signed link per crew and for the office.", negative="")] = False,
    revoke_links: Annotated[bool, Parameter(help="Withdraw all links of CREW made so far.", negative="")] = False,
    common: Common | None = None,
) -> int:
    """Print what every crew, or one, has to do."""
    common = common or Common()
    settings = common.settings()
    now = settings.now()
    if csv + geojson + common.json + links + revoke_links > 1:
        err.print("Choose one of --csv, --geojson, --json, --links, --revoke-links.")
        return EXIT_USAGE
    folder = settings.data_folder()
    if not folder.root.is_dir():
        raise ConfigError(f"There is no data folder at {folder.root}. Name it with -C, or begin with: greensward demo")
    with Ledger(folder.ledger, settings.place()) as ledger:
        plots = valid_plots(read_register(folder, "plots"), now)
        known = crews_of(ledger, plots)
        if crew is not None and crew not in {*known, "office"}:
            raise ConfigError(f"There is no crew {crew!r}; known are: {', '.join(known) or 'none yet'}.")
        if revoke_links:
            return _revoke(ledger, crew, now)
        if links:
            return _links(settings, [crew] if crew else [*known, "office"], now, common)
        truck_litres = settings.web.truck_litres
        lists = (
            [list_of(ledger, crew, plots, now, truck_litres)] if crew else all_lists(ledger, plots, now, truck_litres)
        )
    if csv or geojson:
        _write(to_csv(lists, lang) if csv else to_geojson(lists, lang) + "\n", out_file)
        return EXIT_OK
    if out_file is not None:
        err.print("--out needs --csv or --geojson.")
        return EXIT_USAGE
    show(_as_values(lists, lang), as_json=common.json, render=lambda: _print(lists, lang))
    return EXIT_OK


def _write(text: str, file: Path | None) -> None:
    if file is None or str(file) == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
        return
    try:
        file.write_bytes(text.encode())
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}.") from error
    err.print(f"Wrote {escape(str(file))}")


def _as_values(lists: list[CrewList], language: str) -> list[dict[str, Any]]:
    return [
        {
            "crew": listed.crew,
            "generated_at": listed.generated_at,
            "evaluated_at": listed.evaluated_at,
            "list_version": listed.version,
            "litres": listed.litres,
            "truck_loads": listed.whole_loads,
            "stops": [stop_values(listed, stop, language) for stop in listed.stops],
        }
        for listed in lists
    ]


def _print(lists: list[CrewList], language: str) -> None:
    say = speaker(language)
    if not lists:
        out.print(say("page.empty"))
    for listed in lists:
        evaluated_at = listed.evaluated_at
        age = say("page.never_evaluated")
        if evaluated_at is not None:
            minutes = int((listed.generated_at - evaluated_at).total_seconds() // 60)
            is_old = listed.generated_at - evaluated_at > OLD_EVALUATION
            age = say("page.evaluation_old" if is_old else "page.evaluated", age=say_age(minutes, say))
        out.print(f"[bold]{escape(listed.crew or say('unassigned'))}[/] · {escape(say_total(listed, say))} · {age}")
        if listed.stops:
            out.print(_table(listed, say, language))
        out.print()


def _table(listed: CrewList, say: Say, language: str) -> Table:
    table = Table(
        "#", say("office.issue"), say("office.cause"), say("office.plot"), say("office.due"), say("card.data")
    )
    for name in GROUPS:
        group = listed.group(name)
        if group:
            table.add_section()
            table.add_row("", f"[bold]{say(f'group.{name}')} {len(group)}[/]", "", "", "", "")
        for stop in group:
            why = render_reason(stop.finding.reason_code, stop.finding.reason_params, language)
            result = say_result(stop, say)
            table.add_row(
                str(stop.seq),
                stop.issue.issue_id,
                f"{say(f'severity.{stop.issue.severity}', otherwise='?')} · [bold]{escape(say_action(stop, say))}[/]\n"
                + escape(why)
                + (f"\n[italic]{escape(result)}[/]" if result else ""),
                escape(stop.name),
                say_instant(stop.issue.due_at, listed.generated_at, listed.site.timezone, say),
                say_age(stop.data_age_min, say),
            )
    return table


def public_url(settings: Settings) -> str:
    """Return how browsers reach the pages: the setting, else the address that is listened on."""
    host = settings.web.host
    return settings.web.public_url.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{settings.web.port}"


def _links(settings: Settings, subjects: list[str], now: datetime, common: Common) -> int:
    keys = load_keys(settings.data_folder())
    lasts = timedelta(days=settings.web.link_days)
    made = [
        {
            "role": "office" if subject == "office" else "crew",
            "subject": subject,
            "url": f"{public_url(settings)}/c/"
            + make_token(keys, "office" if subject == "office" else "crew", subject, now, lasts),
            "ends_at": now + lasts,
        }
        for subject in subjects
    ]

    def render() -> None:
        for link in made:
            out.print(f"{escape(str(link['subject']))}\n  {escape(str(link['url']))}")
        err.print(f"The links work for {settings.web.link_days} days. Whoever has one can open the list.")

    show(made, as_json=common.json, render=render)
    return EXIT_OK


def _revoke(ledger: Ledger, crew: str | None, now: datetime) -> int:
    if crew is None:
        err.print("Name the crew (or office) whose links are to be withdrawn.")
        return EXIT_USAGE
    revoke(ledger, "office" if crew == "office" else "crew", crew, now)
    err.print(
        f"All links of {escape(crew)} made up to now are withdrawn. New ones: greensward list {escape(crew)} --links"
    )
    return EXIT_OK
