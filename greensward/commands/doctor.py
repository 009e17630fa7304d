"""`greensward doctor`: looks at everything that usually goes wrong, and says how to mend each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape

from greensward.canary import BrokerProof, canary_topic, prove
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, EXIT_UNREACHABLE, Common, out, show
from greensward.health import STATUS_AGE, problems, read_health
from greensward.settings import Settings
from greensward.wiring import broker_of
from ingest.decode.topics import ROOT
from ingest.errors import GreenswardError
from ingest.inbox import Inbox
from ingest.lake.durable import store_errors
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.read import read_register
from ingest.status import IngestStatus, read_status

_BACKLOG_MESSAGES = 1_000_000
_BROKER_TIMEOUT_S = 5.0
_CERTIFICATE_LEFT = timedelta(days=30)
_OUTAGE_H = 48
_FROM_HEALTH = {"unreadable", "messages", "evaluation"}

app = App(name="doctor", help="Look at everything that usually goes wrong, and say how to mend it.")


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: how it is, and what to do where it is not well."""

    what: str
    state: Literal["ok", "note", "problem", "unreachable"]
    found: str
    mend: str = ""


@app.default
def doctor(
    *,
    quick: Annotated[
        bool, Parameter(help="Only what the data folder tells, as /readyz; does not talk to the broker.", negative="")
    ] = False,
    common: Common | None = None,
) -> int:
    """Print each finding with its mend; exit 1 where something is wrong, 3 where the broker is out of reach."""
    common = common or Common()
    settings = common.settings()
    look = _quick if quick else examine
    findings = list(look(settings, settings.now()))
    show(findings, as_json=common.json, render=lambda: _print(findings))
    states = {finding.state for finding in findings}
    if "unreachable" in states:
        return EXIT_UNREACHABLE
    return EXIT_FOUND_PROBLEMS if "problem" in states else EXIT_OK


def _quick(settings: Settings, now: datetime) -> Iterator[Finding]:
    found = list(problems(read_health(settings), settings, now))
    for problem in found:
        yield Finding(problem.what, "problem", problem.found, problem.mend)
    if not found:
        yield Finding("all", "ok", "nothing is wrong")


