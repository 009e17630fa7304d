"""`greensward device accept`: a device held against the contract for some minutes; a report that a maker can sign."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter, validators
from rich.markup import escape

from crews.readable import one_line
from greensward.acceptance.needs import INTERVALS, least_minutes
from greensward.acceptance.record import Ending, Trial, Writer, new_record, read_record
from greensward.acceptance.report import Report, make_report, to_markdown, to_page
from greensward.canary import BrokerUnreachableError
from greensward.commands.register_output import say
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, EXIT_UNREACHABLE, Spoken, err, out, progress, show
from greensward.overheard.ear import Ear, filters_of, is_answer, is_birth
from greensward.overheard.judged import Judgement, judgement_by
from greensward.settings import Settings
from greensward.stopping import Stop
from greensward.wiring import SOFTWARE_VERSION, broker_at_hand, broker_of
from ingest.decode.sparkplug_births import LifeEvent
from ingest.decode.topics import is_id
from ingest.errors import ConfigError
from ingest.identifiers import EXPECTED_ID, normalise_device_id
from ingest.lake.files import read_register
from ingest.mqtt.broker import Broker
from ingest.registers.validity import holds_at
from ingest.seal.memory import Memory

_LONGEST_MINUTES = 7 * 24 * 60
_SHORT_MINUTES = 30.0
"""In less nobody has put the probe from air into soil and cut its power."""

_RETAINED_S = 1.0
"""A broker sends what is retained at once, one after the other; this long we wait for the next."""

_ENDINGS = (".jsonl", ".md", ".html")
_COLOURS = {"passed": "green", "failed": "red", "not_seen": "dim"}


def accept(
    device_id: Annotated[str | None, Parameter(help="The device; a DevEUI in any spelling.")] = None,
    *,
    minutes: Annotated[
        float | None,
        Parameter(
            help="How long to listen; without it six intervals, and 30 minutes at least.",
            validator=validators.Number(gt=0, lte=_LONGEST_MINUTES),
        ),
    ] = None,
    interval: Annotated[
        float | None,
        Parameter(help="Seconds between its reports; without it as registered.", validator=validators.Number(gt=0)),
    ] = None,
    from_: Annotated[
        Path | None, Parameter(name="--from", help="Make the report again from this .jsonl; nobody is listened to.")
    ] = None,
    out_file: Annotated[
        Path | None,
        Parameter(name="--out", help="Write FILE.jsonl, FILE.md and FILE.html; without it, named by itself."),
    ] = None,
    common: Spoken | None = None,
) -> int:
    """Listen to one device, judge it point by point, and write a report to sign.

    Exit 0 where it is accepted; 1 where a point failed, or the test is incomplete: it then says what is lacking. During
    the test put the probe from air into wet soil, and cut its power once. What came is kept beside the report; Ctrl-C
    ends the test and makes the report of what came so far.
    """
    common = common or Spoken()
    if (device_id is None) is (from_ is None):
        raise ConfigError("Name the device, or a record with --from FILE.jsonl; one of the two.")
    if device_id is None:
        assert from_ is not None
        return _report(from_, _stem(out_file or from_), common)
    if not is_id(normalise_device_id(device_id)):
        raise ConfigError(f"{device_id!r}: expected {EXPECTED_ID}.")
    settings = common.settings()
    broker = broker_of(broker_at_hand(settings.broker))
    trial = _trial(settings, broker, normalise_device_id(device_id), minutes, interval)
    zone = settings.place().timezone
    stem = _stem(out_file or Path(f"acceptance-{trial.device_id}-{trial.started_at.astimezone(zone):%Y%m%d-%H%M%S}"))
    file = Path(f"{stem}.jsonl")
    ending = _listen(settings, broker, trial, file)
    code = _report(file, stem, common)
    return EXIT_UNREACHABLE if ending == "broker_lost" else code


def _trial(settings: Settings, broker: Broker, device_id: str, minutes: float | None, interval: float | None) -> Trial:
    now = datetime.now(UTC)
    rows = [
        row for row in read_register(settings.data_folder(), "devices").to_pylist() if row["device_id"] == device_id
    ]
    row: dict[str, Any] = next((row for row in rows if holds_at(row, now)), {})
    interval_s = interval or row.get("report_interval_s")
    return Trial(
        device_id=device_id,
        model=row.get("model"),
        interval_s=interval_s,
        minutes=minutes or min(max(_SHORT_MINUTES, least_minutes(interval_s or 0)), _LONGEST_MINUTES),
        broker=f"{broker.host}:{broker.port}",
        mqtt_version=broker.mqtt_version,
        district=settings.site.district,
        timezone=settings.site.timezone,
        software_version=SOFTWARE_VERSION,
        started_at=now,
        births=tuple(_births(settings, device_id)),
    )


def _births(settings: Settings, device_id: str) -> Iterator[LifeEvent]:
    """Yield what ingest has learned of the Sparkplug node that the device belongs to, or is."""
    for event in Memory(settings.data_folder()).births:
        if f"{device_id}.".startswith(f"{event.node.group_id}.{event.node.node_id}."):
            yield event


def _listen(settings: Settings, broker: Broker, trial: Trial, file: Path) -> Ending:
    """Write what comes of the device into a new file, and return how it ended. Raises: BrokerUnreachableError."""
    filters, judgement = filters_of(trial.district), judgement_by(settings)
    with (
        Stop() as stop,
        Ear(broker, trial.district, filters, qos=1, answers=True) as ear,
        new_record(file, trial) as record,
    ):
        err.print(f"Listening to {trial.device_id} at {trial.broker} for {trial.minutes:g} min; Ctrl-C ends it sooner.")
        _warn(trial, ear)
        ending: Ending = "done"
        try:
            _take(judgement, trial, ear, record, stop)
            ending = "stopped" if stop.is_asked() else "done"
            ended_at = datetime.now(UTC)
            _take_retained(judgement, trial, broker, record)
        except BrokerUnreachableError as error:
            err.print(f"[red]greensward:[/] {escape(str(error))}")
            ending, ended_at = "broker_lost", datetime.now(UTC)
        record.end(ended_at, ending)
    return ending


def _warn(trial: Trial, ear: Ear) -> None:
    """Say at once what the report would say in the end, and what it cannot know."""
    if ear.refused:
        err.print(ear.said_of_refused())
    if trial.interval_s is None:
        err.print("Nobody says its interval, without which it cannot be accepted: say --interval, or register it.")
    elif trial.minutes * 60 < INTERVALS * trial.interval_s:
        least = least_minutes(trial.interval_s)
        err.print(f"Too short for it to be accepted: {INTERVALS} of its intervals are {least} min.")


def _take(judgement: Judgement, trial: Trial, ear: Ear, record: Writer, stop: Stop) -> None:
    lasts_s, began = trial.minutes * 60, time.monotonic()
    messages = faults = 0
    with progress() as bar:
        task = bar.add_task(trial.device_id, total=round(lasts_s))

        def is_over() -> bool:
            lasted_s = time.monotonic() - began
            bar.update(
                task, completed=int(lasted_s), description=f"{trial.device_id}: {messages} messages, {faults} faults"
            )
            return stop.is_asked() or lasted_s >= lasts_s

        for heard in ear.hear(is_over):
            told = judgement.of(heard)
            if trial.device_id in told.device_ids:
                record.add(heard)
                if not is_answer(heard.topic):
                    messages += 1
                    faults += len(told.faults_of(trial.device_id))
            elif is_birth(heard.topic):  # data of a Sparkplug node cannot be read without
                record.add(heard)


def _take_retained(judgement: Judgement, trial: Trial, broker: Broker, record: Writer) -> None:
    """Add what lies at the broker for the device when the test is over."""
    with Ear(broker, trial.district, filters_of(trial.district), qos=1) as ear:
        last = time.monotonic()

        def is_over() -> bool:
            return time.monotonic() - last > _RETAINED_S

        for heard in ear.hear(is_over):
            if not heard.retained:
                continue
            last = time.monotonic()
            if trial.device_id in judgement.of(heard).device_ids:
                record.add(heard)


def _stem(file: Path) -> str:
    ending = next((ending for ending in _ENDINGS if file.name.endswith(ending) and file.name != ending), "")
    return str(file).removesuffix(ending)


def _report(file: Path, stem: str, common: Spoken) -> int:
    """Write and print the report of a record, and return the exit code. Raises: ConfigError."""
    report = make_report(read_record(file), file.name, common.lang)
    for ending, text in ((".md", to_markdown(report)), (".html", to_page(report))):
        try:
            Path(stem + ending).write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{stem}{ending}: {error.strerror}.") from error
    show(_values(report), as_json=common.json, render=lambda: _print(report))
    err.print(f"Wrote {escape(stem)}.md and {escape(stem)}.html; what came is in {escape(str(file))}")
    return EXIT_OK if report.outcome == "accepted" else EXIT_FOUND_PROBLEMS


def _values(report: Report) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(report)
    return values


def _print(report: Report) -> None:
    for line in report.lines:
        found = one_line("; ".join(line.found))
        out.print(f"[{_COLOURS[line.state]}]{line.mark}[/] [bold]{escape(line.name)}[/] {escape(found)}")
        if line.state == "failed":
            say(f"    → {line.expected}")
    if report.ending:
        say(report.ending)
    out.print(f"[bold]{escape(report.verdict)}[/]: {escape(report.summary)}")
    for need in report.needs:
        say(f"    → {need}")
