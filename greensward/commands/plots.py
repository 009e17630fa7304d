"""`greensward plots`: the register of plots, from GeoJSON files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from rich.markup import escape

from greensward.commands.register_output import changes_line, id_column, instant, local, print_findings, read_file, say
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, Listing, counted, examples, print_table, show
from ingest.registers.datum import Datum
from ingest.registers.plots import PlotCheck
from ingest.registers.store import PlotImport, import_plots, read_rows
from ingest.registers.validity import holds_at
from sql.reference import reference_rows

app = App(
    name="plots",
    help_epilogue=examples(
        "greensward plots check plots.geojson", "greensward plots import plots.geojson --valid-from 2026-03-01"
    ),
)

_File = Annotated[
    Path,
    Parameter(help="GeoJSON FeatureCollection, WGS 84; - reads standard input.", allow_leading_hyphen=True),
]
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
    settings = common.settings()
    now, zone = settings.now(), settings.place().timezone
    every = read_rows(settings.existing_folder(), "plots")
    rows = [row for row in every if history or holds_at(row, now)]
    plain = [{name: value for name, value in row.items() if name != "geometry"} for row in rows]
    show({"plots": plain}, as_json=common.json, render=lambda: _print_plots(plain, len(every), zone))
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
    now = settings.now()
    begins = instant(options.valid_from, "--valid-from", site.timezone)
    done = import_plots(
        settings.data_folder(),
        read_file(file),
        site=site,
        now=now,
        valid_from=begins,
        datum=options.datum,
        replace=options.replace,
        skip_faulty=options.skip_faulty,
        write=write,
        textures=_textures(),
    )

    def render() -> None:
        _print_import(done, write=write)
        changes = done.changes
        is_first = changes and changes.added and not (changes.changed or changes.unchanged or changes.closed)
        if is_first and begins is None:
            say(
                f"What was measured before {local(now, site.timezone)} is not judged. To begin earlier, "
                "import the file with --valid-from DAY, the day of the first readings."
            )

    show(_as_json(done), as_json=common.json, render=render)
    return EXIT_FOUND_PROBLEMS if done.check.faults else EXIT_OK


def _textures() -> dict[str, dict[str, float]]:
    """Return what the rules put in where a plot has a texture and lacks the laboratory's value."""
    columns = ("field_capacity", "wilting_point")
    return {
        row["texture_key"]: {column: float(row[column]) for column in columns}
        for row in reference_rows("soil_textures")
    }


def _as_json(done: PlotImport) -> dict[str, Any]:
    changes = done.changes
    return {
        "written": done.written,
        "features": done.check.features,
        "faulty": _faulty(done.check),
        "datum": {"verdict": done.check.datum.verdict, "plots_compared": done.check.datum.compared},
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
    say(f"{counted(check.features, 'feature')}, {_faulty(check)} with faults. {_datum_line(check)}")
    if changes is None:
        say("Nothing was changed." if write else "An import would change nothing before the faults are mended.")
        if write and check.plots:
            say(f"--skip-faulty imports the {counted(len(check.plots), 'plot')} without faults.")
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
    if not evidence.compared:
        lie = f"{counted(evidence.unmoved, 'plot')} {'lies' if evidence.unmoved == 1 else 'lie'}"
        same = f" ({lie} exactly as before, which tells nothing)" if evidence.unmoved else ""
        return f"Datum not verified: no device position and no other outline to compare with{same}."
    line = f"{evidence.fitting} of {counted(evidence.compared, 'plot')} with something to compare with in place"
    return f"Datum: {line}." if evidence.fitting else f"Datum not verified: {line}."


def _print_plots(rows: list[dict[str, Any]], every: int, zone: ZoneInfo) -> None:
    if not rows and every:
        say(f"No plot holds now; the register has {counted(every, 'row')} of other times: --history.")
        return
    if not rows:
        say("No plots yet. Import them: greensward plots import FILE.geojson (how to write it: docs/plots.md).")
        return
    table = Listing(id_column("Plot", rows, "plot_id"), "Name", "Grade", "Vegetation", "m²", "Crew", "From", "Until")
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
    print_table(table)
    say(f"{counted(len(rows), 'row')}.")
