"""`greensward list`: the crews' lists on the terminal, as files, on paper or as JSON, and the signed links to them."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.markup import escape
from rich.padding import Padding

from crews.apply import valid_plots
from crews.crew_list import GROUPS, CrewList, Stop
from crews.export import stop_values, to_csv, to_geojson, to_xlsx
from crews.ledger import Ledger
from crews.links import OFFICE, link_generation, load_keys, make_token, officers, remember_officer, revoke
from crews.lists import all_lists, crews_of, list_of
from crews.page import OLD_EVALUATION
from crews.persons import name_to_sign, person
from crews.probes import plots_to_do, probe_places
from crews.say_campaign import say_cause, say_progress, say_severity
from crews.say_stop import say_action, say_overdue, say_reason, say_result, say_total
from crews.sheet import render_sheets
from crews.words import Say, say_age, say_instant, speaker
from greensward.console import EXIT_OK, EXIT_USAGE, Common, err, examples, out, show
from greensward.crew_names import nearest
from greensward.settings import Settings
from ingest.errors import ConfigError
from ingest.lake.files import read_register

app = App(name="list", help_epilogue=examples("greensward list 一队", "greensward list --links"))

_OFFICE_LINK = "greensward list --office --links"


@app.default
def print_lists(
    crew: Annotated[str | None, Parameter(help="Only this crew's.")] = None,
    *,
    csv: Annotated[bool, Parameter(help="As CSV for a spreadsheet.", negative="")] = False,
    xlsx: Annotated[bool, Parameter(help="As an Excel workbook.", negative="")] = False,
    geojson: Annotated[bool, Parameter(help="As GeoJSON.", negative="")] = False,
    sheet: Annotated[
        bool, Parameter(name="--print", help="As a page to print on A4, with a code per stop.", negative="")
    ] = False,
    out_file: Annotated[Path | None, Parameter(name="--out", help="Write to this file.")] = None,
    lang: Annotated[Literal["zh", "en"], Parameter(help="Language.")] = "zh",
    links: Annotated[bool, Parameter(help="Print a new signed link per crew and for the office.", negative="")] = False,
    revoke_links: Annotated[bool, Parameter(help="Withdraw all links of CREW made so far.", negative="")] = False,
    office: Annotated[bool, Parameter(help="The office's link instead of a crew's.", negative="")] = False,
    by: Annotated[
        str | None,
        Parameter(help="With --office: the link of this person, who acts with it; without, it only reads."),
    ] = None,
    common: Common | None = None,
) -> int:
    """Print what every crew, or one, has to do."""
    common = common or Common()
    settings = common.settings()
    now = settings.now()
    wrong = _misuse(
        crew, is_file=(csv, xlsx, geojson, sheet), out_file=out_file, links=(links, revoke_links), office=office,
        by=by, json=common.json,
    )  # fmt: skip
    if wrong is not None:
        err.print(wrong)
        return EXIT_USAGE
    folder = settings.existing_folder()
    with Ledger(folder.ledger, settings.place()) as ledger:
        plots = valid_plots(read_register(folder, "plots"), now)
        known = crews_of(ledger, plots)
        if revoke_links:
            _revoke(ledger, crew, by, known)
            return EXIT_OK
        if crew is not None and crew not in known:
            raise ConfigError(f"There is no crew {crew!r}; {nearest(crew, known)}{_office_hint(crew)}")
        if links:
            holders = _holders(ledger, crew, by, known, office=office)
            return _links(ledger, settings, holders, now, common)
        truck_litres = settings.web.truck_litres
        lists = (
            [list_of(ledger, crew, plots, now, truck_litres)] if crew else all_lists(ledger, plots, now, truck_litres)
        )
    if csv:
        _write(to_csv(lists, lang).encode(), out_file)
    elif xlsx:
        _write(to_xlsx(lists, lang), out_file)
    elif geojson:
        _write((to_geojson(lists, lang) + "\n").encode(), out_file)
    elif sheet:
        probes = probe_places(read_register(folder, "devices"), plots_to_do(lists), now)
        page = render_sheets(lists, lang, probes=probes, office_phone=settings.web.office_phone, is_alone=True)
        _write(page.encode(), out_file)
    else:
        show(_as_values(lists, lang), as_json=common.json, render=lambda: _print(lists, lang))
    return EXIT_OK


def _misuse(
    crew: str | None,
    *,
    is_file: tuple[bool, ...],
    out_file: Path | None,
    links: tuple[bool, bool],
    office: bool,
    by: str | None,
    json: bool,
) -> str | None:
    """Return what is wrong with options that cannot be meant together; None when they can."""
    wrong = None
    if sum(is_file) + sum(links) > 1 or (json and (any(is_file) or links[1])):
        wrong = (
            "Choose one of --csv, --xlsx, --geojson, --print, --links, --revoke-links; "
            "--json goes with --links or alone."
        )
    elif out_file is not None and not any(is_file):
        wrong = "--out needs --csv, --xlsx, --geojson or --print."
    elif office and crew is not None:
        wrong = f"A crew and --office: name one of them. The office's own link: {_OFFICE_LINK}"
    elif by is not None and not (office and any(links)):
        wrong = (
            f"--by says whose link of the office is meant. Make one: {_OFFICE_LINK} --by NAME. Withdraw that person's: "
            "greensward list --office --revoke-links --by NAME"
        )
    elif office and not any(links):
        wrong = (
            f"--office says whose link is meant, and not what to do with it. Make one: {_OFFICE_LINK}. Withdraw all: "
            "greensward list --office --revoke-links. What all crews have to do: greensward list"
        )
    elif links[1] and crew is None and not office:
        wrong = "Name the crew whose links are to be withdrawn, or give --office."
    return wrong


def _office_hint(crew: str) -> str:
    return f" The office's link: {_OFFICE_LINK}" if crew.casefold() in {"office", "绿化所"} else ""


def _write(content: bytes, file: Path | None) -> None:
    if file is None or str(file) == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return
    try:
        file.write_bytes(content)
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
            "campaigns": [
                {"campaign_id": one.standing.campaign_id, "plots": one.plots, "done": one.done}
                for one in listed.campaigns
            ],
            "stops": [stop_values(listed, stop, language) for stop in listed.stops],
        }
        for listed in lists
    ]


def _print(lists: list[CrewList], language: str) -> None:
    say = speaker(language)
    if not lists:
        out.print(say("page.empty_unknown"))
    for listed in lists:
        evaluated_at = listed.evaluated_at
        age, is_old = say("page.never_evaluated"), True
        if evaluated_at is not None:
            minutes = int((listed.generated_at - evaluated_at).total_seconds() // 60)
            is_old = listed.generated_at - evaluated_at > OLD_EVALUATION
            age = say("page.evaluation_old" if is_old else "page.evaluated", age=say_age(minutes, say))
        total = say_total(listed, say) if listed.to_do or not is_old else say("page.empty_unknown")
        out.print(f"[bold]{escape(listed.crew or say('unassigned'))}[/] · {escape(total)} · {escape(age)}")
        for campaign in listed.campaigns:
            out.print(escape(say_progress(campaign, say)))
        for name in GROUPS:
            group = listed.group(name)
            if group:
                out.print(f"\n[bold]{say(f'group.{name}')} {len(group)}[/]")
            for stop in group:
                _print_stop(listed, stop, say, language)
        out.print()


def _print_stop(listed: CrewList, stop: Stop, say: Say, language: str) -> None:
    """Print one stop over a few lines that wrap by themselves, so that no id, name or number is ever cut."""
    issue = stop.issue
    severity = say_severity(issue.cause, issue.severity, stop.finding.reason_code, say)
    due = say_instant(issue.due_at, listed.generated_at, listed.site.timezone, say)
    facts = [f"{say_cause(issue.cause, stop.finding.reason_params, say)} {severity}", f"{say('card.due')} {due}"]
    if stop.hold == "wait":
        facts[-1] = say("card.wait")
    if stop.group == "overdue":
        facts.append(say_overdue(stop, say))
    facts.append(f"{say('card.data')} {say_age(stop.data_age_min, say)}")
    result = say_result(issue, say)
    lines = [
        f"[bold]{escape(say_action(stop, say))}[/]",
        f"{escape(stop.name)} · {issue.issue_id}",
        escape(" · ".join(facts)),
        escape(say_reason(stop, language)),
        *([f"[italic]{escape(result)}[/]"] if result else []),
    ]
    out.print(f"{stop.seq:>3} {lines[0]}", soft_wrap=False)
    for line in lines[1:]:
        out.print(Padding(line, (0, 0, 0, 4), expand=False), soft_wrap=False)


def public_url(settings: Settings) -> str:
    """Return how browsers reach the pages: the setting, else the address that is listened on."""
    host = settings.web.host
    return settings.web.public_url.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{settings.web.port}"


def _holders(
    ledger: Ledger, crew: str | None, by: str | None, known: list[str], *, office: bool
) -> list[tuple[str, str]]:
    """Return (role, subject) of each link that was asked for. Raises: ConfigError for what is no person's name."""
    if by is not None:
        return [("officer", name_to_sign(by, {*known, *ledger.crews()}))]
    crews = [] if office else [crew] if crew else known
    return [("crew", name) for name in crews] + ([] if crew else [("office", OFFICE)])


