"""`greensward demo`: the whole job on an invented district, from the first message to a crew's list.

The demo's present is its last morning, a 28 March: only in that season do frost, drying plots and a sick hedge belong
together. The pages are served with that clock; the messages are received today, as if from a long backlog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.progress import Progress

from crews.apply import valid_plots
from crews.crew_list import CrewList
from crews.ledger import Ledger
from crews.links import load_keys, make_token, remember_officer
from crews.lists import all_lists
from crews.serving import run_web
from crews.web import create_app
from greensward.broker import BuiltInBroker
from greensward.commands.demo_folder import mark_complete, prepare_folder, write_settings
from greensward.commands.list import public_url
from greensward.console import EXIT_OK, a_port, check_port_is_free, counted, err, examples, out, progress, show
from greensward.described import describe_lake
from greensward.evaluation import evaluate_and_apply
from greensward.given_settings import called_as
from greensward.settings import DataSettings, Settings, SiteSettings, WebSettings
from greensward.simulate import District, invent_district, latest_season_end
from greensward.simulate.publish import plain, publish
from greensward.wiring import SOFTWARE_VERSION
from ingest.errors import ConfigError
from ingest.lake.files import read_register
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.mqtt.broker import Broker
from ingest.registers.findings import Finding
from ingest.registers.store import import_devices, import_plots
from ingest.seal.pace import Pace
from ingest.worker import Worker

app = App(name="demo", help_epilogue=examples("greensward demo"))

_BROKER_PORT = 18830
_CONNECT_DEADLINE_S = 20.0
_SEAL_DEADLINE_S = 300.0
_MORNINGS = 3
_OFFICER = "王工"
"""Evaluations, one a morning, the last at the end: so that the ledger has a past."""
_SEVERE = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo did, in true counts from the lake.

    published: messages that the broker acknowledged; redelivered: those that it sent to ingest twice, being impatient
    outcomes: what became of each delivery: their sum is published and redelivered together
    sensors: devices that sent readings, `unregistered` ones among them
    flags: "drought dry" and the like → plots that need work; severe: dry ones of severity 3 and 4
    """

    published: int
    redelivered: int
    outcomes: dict[str, int]
    readings: int
    sensors: int
    unregistered: int
    flights: int
    lake_bytes: int
    flags: dict[str, int]
    severe: int
    lists: list[CrewList]


@app.default
def demo(
    *,
    dir_: Annotated[Path, Parameter(name="--dir", help="Folder for everything the demo makes.")] = Path(
        "greensward-demo"
    ),
    seed: Annotated[int, Parameter(help="Another seed, another district.")] = 7,
    serve: Annotated[bool, Parameter(help="Serve the pages afterwards, until Ctrl-C.")] = True,
    port: Annotated[int, Parameter(validator=a_port, help="Port of the pages.")] = 8080,
    fresh: Annotated[bool, Parameter(help="Replace what an earlier demo left in the folder.", negative="")] = False,
    json: Annotated[bool, Parameter(help="Print the counts as JSON.", negative="")] = False,
) -> int:
    """Invent a district, send three weeks of its messages through a broker, and serve the crews' lists."""
    root = dir_.absolute()
    if serve:
        check_port_is_free(WebSettings().host, port, "--port")
    prepare_folder(root, fresh=fresh)
    district = invent_district(seed, latest_season_end(datetime.now(UTC)))
    settings = Settings(
        site=SiteSettings(clock=district.end.isoformat()),
        data=DataSettings(folder=str(root)),
        web=WebSettings(port=port),
    )
    write_settings(root, settings)
    outcome = run(district, settings)
    mark_complete(root)
    links = make_links(settings, outcome.lists, settings.now())
    show(_as_values(outcome, links), as_json=json, render=lambda: _print_links(links, root))
    if serve:
        web = settings.web
        err.print("Ctrl-C ends; everything stays in the folder.")
        page = create_app(
            settings.data_folder(),
            settings.place(),
            public_url=public_url(settings),
            truck_litres=web.truck_litres,
            clock=settings.now,
        )
        run_web(page, web.host, web.port)
    return EXIT_OK


