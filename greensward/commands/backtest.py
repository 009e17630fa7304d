"""`greensward backtest`: what would have been flagged over a past window, and how right it was."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape

from crews.ledger import Ledger
from greensward.backtest.judge import judge_past
from greensward.backtest.plan import Plan, check_has_data, make_plan
from greensward.backtest.report import PAGES, render_report
from greensward.backtest.rows import Rows
from greensward.backtest.summary import Summary, summarise
from greensward.backtest.tally import Tally
from greensward.commands.flag_plot import choose_plot
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, counted, err, examples, out, progress, show
from greensward.settings import Settings
from ingest.errors import ConfigError
from ingest.lake.files import read_register

app = App(name="backtest", help_epilogue=examples("greensward backtest --from 2026-03-26 --to 2026-03-28 -o backtest"))


@app.default
def backtest(
    *,
    from_: Annotated[str, Parameter(name="--from", help="First local day, 2026-06-01.")],
    to: Annotated[str, Parameter(help="Last local day, included.")],
    out_dir: Annotated[Path, Parameter(name=["--out", "-o"], help="Folder for the report: new, or empty.")],
    plot: Annotated[
        tuple[str, ...], Parameter(help="Tell of these plots only (id or name; again for more).", negative="")
    ] = (),
    every: Annotated[str, Parameter(help="Time between evaluations: 1d, 6h.")] = "1d",
    at: Annotated[str, Parameter(help="Time of day of the first evaluation, by the site's clock.")] = "07:00",
    known_then: Annotated[
        bool, Parameter(help="Count only readings that had arrived by each instant.", negative="")
    ] = False,
    common: Common | None = None,
) -> int:
    """Judge each day as the product would have, and write index.html, backtest.csv, backtest.parquet, summary.json.

    Every reading measured up to an instant counts, whenever it arrived, as in any evaluation; --known-then leaves out
    what came later. Exit code 1 when a frozen day was flagged, which must never be.
    """
    common = common or Common()
    settings = common.settings()
    folder = settings.existing_folder()
    plan = make_plan(from_, to, every, at, settings.now(), settings.place())
    check_has_data(plan, folder)
    names = _names(settings)
    wanted = frozenset(choose_plot(one, names) for one in plot) if plot else None
    _check_target(out_dir)
    part = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}.", dir=out_dir.absolute().parent))
    done = False
    try:
        summary = _run(settings, plan, part, wanted, names, known_then=known_then)
        part.chmod(0o755)
        part.rename(out_dir)
        done = True
    finally:
        if not done:
            shutil.rmtree(part, ignore_errors=True)
    show(summary, as_json=common.json, render=lambda: _print(summary, out_dir))
    return EXIT_FOUND_PROBLEMS if summary.frozen_days_flagged else EXIT_OK


def _run(
    settings: Settings,
    plan: Plan,
    target: Path,
    wanted: frozenset[str] | None,
    names: dict[str, dict[str, Any]],
    *,
    known_then: bool,
) -> Summary:
    site, campaigns = settings.place(), settings.campaign_tables()
    tally = Tally(site, plan.first, (plan.last - plan.first).days + 1)
    with (
        progress() as bar,
        tempfile.TemporaryDirectory(prefix="greensward-backtest-") as scratch,
        Ledger(Path(scratch) / "ledger.sqlite", site) as ledger,
        Rows(target, site) as rows,
    ):
        task = bar.add_task("backtest", total=len(plan.instants))
        judged_days = judge_past(
            settings.data_folder(),
            site,
            plan.instants,
            ledger,
            known_then=known_then,
            wanted=wanted,
            tell=lambda number: bar.update(task, completed=number),
            campaigns=campaigns,
            readings_at_once=settings.flags.readings_at_once,
        )
        for judged in judged_days:
            tally.add(judged)
            rows.write(judged)
    if not tally.plots:
        raise ConfigError(f"No plot is in the register from {plan.first} to {plan.last}: nothing to judge.")
    summary = summarise(tally)
    called = {plot_id: str(row.get("name") or "") for plot_id, row in names.items()}
    for language, name in PAGES.items():
        page = render_report(tally, summary, called, plan.every, language, known_then=known_then)
        (target / name).write_text(page, encoding="utf-8")
    (target / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2))
    return summary


def _names(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the newest row of every plot that ever was in the register."""
    rows = read_register(settings.data_folder(), "plots").to_pylist()
    return {row["plot_id"]: row for row in sorted(rows, key=lambda row: row["valid_from"])}


def _check_target(out_dir: Path) -> None:
    """Raise ConfigError unless `out_dir` is an empty folder, or could be made."""
    if out_dir.is_dir():
        if any(out_dir.iterdir()):
            raise ConfigError(f"--out {out_dir}: the folder is not empty. Name a new one; nothing is overwritten.")
    elif out_dir.exists():
        raise ConfigError(f"--out {out_dir}: is a file. Name a folder.")
    elif not out_dir.absolute().parent.is_dir():
        raise ConfigError(f"--out {out_dir}: there is no folder {out_dir.absolute().parent}.")


def _print(summary: Summary, out_dir: Path) -> None:
    out.print(
        f"{counted(summary.evaluations, 'evaluation')} of {counted(summary.plots, 'plot')}, "
        f"{summary.first} to {summary.last}: "
        f"{summary.opened} opened, {summary.closed} closed, {summary.reopened} opened again within 72 h; "
        f"{100 * summary.unknown_share:.1f} % unknown; {summary.frozen_days_flagged} of {summary.frozen_days} frozen "
        "days flagged."
    )
    if summary.forecast_median_error_d is not None:
        out.print(
            f"Days until dry: median error {summary.forecast_median_error_d:g} d over {summary.forecasts_checked} of "
            f"{summary.forecasts} forecasts."
        )
    err.print(f"Wrote {escape(str(out_dir / PAGES['zh']))} and {PAGES['en']}, backtest.csv, backtest.parquet")
