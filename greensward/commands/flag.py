"""`greensward flag`: judge the lake now, or as of a past instant, and bring the crews' lists up to it."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pyarrow as pa
from cyclopts import App, Parameter
from rich.markup import escape
from rich.padding import Padding

from crews.reasons import render_reason
from crews.say_campaign import say_cause, say_severity
from crews.words import Say, speaker
from greensward.commands.flag_plot import explain_plot, known_plot, picture_plot
from greensward.console import EXIT_OK, Common, counted, err, examples, out, progress, show
from greensward.described import describe_lake
from greensward.evaluation import evaluate_and_apply, judge_lake
from greensward.settings import Settings
from greensward.stopping import Stop
from ingest.errors import ConfigError, StoreError
from ingest.site import Site

app = App(
    name="flag", help_epilogue=examples("greensward flag --dry-run --lang en", "greensward flag --explain BC-R1-07")
)


@app.default
def flag(
    *,
    as_of: Annotated[str | None, Parameter(help="Judge a past instant, RFC 3339; writes nothing.")] = None,
    dry_run: Annotated[bool, Parameter(help="Only print; change neither lake nor lists.", negative="")] = False,
    every: Annotated[float | None, Parameter(help="Again every so many minutes, until stopped.")] = None,
    explain: Annotated[
        str | None, Parameter(help="Every number from readings to verdict on one PLOT (id or name); writes nothing.")
    ] = None,
    picture: Annotated[
        str | None, Parameter(help="Draw the last 30 days of one PLOT (id or name) as SVG; writes nothing else.")
    ] = None,
    out_file: Annotated[
        Path | None, Parameter(name=["--out", "-o"], help="File for --picture (default: stdout).")
    ] = None,
    lang: Annotated[Literal["zh", "en"], Parameter(help="zh or en.")] = "zh",
    common: Common | None = None,
) -> int:
    """Judge every plot and print what needs work; or ask about one plot."""
    common = common or Common()
    settings = common.settings()
    settings.existing_folder()
    _check_together(every, explain, picture, out_file)
    if every is not None:
        return _flag_repeatedly(settings, every)
    instant = parse_instant(as_of)
    now, campaigns, at_once = settings.now(), settings.campaign_tables(), settings.flags.readings_at_once
    asked = explain if picture is None else picture
    plot_id = None if asked is None else known_plot(settings, asked, instant or now)
    with progress() as bar:
        task = bar.add_task("flags", total=None)

        def tell(name: str, number: int, total: int) -> None:
            bar.update(task, description=f"flags: {name}", completed=number, total=total)

        if plot_id is not None and picture is None:
            return explain_plot(settings, plot_id, instant or now, lang, tell, as_json=common.json)
        if plot_id is not None:
            return picture_plot(settings, plot_id, instant or now, lang, out_file, tell)
        if as_of is not None or dry_run:
            flags = judge_lake(settings.data_folder(), settings.place(), instant or now, tell, campaigns, at_once)
        else:
            flags = evaluate_and_apply(
                settings.data_folder(), settings.place(), now, now, tell, campaigns, at_once
            ).flags
            _describe(settings)
    rows = flags.to_pylist()
    show(rows, as_json=common.json, render=lambda: print_flags(rows, lang, settings.place()))
    return EXIT_OK


def _check_together(every: float | None, explain: str | None, picture: str | None, out_file: Path | None) -> None:
    if picture is not None and explain is not None:
        raise ConfigError("--explain and --picture: ask for one at a time.")
    if every is not None and (picture is not None or explain is not None):
        one = "--explain" if picture is None else "--picture"
        raise ConfigError(f"{one} does not go with --every: it looks at one instant; see --as-of.")
    if out_file is not None and picture is None:
        raise ConfigError("--out needs --picture PLOT.")


def parse_instant(text: str | None) -> datetime | None:
    """Return the instant in `--as-of`, UTC; None for None. Raises: ConfigError saying how to write one."""
    if text is None:
        return None
    try:
        instant = msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        raise ConfigError(f"--as-of {text!r}: write an instant like 2026-07-02T08:00:00+08:00.") from error
    if instant.tzinfo is None:
        raise ConfigError(f"--as-of {text!r} has no offset: write for example {text}+08:00.")
    return instant.astimezone(UTC)


def _flag_repeatedly(settings: Settings, every_minutes: float) -> int:
    if every_minutes <= 0:
        raise ConfigError(f"--every {every_minutes:g}: write more than 0 minutes.")
    settings.campaign_tables()  # a table that is wrong from the start ends the command
    stop, nothing_to_judge = Stop(), False
    while not stop.is_asked():
        began = time.monotonic()
        now = settings.now()
        try:
            campaigns, at_once = settings.campaign_tables(), settings.flags.readings_at_once
            flags = evaluate_and_apply(
                settings.data_folder(), settings.place(), now, now, campaigns=campaigns, readings_at_once=at_once
            ).flags
            if flags.num_rows or not nothing_to_judge:  # without any plot once is enough
                err.print(f"flags: {summary(flags)} (took {time.monotonic() - began:.1f} s)")
            nothing_to_judge = not flags.num_rows
            _describe(settings)
        except (StoreError, ConfigError) as error:
            err.print(f"flags: not this time, tried again in {every_minutes:g} min: {escape(str(error))}")
        stop.wait(max(every_minutes * 60 - (time.monotonic() - began), 1.0))
    return EXIT_OK


def _describe(settings: Settings) -> None:
    """Keep what analysts open up to date; where that cannot be, the crews' lists are as right as without it."""
    try:
        describe_lake(settings)
    except StoreError as error:
        err.print(f"views for analysts: left as they were, tried again by the next evaluation: {escape(str(error))}")