def run(district: District, settings: Settings) -> Outcome:
    """Do everything up to the lists, printing each step as it is done. Raises: GreenswardError."""
    folder, site = settings.data_folder(), settings.place()
    with progress() as bar:
        with _broker(folder) as broker:
            _done(bar, "broker", f"{broker.host}:{broker.port} (built in, for the demo)")
            plots, grids = import_registers(folder, settings, district)
            _done(bar, "plots", f"{plots} plots in {grids} grids (an invented district beside the North Canal)")
            published, redelivered, outcomes = ingest(district, settings, broker, bar)
        counts = count(folder, settings)
        _done(
            bar,
            "ingest",
            f"{published:,} messages → {counts['readings']:,} readings of {say_sensors(counts)} over "
            f"{(district.end - district.start).days} days, {counts['flights']} flights → {folder.lake} "
            f"({counts['lake_bytes'] / 1e6:.1f} MB)",
        )
        flags, severe = judge(folder, settings, district, bar)
        _done(bar, "flags", say_flags(flags, severe))
        with Ledger(folder.ledger, site) as ledger:
            plots_now = valid_plots(read_register(folder, "plots"), district.end)
            lists = all_lists(ledger, plots_now, district.end, settings.web.truck_litres)
        _done(bar, "lists", " · ".join(say_list(listed) for listed in lists))
    return Outcome(published, redelivered, outcomes, flags=flags, severe=severe, lists=lists, **counts)


def import_registers(folder: DataFolder, settings: Settings, district: District) -> tuple[int, int]:
    """Put plots and devices into the registers; return how many plots and grids. Raises: ConfigError, StoreError."""
    site, since = settings.place(), district.start - timedelta(days=30)
    now = datetime.now(UTC)
    plots = import_plots(folder, msgspec.json.encode(district.plots_geojson), site=site, now=now, valid_from=since)
    devices = import_devices(folder, district.devices_csv.encode(), site=site, now=now)
    for name, done, findings in (
        ("plots", plots.written, plots.check.findings),
        ("devices", devices.written, devices.check.findings),
    ):
        if not done:
            raise ConfigError(f"The invented {name} were refused: {_first_fault(findings)}")
    rows = read_register(folder, "plots").to_pylist()
    return len(rows), len({row["grid_id"] for row in rows})


def ingest(
    district: District, settings: Settings, broker: BuiltInBroker, bar: Progress
) -> tuple[int, int, dict[str, int]]:
    """Publish everything, wait until all is sealed; return how many, how many came twice, and what came of them."""
    _begin(bar, "ingest", "three weeks of messages are invented, and sent through the broker; the longest step")
    inventing = bar.add_task("invent messages", total=None)
    messages = list(district.messages())
    bar.remove_task(inventing)
    sending = bar.add_task("publish", total=len(messages))
    sealing = bar.add_task("ingest", total=len(messages))
    worker = Worker(
        settings.data_folder(),
        settings.place(),
        Broker(broker.host, broker.port, settings.broker.client_id, mqtt_version=broker.mqtt_version),
        Pace(seal_every_s=settings.ingest.seal_every_s, seal_bytes=settings.ingest.seal_bytes, raw_days=365),
        SOFTWARE_VERSION,
        on_sealed=lambda sealed: bar.advance(sealing, sum(sealed.outcomes.values())),
    )
    with worker:
        worker.wait_until_subscribed(_CONNECT_DEADLINE_S)
        published = publish(
            messages, plain(broker.host, broker.port), on_acknowledged=lambda done: bar.update(sending, completed=done)
        )
        worker.wait_until_idle(published, _SEAL_DEADLINE_S)
    for task in (sending, sealing):
        bar.remove_task(task)
    return published, worker.outcomes.total() - published, dict(worker.outcomes)


def judge(folder: DataFolder, settings: Settings, district: District, bar: Progress) -> tuple[dict[str, int], int]:
    """Evaluate the last mornings, write the flags and bring the ledger up to each.

    Returns: plots that need work by "cause state" at the end, and how many of the dry ones are severe.
    """
    _begin(bar, "flags", f"every plot is judged on each of the last {_MORNINGS} mornings")
    task = bar.add_task("flags", total=_MORNINGS)
    for ago in range(_MORNINGS - 1, -1, -1):
        as_of = district.end - timedelta(days=ago)
        flags = evaluate_and_apply(folder, settings.place(), as_of, as_of, campaigns=settings.campaign_tables()).flags
        bar.advance(task)
    describe_lake(settings)
    found: list[dict[str, Any]] = [flag for flag in flags.to_pylist() if flag["needs_work"]]
    bar.remove_task(task)
    counted: dict[str, set[str]] = {}
    for flag in found:
        counted.setdefault(f"{flag['cause']} {flag['state']}", set()).add(flag["plot_id"])
    severe = sum(1 for flag in found if flag["cause"] == "drought" and flag["severity"] >= _SEVERE)
    return {name: len(plots) for name, plots in sorted(counted.items())}, severe