def _links(ledger: Ledger, settings: Settings, holders: list[tuple[str, str]], now: datetime, common: Common) -> int:
    """Make a link for each (role, subject)."""
    keys = load_keys(settings.data_folder())
    lasts = timedelta(days=settings.web.link_days)
    made = []
    for role, subject in holders:
        if role == "officer":
            remember_officer(ledger, subject)
        generation = link_generation(ledger, role, subject)
        token = make_token(keys, role, subject, now, lasts, generation=generation)
        url = f"{public_url(settings)}/c/{token}"
        made.append({"role": role, "subject": subject, "url": url, "ends_at": now + lasts})

    def render() -> None:
        for link in made:
            name = {"crew": f"Crew {link['subject']}", "office": "Office", "officer": f"Office, {link['subject']}"}
            out.print(f"{escape(name[str(link['role'])])}\n  {escape(str(link['url']))}")
        err.print(f"The links work for {settings.web.link_days} days. Whoever has one can open the list.")
        if not settings.web.public_url:
            said = "Their address is the one that is listened on; where phones need another, set [web] public_url."
            err.print(escape(said))
        for link in made:
            if link["role"] == "officer":
                err.print(f"What is done with it is done by {escape(str(link['subject']))}: give it to nobody else.")

    show(made, as_json=common.json, render=render)
    return EXIT_OK