def summary(flags: pa.Table) -> str:
    """Return how many plots or devices are in each state that needs work; without any plot, what is missing."""
    states = Counter(row["state"] for row in flags.select(["state", "needs_work"]).to_pylist() if row["needs_work"])
    plots = len(set(flags["plot_id"].to_pylist()))
    if not plots:
        return "no plot is in the register: greensward plots import FILE.geojson"
    return f"{counted(plots, 'plot')} · " + (
        " · ".join(f"{n} {state}" for state, n in states.most_common()) or "nothing to do"
    )


def print_flags(rows: list[dict[str, Any]], language: str, site: Site) -> None:
    """Print what needs work, most urgent first, times in the site's own, and a count of all other states."""
    if not rows:
        err.print("No plot was judged: none is in the register for that day. greensward plots import FILE.geojson")
        return
    say = speaker(language)
    for row in sorted(rows, key=lambda row: -(row["priority"] or 0)):
        if row["needs_work"]:
            _print_flag(row, say, language, site)
    rest = Counter(_cause_and_state(row, say) for row in rows if not row["needs_work"])
    if rest:
        listed = " · ".join(f"{what} {count}" for what, count in sorted(rest.items()))
        out.print(escape(say("flags.also", listed=listed)), soft_wrap=False)


def _print_flag(row: dict[str, Any], say: Say, language: str, site: Site) -> None:
    """Print one flag over a few lines that wrap by themselves, so that no id, word or number is ever cut."""
    code, params = row["reason_code"], msgspec.json.decode(row["reason_params_json"])
    facts = [_cause_and_state(row, say), say_severity(row["cause"], row["severity"], code, say)]
    facts += [row["device_id"]] if row["device_id"] else []
    facts += [] if row["litres"] is None else [f"{row['litres']:,.0f} L"]
    data_at = row["data_at"]
    facts += [] if data_at is None else [f"{say('card.data')} {data_at.astimezone(site.timezone):%m-%d %H:%M}"]
    out.print(f"[bold]{escape(row['plot_id'])}[/] · {escape(' · '.join(facts))}", soft_wrap=False)
    out.print(Padding(escape(render_reason(code, params, language)), (0, 0, 0, 4), expand=False), soft_wrap=False)


def _cause_and_state(row: dict[str, Any], say: Say) -> str:
    cause = say_cause(row["cause"], msgspec.json.decode(row["reason_params_json"]), say)
    state = say(f"finding_state.{row['state']}", otherwise=row["state"])
    return state if state.lower().startswith(cause.lower()) else f"{cause} {state}"