def count(folder: DataFolder, settings: Settings) -> dict[str, int]:
    """Return rows, devices and flights in the lake, and its size on disk."""
    with open_lake(folder, settings.place()) as lake:
        (found,) = lake.execute(
            "with senders as (select device_id from soil_readings union select device_id from weather_readings) "
            "select (select count(*) from soil_readings) + (select count(*) from weather_readings), "
            "(select count(*) from senders), (select count(*) from senders anti join devices using (device_id)), "
            "(select count(distinct flight_id) from drone_images)"
        ).fetchall()
    size = sum(file.stat().st_size for file in folder.lake.rglob("*.parquet"))
    names = ("readings", "sensors", "unregistered", "flights")
    return dict(zip(names, found, strict=True)) | {"lake_bytes": size}


def say_sensors(counts: Mapping[str, int]) -> str:
    """Return how many sensors sent readings, and how many of them nobody has registered."""
    known = counts["sensors"] - counts["unregistered"]
    return (
        f"{known} sensors and {counts['unregistered']} in no register" if counts["unregistered"] else f"{known} sensors"
    )


def say_flags(flags: dict[str, int], severe: int) -> str:
    """Return the flags as a sentence part, such as "3 dry (2 severely), 1 probably diseased, 1 sensor silent"."""
    words = {
        "drought dry": f"dry ({severe} severely)" if severe else "dry",
        "drought likely": "likely dry",
        "disease probable": "probably diseased",
        "disease suspected": "suspected of disease",
        "vigour alert": "of low vigour",
        "sensor silent": "with a silent sensor",
        "sensor sensor_fault": "with a sensor out of order",
    }
    named = [f"{flags[name]} {word}" for name, word in words.items() if name in flags]
    others = [f"{number} {name}" for name, number in flags.items() if name not in words]
    return ", ".join(named + others) or "nothing needs work"


def say_list(listed: CrewList) -> str:
    """Return a crew's list in half a line."""
    water = f", {listed.litres / 1000:.1f} t of water ≈ {listed.whole_loads} trucks" if listed.litres else ""
    return f"{listed.crew or 'nobody assigned'} {counted(len(listed.to_do), 'stop')}{water}"


def make_links(settings: Settings, lists: Sequence[CrewList], now: datetime) -> dict[str, str]:
    """Return a signed link per crew, and that of a person of the office. Raises: ConfigError, StoreError."""
    keys, url = load_keys(settings.data_folder()), public_url(settings)
    crews = {listed.crew: f"{url}/c/{make_token(keys, 'crew', listed.crew, now)}" for listed in lists if listed.crew}
    with Ledger(settings.data_folder().ledger, settings.place()) as ledger:
        remember_officer(ledger, _OFFICER)
    return crews | {"office": f"{url}/c/{make_token(keys, 'officer', _OFFICER, now)}"}


def _broker(folder: DataFolder) -> BuiltInBroker:
    return BuiltInBroker(folder.root / "broker", _BROKER_PORT if BuiltInBroker.port_is_free(_BROKER_PORT) else 0)


def _begin(bar: Progress, step: str, what: str) -> None:
    """Say what takes its time now, where no bar shows it: in a pipe or a file."""
    if bar.disable:
        bar.console.print(f"[blue]…[/] {step:<8} {what}", markup=True)


def _done(bar: Progress, step: str, what: str) -> None:
    bar.console.print(f"[green]✓[/] {step:<8} {what}", markup=True)


def _first_fault(findings: Sequence[Finding]) -> str:
    return next((str(finding) for finding in findings if finding.severity == "fault"), "no fault was named")


def _print_links(links: dict[str, str], root: Path) -> None:
    for subject, link in links.items():
        out.print(f"  {f'Office, {_OFFICER}' if subject == 'office' else f'Crew {subject}'}  {link}", markup=False)
    out.print(f"  SQL  {called_as()} sql -C {root}", markup=False)


def _as_values(outcome: Outcome, links: dict[str, str]) -> dict[str, object]:
    return {
        "published": outcome.published,
        "redelivered": outcome.redelivered,
        "outcomes": outcome.outcomes,
        "readings": outcome.readings,
        "sensors": outcome.sensors,
        "unregistered": outcome.unregistered,
        "flights": outcome.flights,
        "lake_bytes": outcome.lake_bytes,
        "flags": outcome.flags,
        "severe": outcome.severe,
        "lists": {listed.crew or "": {"stops": len(listed.to_do), "litres": listed.litres} for listed in outcome.lists},
        "links": links,
    }