def _revoke(ledger: Ledger, crew: str | None, by: str | None, known: list[str]) -> None:
    """Withdraw the links of a crew, or of one person of the office, or of the office and all its people.

    Raises: ConfigError for a person for whom none was made, as that is a slip and the link meant works on; StoreError.
    """
    if by is not None:
        people = officers(ledger)
        if person(by) not in people:
            raise ConfigError(
                f"No link was made for {by!r}, so none is withdrawn; {nearest(person(by), people)} Those of all people "
                "of the office, whatever their names: greensward list --office --revoke-links"
            )
        revoke(ledger, "officer", by)
        name = escape(by)
        err.print(f"All links of {name} made up to now are withdrawn. New one: {_OFFICE_LINK} --by {name}")
        return
    if crew is None:
        revoke(ledger, "office", OFFICE)
        err.print(
            "All links of the office made up to now are withdrawn, those of its people too. "
            f"New ones: {_OFFICE_LINK}, and with --by NAME"
        )
        return
    revoke(ledger, "crew", crew)
    name = escape(crew)
    if crew in known:
        err.print(f"All links of {name} made up to now are withdrawn. New ones: greensward list {name} --links")
    else:
        # A crew that has left may still hold a link; a slip of the finger is to be noticed all the same.
        hint = escape(nearest(crew, known)) if known else ""
        err.print(f"All links of {name} are withdrawn. It is no crew now; {hint}")
