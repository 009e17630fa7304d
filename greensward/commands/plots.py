"""`greensward plots`: the register of plots, from GeoJSON files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from greensward.commands.register_output import changes_line, instant, local, print_findings, read_file, say
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, out, show
from ingest.registers.datum import Datum
from ingest.registers.plots import PlotCheck
from ingest.registers.store import PlotImport, import_plots, read_rows
from ingest.registers.validity import holds_at

app = App(name="plots", help="The register of plots: import, check, list.")

_File = Annotated[Path, Parameter(help="GeoJSON FeatureCollection, WGS 84; - reads standard input.")]
_Datum = Annotated[
    Datum | None,
    Parameter(help="What the coordinates are in: gcj02 (drawn on Amap or Tencent), bd09 (Baidu), wgs84."),
]
_ValidFrom = Annotated[
    str | None, Parameter(help="From when the plots hold, such as 2026-06-01; without it: from now.")
]
_Replace = Annotated[bool, Parameter(help="Close the plots that the file does not name.", negative="")]
_SkipFaulty = Annotated[bool, Parameter(help="Take the plots without faults, name the others.", negative="")]


@app.command(name="import")
def import_(
    file: _File,
    *,
    datum: _Datum = None,
    valid_from: _ValidFrom = None,
    replace: _Replace = False,
    skip_faulty: _SkipFaulty = False,
    common: Common | None = None,
) -> int:
    """Put the plots of a GeoJSON file into the register; with any fault in it nothing is changed."""
    options = _Options(datum, valid_from, replace, skip_faulty)
    return _run(file, options, common or Common(), write=True)


@app.command
def check(
    file: _File,
    *,
    datum: _Datum = None,
    valid_from: _ValidFrom = None,
    replace: _Replace = False,
    common: Common | None = None,
) -> int:
    """Say everything that is wrong with a GeoJSON file, and what an import would change; changes nothing."""
    options = _Options(datum, valid_from, replace, skip_faulty=False)
    return _run(file, options, common or Common(), write=False)


@app.command(name="list")
def list_(
    *,
    history: Annotated[bool, Parameter(help="Also the rows that hold no longer.", negative="")] = False,
    common: Common | None = None,
) -> int:
    """List the plots of the register as they are now."""
    common = common or Common()
    now = datetime.now(UTC)
    settings = common.settings()
    zone = settings.place().timezone
    rows = [row for row in read_rows(settings.existing_folder(), "plots") if history or holds_at(row, now)]
    plain = [{name: value for name, value in row.items() if name != "geometry"} for row in rows]
    show({"plots": plain}, as_json=common.json, render=lambda: _print_plots(plain, zone))
    return EXIT_OK


@dataclass(frozen=True, slots=True)
class _Options:
    datum: Datum | None
    valid_from: str | None
    replace: bool
    skip_faulty: bool


def _run(file: Path, options: _Options, common: Common, *, write: bool) -> int:
    settings = common.settings()
    site = settings.place()
    done = import_plots(
        settings.data_folder(),
        read_file(file),
        site=site,
        now=datetime.now(UTC),
        valid_from=instant(options.valid_from, "--valid-from", site.timezone),
        datum=options.datum,
        replace=options.replace,
        skip_faulty=options.skip_faulty,
        write=write,
    )
    show(_as_json(done), as_json=common.json, render=lambda: _print_import(done, write=write))
    return EXIT_FOUND_PROBLEMS if done.check.faults else EXIT_OK


def _as_json(done: PlotImport) -> dict[str, Any]:
    changes = done.changes
    return {
        "written": done.written,
        "features": done.check.features,
        "faulty": _faulty(done.check),
        "datum": {"verdict": done.check.datum.verdict, "plots_compared": len(done.check.datum.per_plot)},
        "findings": done.check.findings,
        "register_version": changes.version if changes else None,
        "added": changes.added if changes else (),
        "changed": changes.changed if changes else (),
        "unchanged": changes.unchanged if changes else (),
        "closed": changes.closed if changes else (),
    }


def _faulty(check: PlotCheck) -> int:
    return len(
        {finding.number for finding in check.findings if finding.severity == "fault" and finding.number is not None}
    )


def _print_import(done: PlotImport, *, write: bool) -> None:
    check, changes = done.check, done.changes
    if check.findings:
        print_findings(check.findings, "feature")
    say(f"{check.features} features, {_faulty(check)} with faults. {_datum_line(check)}")
    if changes is None:
        say("Nothing was changed." if write else "An import would change nothing before the faults are mended.")
        if write and check.plots:
            say(f"--skip-faulty imports the {len(check.plots)} plots without faults.")
    else:
        counts = (
            ("new", changes.added),
            ("changed", changes.changed),
            ("unchanged", changes.unchanged),
            ("closed", changes.closed),
        )
        say(changes_line("plots", counts, written=done.written, would=not write, version=changes.version))


def _datum_line(check: PlotCheck) -> str:
    evidence = check.datum
    if evidence.verdict == "unknown":
        return "Datum not verified: no device position and no earlier outline to compare with."
    fitting = evidence.counts.get("fits", 0)
    return f"Datum: {fitting} of {len(evidence.per_plot)} plots that can be compared lie where they should."


def _print_plots(rows: list[dict[str, Any]], zone: ZoneInfo) -> None:
    if not rows:
        say("No plots yet. Import them: greensward plots import FILE.geojson (how to write it: docs/plots.md).")
        return
    table = Table("Plot", "Name", "Grade", "Vegetation", "m²", "Crew", "From", "Until")
    for row in rows:
        cells = (
            row["plot_id"],
            row["name"],
            row["maintenance_grade"],
            row["vegetation"],
            f"{row['area_m2']:,.0f}",
            row["crew"] or "",
            local(row["valid_from"], zone),
            local(row["valid_to"], zone),
        )
        table.add_row(*(escape(str(cell)) for cell in cells))
    out.print(table)
    say(f"{len(rows)} rows.")