def examine(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield what was found, in the order of the data's way: disk, registers, broker, ingest, inbox."""
    folder = settings.data_folder()
    yield _data_folder(folder)
    yield _disk(folder, settings.ingest.min_free_bytes)
    yield from _registers(folder)
    status = read_status(folder)
    yield from _broker(settings, now)
    yield from _ingest(status, now)
    for problem in problems(read_health(settings), settings, now):
        if problem.what in _FROM_HEALTH:
            yield Finding(problem.what, "problem", problem.found, problem.mend)
    if folder.inbox.exists():
        yield _inbox(folder)


def _data_folder(folder: DataFolder) -> Finding:
    if not folder.version_file.is_file():
        mend = "Begin one: greensward up, greensward plots import; or name another with -C."
        return Finding("data folder", "problem", f"there is none at {folder.root}", mend)
    try:
        ensure_layout(folder)
        probe = folder.root / "doctor.probe"
        with store_errors(f"writing into {folder.root}"):
            probe.write_bytes(b"")
            probe.unlink()
    except GreenswardError as error:
        return Finding("data folder", "problem", str(error), "Make the folder writable, or name another with --data.")
    return Finding("data folder", "ok", str(folder.root))


def _disk(folder: DataFolder, wanted: int) -> Finding:
    there = next(path for path in (folder.root, *folder.root.parents) if path.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / 1e9:,.1f} GB free"
    if free < wanted:
        mend = "Free space: ingest takes nothing from the broker until there is more than [ingest] min_free_bytes."
        return Finding("disk", "problem", found, mend)
    if free < 4 * wanted:
        return Finding("disk", "note", found, f"Ingest pauses below {wanted / 1e9:,.1f} GB.")
    return Finding("disk", "ok", found)


def _registers(folder: DataFolder) -> Iterator[Finding]:
    for name, mend in (
        ("plots", "greensward plots import FILE.geojson (docs/plots.md)"),
        ("devices", "greensward device import FILE.csv (docs/devices.md)"),
    ):
        rows = read_register(folder, name).num_rows
        yield Finding(name, "ok" if rows else "problem", f"{rows} in the register", "" if rows else mend)


def _broker(settings: Settings, now: datetime) -> Iterator[Finding]:
    if not settings.broker.host:
        yield Finding("broker", "note", "built in: runs as long as `greensward up` runs")
        return
    where = f"{settings.broker.host}:{settings.broker.port}"
    try:
        broker = broker_of(settings.broker)
    except GreenswardError as error:
        yield Finding("broker", "problem", str(error), "Mend [broker] in greensward.toml.")
        return
    try:
        proof = prove(broker, settings.site.district, _BROKER_TIMEOUT_S)
    except (OSError, ValueError) as error:
        mend = "Start it, or mend [broker] host, port and ca_file."
        yield Finding("broker", "unreachable", f"{where}: {error}", mend)
        return
    if proof.refusal is None:
        mend = "Is it an MQTT broker? Does it expect TLS ([broker] ca_file)?"
        yield Finding("broker", "unreachable", f"{where} does not answer", mend)
    elif proof.refusal:
        mend = "Mend [broker] username or password_file."
        yield Finding("broker", "problem", f"{where}: {proof.refusal}", mend)
    else:
        yield Finding("broker", "ok", where)
        yield from _proven(proof, settings, now)


def _proven(proof: BrokerProof, settings: Settings, now: datetime) -> Iterator[Finding]:
    topic = canary_topic(settings.site.district)
    if proof.came_back:
        yield Finding("canary", "ok", "a message of ours came back")
    else:
        yield Finding(
            "canary",
            "problem",
            f"a message on {topic} did not come back: the broker takes the subscription and delivers nothing",
            f"In the broker's ACL, under user {settings.broker.username or '(none)'}: topic read "
            f"{ROOT}{settings.site.district}/#  and  topic write {topic}",
        )
    if proof.dropped_messages:
        yield Finding(
            "queue",
            "problem",
            f"the broker has dropped {proof.dropped_messages:,} messages since its start",
            "Raise max_queued_messages in mosquitto.conf: devices x messages an hour x hours of outage x 1.5.",
        )
    ends_at = proof.certificate_ends_at
    if ends_at is not None:
        near = ends_at - now < _CERTIFICATE_LEFT
        mend = "Make a new one (compose/make-certs.sh … server …) and restart the broker." if near else ""
        yield Finding("certificate", "problem" if near else "ok", f"the broker's ends on {ends_at:%Y-%m-%d}", mend)


def _ingest(status: IngestStatus | None, now: datetime) -> Iterator[Finding]:
    if status is None:
        yield Finding("ingest", "note", "never ran here", "greensward up, or greensward ingest")
        return
    if now - status.written_at > STATUS_AGE:
        yield Finding("ingest", "problem", f"silent since {status.written_at:%Y-%m-%d %H:%M} UTC", "greensward up")
        return
    yield from _outage(status, now)
    state: Literal["ok", "problem"] = "ok" if status.connected and not status.paused else "problem"
    yield Finding("ingest", state, status.paused or status.last_problem or f"{status.messages:,} messages since start")
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


def _outage(status: IngestStatus, now: datetime) -> Iterator[Finding]:
    """Say what the broker must be able to hold, by the rate since ingest started; nothing in its first hour."""
    hours = (now - status.started_at) / timedelta(hours=1)
    if hours < 1 or not status.messages:
        return
    held = round(status.messages / hours * _OUTAGE_H)
    mend = f"max_queued_messages in mosquitto.conf: at least {round(held * 1.5):,}"
    yield Finding("outage", "note", f"{_OUTAGE_H} hours without ingest are {held:,} messages at the broker", mend)


def _inbox(folder: DataFolder) -> Finding:
    with Inbox(folder.inbox) as inbox:
        backlog = inbox.backlog()
    found = f"{backlog.messages:,} messages wait to be sealed"
    if backlog.messages > _BACKLOG_MESSAGES:
        return Finding("inbox", "problem", found, "Is ingest running, and is the disk fast enough?")
    return Finding("inbox", "ok", found)


def _print(findings: list[Finding]) -> None:
    marks = {"ok": "[green]✓[/]", "note": "[blue]i[/]", "problem": "[red]✗[/]", "unreachable": "[red]✗[/]"}
    for finding in findings:
        out.print(f"{marks[finding.state]} {finding.what:<12} {escape(finding.found)}")
        if finding.mend:
            out.print(f"  {'':<12} → {escape(finding.mend)}")
