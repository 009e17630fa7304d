"""`greensward device`: the register of devices, which model stands in which plot, how deep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from rich.markup import escape

from greensward.commands.device_check import check
from greensward.commands.device_models import models
from greensward.commands.register_output import changes_line, id_column, instant, local, print_findings, read_file, say
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, Listing, counted, examples, print_table, show
from ingest.errors import ConfigError
from ingest.registers.datum import Datum
from ingest.registers.device_command import added, bound
from ingest.registers.device_unknown import unknown_devices
from ingest.registers.findings import Finding
from ingest.registers.store import DeviceImport, import_devices, locked_registers, read_rows, write_devices
from ingest.registers.validity import Row, holds_at

app = App(
    name="device",
    help_epilogue=examples(
        "greensward device import devices.csv",
        "greensward device check uplink.json",
        "greensward device tail gs-01",
        "greensward device accept gs-01 --interval 600",
    ),
)
app.command(models)
app.command(check)
# By name: what they load, other commands do without.
app.command("greensward.commands.device_tail:tail", name="tail")
app.command("greensward.commands.device_accept:accept", name="accept")

_Device = Annotated[str, Parameter(help="As the device writes it on its topic; a DevEUI in any spelling.")]
_Depth = Annotated[
    str | None,
    Parameter(name="--depth", help="Depth of each sensing element in cm, in their order, such as 10,30."),
]
_From = Annotated[
    str | None, Parameter(name="--from", help="From when it holds, such as 2026-06-01; without it: from now.")
]
_Lon = Annotated[float | None, Parameter(help="Longitude, WGS 84.")]
_Lat = Annotated[float | None, Parameter(help="Latitude, WGS 84.")]


@app.command
def add(
    device_id: _Device,
    *,
    model: Annotated[str | None, Parameter(help="vendor/model, such as dragino/lse01.")] = None,
    plot: Annotated[str | None, Parameter(help="The plot it stands in.")] = None,
    depth: _Depth = None,
    interval: Annotated[float | None, Parameter(help="Seconds between reports.")] = None,
    lon: _Lon = None,
    lat: _Lat = None,
    wind_height: Annotated[
        float | None, Parameter(help="Of a weather station: metres of its wind sensor above the ground.")
    ] = None,
    elevation: Annotated[float | None, Parameter(help="Of a weather station: metres above the sea.")] = None,
    note: Annotated[str | None, Parameter(help="Anything worth keeping.")] = None,
    from_: _From = None,
    common: Common | None = None,
) -> int:
    """Register a new device."""
    cells = {
        "device_id": device_id,
        "model": model,
        "plot_id": plot,
        "depths_cm": depth,
        "report_interval_s": interval,
        "lon": lon,
        "lat": lat,
        "wind_height_m": wind_height,
        "elevation_m": elevation,
        "note": note,
        "valid_from": from_,
    }
    common = common or Common()
    settings = common.settings()
    folder, site = settings.data_folder(), settings.place()
    with locked_registers(folder):
        rows, row, warnings = added(
            read_rows(folder, "devices"), read_rows(folder, "plots"), cells, site, settings.now()
        )
        write_devices(folder, rows)
    show(
        {"device": row, "findings": warnings},
        as_json=common.json,
        render=lambda: _print_row("Added", row, warnings, site.timezone),
    )
    return EXIT_OK


@app.command
def bind(
    device_id: _Device,
    plot_id: Annotated[str, Parameter(help="The plot, as `greensward plots list` names it.")],
    *,
    depth: _Depth = None,
    lon: _Lon = None,
    lat: _Lat = None,
    from_: _From = None,
    common: Common | None = None,
) -> int:
    """Say in which plot a device stands from now (or --from) on; what was before keeps its place in history."""
    cells = {
        "device_id": device_id,
        "plot_id": plot_id,
        "depths_cm": depth,
        "lon": lon,
        "lat": lat,
        "valid_from": from_,
    }
    common = common or Common()
    settings = common.settings()
    folder, site = settings.data_folder(), settings.place()
    with locked_registers(folder):
        rows, row, warnings = bound(
            read_rows(folder, "devices"), read_rows(folder, "plots"), cells, site, settings.now()
        )
        write_devices(folder, rows)
    show(
        {"device": row, "findings": warnings},
        as_json=common.json,
        render=lambda: _print_row("Bound", row, warnings, site.timezone),
    )
    return EXIT_OK


@app.command(name="import")
def import_(
    file: Annotated[
        Path,
        Parameter(help="CSV with a line per device and period; - reads standard input.", allow_leading_hyphen=True),
    ],
    *,
    datum: Annotated[
        Datum, Parameter(help="What lon and lat are in: wgs84, gcj02 (Amap, Tencent), bd09 (Baidu).")
    ] = "wgs84",
    valid_from: Annotated[str | None, Parameter(help="When lines without valid_from begin; without it: now.")] = None,
    skip_faulty: Annotated[
        bool, Parameter(help="Take the devices without faults, name the others.", negative="")
    ] = False,
    dry_run: Annotated[bool, Parameter(help="Only say what is wrong and what would change.", negative="")] = False,
    common: Common | None = None,
) -> int:
    """Put the devices of a CSV file into the register; with any fault in it nothing is changed."""
    common = common or Common()
    settings = common.settings()
    site = settings.place()
    done = import_devices(
        settings.data_folder(),
        read_file(file),
        site=site,
        now=settings.now(),
        valid_from=instant(valid_from, "--valid-from", site.timezone),
        datum=datum,
        skip_faulty=skip_faulty,
        write=not dry_run,
    )
    changes = done.changes
    result = {
        "written": done.written,
        "lines": done.check.lines,
        "findings": done.check.findings,
        "register_version": changes.version if changes else None,
        "added": changes.added if changes else (),
        "changed": changes.changed if changes else (),
        "unchanged": changes.unchanged if changes else (),
    }
    show(result, as_json=common.json, render=lambda: _print_import(done, dry_run=dry_run))
    return EXIT_FOUND_PROBLEMS if done.check.faults else EXIT_OK


@app.command(name="list")
def list_(
    *,
    unknown: Annotated[bool, Parameter(help="Devices that send and are not in the register.", negative="")] = False,
    history: Annotated[bool, Parameter(help="Also the rows that hold no longer.", negative="")] = False,
    common: Common | None = None,
) -> int:
    """List the devices of the register as they are now, or those that send without being in it."""
    common = common or Common()
    settings = common.settings()
    folder = settings.existing_folder()
    if unknown:
        if history:
            raise ConfigError("--unknown and --history exclude each other: an unknown device has no history.")
        found = unknown_devices(folder, settings.place())
        show(
            {"unknown_devices": found},
            as_json=common.json,
            render=lambda: _print_unknown(found, settings.place().timezone),
        )
        return EXIT_OK
    now = settings.now()
    every = read_rows(folder, "devices")
    rows = [row for row in every if history or holds_at(row, now)]
    zone = settings.place().timezone
    show({"devices": rows}, as_json=common.json, render=lambda: _print_devices(rows, len(every), zone))
    return EXIT_OK


def _print_row(word: str, row: Row, warnings: list[Finding], zone: ZoneInfo) -> None:
    print_findings(warnings, "line")
    say(f"{word}: {row['device_id']}{_where(row)}, from {local(row['valid_from'], zone)}.")


def _where(row: Row) -> str:
    depths = ", ".join(f"{depth:g}" for depth in row["depths_cm"] or ())
    return (f" in plot {row['plot_id']}" if row["plot_id"] else " in no plot") + (f" at {depths} cm" if depths else "")


def _print_import(done: DeviceImport, *, dry_run: bool) -> None:
    if done.check.findings:
        print_findings(done.check.findings, "line")
    say(f"{counted(done.check.lines, 'line')}, {counted(done.check.faults, 'fault')}.")
    if done.changes is None:
        say("Nothing was changed.")
        if done.check.rows:
            good = {row["device_id"] for row, _ in done.check.rows}
            say(f"--skip-faulty imports the {counted(len(good), 'device')} without faults.")
    else:
        changes = done.changes
        counts = (("new", changes.added), ("changed", changes.changed), ("unchanged", changes.unchanged))
        say(changes_line("devices", counts, written=done.written, would=dry_run, version=changes.version))


def _print_devices(rows: list[Row], every: int, zone: ZoneInfo) -> None:
    if not rows and every:
        say(f"No device is registered for now; the register has {counted(every, 'row')} of other times: --history.")
        return
    if not rows:
        say("No devices yet. Add one: greensward device add ID --model VENDOR/MODEL --plot PLOT --depth 10,30.")
        return
    table = Listing(id_column("Device", rows, "device_id"), "Model", "Plot", "Depths cm", "From", "Until", "Note")
    for row in rows:
        cells = (
            row["device_id"],
            row["model"] or "",
            row["plot_id"] or "",
            ", ".join(f"{depth:g}" for depth in row["depths_cm"] or ()),
            local(row["valid_from"], zone),
            local(row["valid_to"], zone),
            row["note"] or "",
        )
        table.add_row(*(escape(cell) for cell in cells))
    print_table(table)
    say(f"{counted(len(rows), 'row')}.")


def _print_unknown(found: list[dict[str, Any]], zone: ZoneInfo) -> None:
    if not found:
        say("Every device that sent something is in the register.")
        return
    table = Listing(
        id_column("Device", found, "device_id"), "First seen", "Last seen", "Readings", "Status reports", "Rejected"
    )
    for row in found:
        cells = (
            str(row["device_id"]),
            local(row["first_seen_at"], zone),
            local(row["last_seen_at"], zone),
            str(row["soil_readings"]),
            str(row["status_reports"]),
            str(row["rejected_messages"]),
        )
        table.add_row(*(escape(cell) for cell in cells))
    print_table(table)
    say("Register one: greensward device add ID --model VENDOR/MODEL --plot PLOT --depth 10,30 --from DAY.")
