"""`greensward doctor`: looks at everything that usually goes wrong, and says how to mend each."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
from cyclopts import App, Parameter, validators
from rich.markup import escape

from greensward.checked_ledger import ledger_check
from greensward.commands.doctor_broker import broker_findings, topic_findings
from greensward.commands.doctor_finding import Finding, some_of
from greensward.console import (
    EXIT_FOUND_PROBLEMS,
    EXIT_OK,
    EXIT_UNREACHABLE,
    Common,
    counted,
    examples,
    out,
    show,
)
from greensward.crew_names import unknown_crews
from greensward.flights import FLIGHTS_WITHIN, flown, plot_areas, shifted_flights
from greensward.health import STATUS_AGE, problems, read_health, say_no_ingest
from greensward.newest import last_arrival
from greensward.refused import refused_lately
from greensward.settings import Settings
from ingest.errors import ConfigError, GreenswardError
from ingest.inbox import waiting_in
from ingest.lake.durable import store_errors
from ingest.lake.files import read_register
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.registers.snapshot import Registers
from ingest.site import Site
from ingest.status import IngestStatus, read_status

_BACKLOG_MESSAGES = 1_000_000
_OUTAGE_H = 48
_LONGEST_LISTENING_S = 3600
_SHOWN = 5
_FROM_HEALTH = {"unreadable", "messages", "evaluation", "retention", "sender", "sending"}

_REGISTERS = {
    "plots": "greensward plots import FILE.geojson (docs/plots.md)",
    "devices": "greensward device import FILE.csv (docs/devices.md)",
}

app = App(name="doctor", help_epilogue=examples("greensward doctor", "greensward doctor --listen 60"))


@app.default
def doctor(
    *,
    quick: Annotated[
        bool, Parameter(help="Only what the data folder tells, as /readyz; does not talk to the broker.", negative="")
    ] = False,
    listen: Annotated[
        float | None,
        Parameter(
            help="Also listen to every district for so many seconds: which topics come that nobody here reads?",
            validator=validators.Number(gt=0, lte=_LONGEST_LISTENING_S),
        ),
    ] = None,
    common: Common | None = None,
) -> int:
    """Print each finding with its mend; exit 1 where something is wrong, 3 where the broker is out of reach."""
    common = common or Common()
    settings = common.settings()
    if quick and listen is not None:
        raise ConfigError("--quick does not talk to the broker, so there is nothing to --listen to.")
    settings.place()  # A wrong setting is none of the disk's faults: it ends the command, as it ends every other.
    look = _quick if quick else examine
    findings = list(look(settings, settings.now()))
    if listen is not None and not _is_away(findings):
        findings += _looked("topics", lambda: topic_findings(settings, listen))
    show(findings, as_json=common.json, render=lambda: _print(findings))
    states = {finding.state for finding in findings}
    if "unreachable" in states:
        return EXIT_UNREACHABLE
    return EXIT_FOUND_PROBLEMS if "problem" in states else EXIT_OK


def _quick(settings: Settings, now: datetime) -> Iterator[Finding]:
    found = list(_looked("data folder", lambda: _from_health(settings, now)))
    yield from found or [Finding("all", "ok", "nothing is wrong")]


def _from_health(settings: Settings, now: datetime) -> Iterator[Finding]:
    for problem in problems(read_health(settings), settings, now):
        yield Finding(problem.what, "problem", problem.found, problem.mend)


def examine(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield what was found, in the order of the data's way: disk, registers, broker, ingest, inbox.

    A thing that cannot even be looked at is a finding; the others are looked at all the same.
    """
    folder: DataFolder | None = None
    try:
        folder = settings.data_folder()
    except GreenswardError as error:
        mend = "Name another with -C, or use the Greensward that made it."
        yield Finding("data folder", "problem", str(error), mend)
    if folder is not None:
        yield from _looked("data folder", partial(_data_folder, folder))
        yield from _looked("disk", partial(_disk, folder, settings.ingest.min_free_bytes))
        for name in _REGISTERS:
            yield from _looked(name, partial(_register, folder, name))
    of_broker = list(_looked("broker", lambda: broker_findings(settings, now)))
    yield from of_broker
    if folder is not None:
        zone = settings.place().timezone
        yield from _looked("ingest", lambda: _ingest(folder, now, zone, is_away=_is_away(of_broker)))
        health = _looked("unreadable", lambda: _from_health(settings, now))
        yield from (finding for finding in health if finding.what in _FROM_HEALTH)
        yield from _looked("channels", partial(_channels, settings, now))
        yield from _looked("refused", partial(_refused, folder, settings.place(), now))
        yield from _looked("inbox", partial(_inbox, folder))
        yield from _looked("ledger", partial(_ledger, folder, settings.place()))
        yield from _looked("flights", partial(_flights, folder, settings.place(), now))


def _is_away(findings: list[Finding]) -> bool:
    """Say whether the broker was found not to let us in: whatever needs it would say that again."""
    return any(finding.what == "broker" and finding.state in {"unreachable", "problem"} for finding in findings)


def _looked(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what `look` finds; what keeps it from looking is a finding too."""
    try:
        yield from look()
    except (GreenswardError, OSError, pa.ArrowException, duckdb.Error, sqlite3.Error) as error:
        yield Finding(what, "problem", str(error), "Check the disk and the owner of the files, or restore a backup.")


def _data_folder(folder: DataFolder) -> Iterator[Finding]:
    if not folder.version_file.is_file():
        mend = "Begin one: greensward up, greensward plots import; or name another with -C."
        yield Finding("data folder", "problem", f"there is none at {folder.root}", mend)
        return
    try:
        ensure_layout(folder)
        probe = folder.root / "doctor.probe"
        with store_errors(f"writing into {folder.root}"):
            probe.write_bytes(b"")
            probe.unlink()
    except GreenswardError as error:
        yield Finding("data folder", "problem", str(error), "Make the folder writable, or name another with --data.")
        return
    yield Finding("data folder", "ok", str(folder.root))


def _disk(folder: DataFolder, wanted: int) -> Iterator[Finding]:
    there = next(path for path in (folder.root, *folder.root.parents) if path.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / 1e9:,.1f} GB free"
    if free < wanted:
        mend = "Free space: ingest takes nothing from the broker until there is more than [ingest] min_free_bytes."
        yield Finding("disk", "problem", found, mend)
    elif free < 4 * wanted:
        yield Finding("disk", "note", found, f"Ingest pauses below {wanted / 1e9:,.1f} GB.")
    else:
        yield Finding("disk", "ok", found)


def _register(folder: DataFolder, name: str) -> Iterator[Finding]:
    rows = read_register(folder, name).num_rows
    yield Finding(name, "ok" if rows else "problem", f"{rows} in the register", "" if rows else _REGISTERS[name])


def _channels(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield each crew of a channel that nobody knows: its digests say so, and nothing of its work is told there."""
    for one in unknown_crews(settings, now):
        found = f"[send.{one.channel}] tells a crew {one.crew!r}, which nobody knows"
        yield Finding("channels", "problem", found, f"Correct [send.{one.channel}] crews; {one.meant}")


def _ingest(folder: DataFolder, now: datetime, zone: ZoneInfo, *, is_away: bool) -> Iterator[Finding]:
    status = read_status(folder)
    if status is None:
        yield Finding(
            "ingest", "note", say_no_ingest(last_arrival(folder), zone), "greensward up, or greensward ingest"
        )
        return
    if now - status.written_at > STATUS_AGE:
        since = f"{status.written_at.astimezone(zone):%Y-%m-%d %H:%M}"
        yield Finding("ingest", "problem", f"silent since {since}", "greensward up")
        return
    yield from _outage(status, now)
    if status.paused:
        yield Finding("ingest", "problem", status.paused)
    elif status.connected:
        trouble = f"; its last trouble: {status.last_problem}" if status.last_problem else ""
        yield Finding("ingest", "ok", f"{counted(status.messages, 'message')} since start{trouble}")
    elif is_away:
        yield Finding("ingest", "problem", "waits for the broker and tries again by itself")
    else:
        yield Finding("ingest", "problem", status.last_problem or "is not connected to the broker yet")
    if status.sessions_lost:
        yield Finding(
            "session",
            "problem",
            f"the broker had lost our session {status.sessions_lost} times: messages may be gone",
            "Set persistence true in the broker, and a session expiry above your longest outage.",
        )
    if status.damaged_files:
        names = ", ".join(status.damaged_files)
        yield Finding("lake", "problem", f"damaged files were set aside: {names}", "Check the disk; greensward replay.")


def _refused(folder: DataFolder, site: Site, now: datetime) -> Iterator[Finding]:
    """Say what was refused within a day: a wrong device is no fault here, but nobody else tells of it."""
    refused = refused_lately(folder, site, now)
    if not refused:
        return
    shown = "; ".join(
        f"{one.code} {one.messages:,}" + (f" ({some_of(one.device_ids)})" if one.device_ids else "")
        for one in refused[:_SHOWN]
    )
    more = f"; and {counted(len(refused) - _SHOWN, 'more code')}" if len(refused) > _SHOWN else ""
    mend = "What was wrong with each: greensward sql --question rejected_by_code; after the mend, greensward replay."
    yield Finding("refused", "note", f"messages of the last 24 hours: {shown}{more}", mend)


def _outage(status: IngestStatus, now: datetime) -> Iterator[Finding]:
    """Say what the broker must be able to hold, by the rate since ingest started; nothing in its first hour."""
    hours = (now - status.started_at) / timedelta(hours=1)
    if hours < 1 or not status.messages:
        return
    held = round(status.messages / hours * _OUTAGE_H)
    mend = f"max_queued_messages in mosquitto.conf: at least {round(held * 1.5):,}"
    yield Finding("outage", "note", f"{_OUTAGE_H} hours without ingest are {held:,} messages at the broker", mend)


def _flights(folder: DataFolder, site: Site, now: datetime) -> Iterator[Finding]:
    """Say of which flights of the last days pictures are missing, and which lie in another datum."""
    flights = flown(folder, site, now)
    short = [flight for flight in flights if flight.missing_files]
    if short:
        named = ", ".join(f"{one.flight_id} {one.missing_files} of {one.expected_files}" for one in short[:_SHOWN])
        more = f" and {len(short) - _SHOWN} more flights" if len(short) > _SHOWN else ""
        mend = "Let the dock upload them again, or import them: greensward images import exiftool.json"
        yield Finding("flights", "note", f"pictures are missing: {named}{more}", mend)
    elif flights:
        said = counted(len(flights), "flight")
        yield Finding("flights", "ok", f"all files of {said} of {FLIGHTS_WITHIN.days} days came")
    areas = plot_areas([plot.wkb for plot in Registers(folder).current().plots])
    for flight, shift in shifted_flights(folder, site, areas, now)[:_SHOWN]:
        against = "its aircraft" if shift.by == "poses" else "the plots"
        found = f"{flight}: {shift.pictures} pictures lie {shift.offset_m:.0f} m off {against}, as GCJ-02 positions do"
        yield Finding("datum", "problem", found, "Have the sender give WGS 84 positions, and send them again.")


def _ledger(folder: DataFolder, site: Site) -> Iterator[Finding]:
    if not folder.ledger.exists():
        return
    faults = ledger_check(folder, site)
    shown = "; ".join(faults[:_SHOWN]) + (f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else "")
    if faults:
        yield Finding(
            "ledger", "problem", f"not as it was written: {shown}", "Check the disk; restore it from a backup."
        )
    else:
        yield Finding("ledger", "ok", "says what was written, twice over")


def _inbox(folder: DataFolder) -> Iterator[Finding]:
    if not folder.inbox.exists():
        return
    backlog = waiting_in(folder.inbox)
    found = f"{backlog.messages:,} messages wait to be sealed"
    if backlog.messages > _BACKLOG_MESSAGES:
        yield Finding("inbox", "problem", found, "Is ingest running, and is the disk fast enough?")
    else:
        yield Finding("inbox", "ok", found)


def _print(findings: list[Finding]) -> None:
    marks = {"ok": "[green]✓[/]", "note": "[blue]i[/]", "problem": "[red]✗[/]", "unreachable": "[red]✗[/]"}
    for finding in findings:
        out.print(f"{marks[finding.state]} {finding.what:<12} {escape(finding.found)}")
        if finding.mend:
            out.print(f"  {'':<12} → {escape(finding.mend)}")
