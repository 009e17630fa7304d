"""`greensward flights`: what drones flew and saw: the flights, a flight's map, and what no crew is sent for."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.markup import escape

from crews.apply import valid_plots
from crews.flights.flight import Flight
from crews.flights.lists import FlightLists, find_lists
from crews.flights.map import draw_map
from crews.flights.page import say_doubtful, say_flight, say_routed, states_of
from crews.flights.stored import find_flight, find_flights
from crews.ledger import Ledger
from crews.words import speaker
from greensward.commands.register_output import read_file
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, err, examples, out, show
from greensward.flights import biased_flights
from greensward.planned import tell_plan
from greensward.settings import Settings
from ingest.errors import ConfigError
from ingest.lake.files import read_register
from ingest.registers.flight_bias import FEWEST_LANDMARKS
from ingest.registers.flight_plan import MOST_FILE_BYTES, read_flight_plan
from ingest.registers.landmarks import read_landmarks

app = App(name="flights", help_epilogue=examples("greensward flights list", "greensward flights map F1 --to map.svg"))

_Lang = Annotated[Literal["zh", "en"], Parameter(help="Language.")]


@app.command(name="list")
def list_flights(*, lang: _Lang = "zh", common: Common | None = None) -> int:
    """List the flights of the last weeks, the newest first."""
    common = common or Common()
    settings = common.settings()
    flights = _flights(settings)
    say, site = speaker(lang), settings.place()

    def render() -> None:
        for flight in flights:
            name, counts = say_flight(flight, say, site)
            out.print(f"[bold]{escape(name)}[/]  {escape(counts)}")

    show(flights, as_json=common.json, render=render)
    return EXIT_OK


@app.command(name="map")
def write_map(
    flight_id: Annotated[str, Parameter(help="The flight, as `greensward flights list` names it.")],
    *,
    to: Annotated[Path, Parameter(help="File to write, SVG.")],
    lang: _Lang = "zh",
    common: Common | None = None,
) -> int:
    """Draw the map of a flight: plots by state, the ground its pictures show, findings with their doubt."""
    common = common or Common()
    settings = common.settings()
    flight = next((one for one in _flights(settings) if one.flight_id == flight_id), None)
    if flight is None:
        raise ConfigError(f"there is no flight {flight_id!r} in the last weeks; `greensward flights list` names them")
    folder, site = settings.existing_folder(), settings.place()
    with Ledger(folder.ledger, site) as ledger:
        states = states_of(ledger.latest_findings())
    try:
        to.write_text(draw_map(find_flight(folder, site, flight), states, lang), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{to} cannot be written: {error.strerror}. Choose another with --to.") from error
    out.print(str(to))
    return EXIT_OK


@app.command
def doubtful(*, lang: _Lang = "zh", common: Common | None = None) -> int:
    """List what was seen between plots, so that nobody can say in which: to be looked at."""
    common = common or Common()
    settings = common.settings()
    found = _lists(settings)
    site = settings.place()
    plots = valid_plots(read_register(settings.existing_folder(), "plots"), settings.now())

    def render() -> None:
        for one in found.doubtful if found else ():
            out.print(escape(" · ".join(say_doubtful(one, plots, speaker(lang), lang, site).values())))

    show(found.doubtful if found else (), as_json=common.json, render=render)
    return EXIT_OK


@app.command
def routed(*, lang: _Lang = "zh", common: Common | None = None) -> int:
    """List what was seen in plots that is no disease (rubble, litter, damage, gaps), and who is to hear of it."""
    common = common or Common()
    settings = common.settings()
    found = _lists(settings)
    site = settings.place()

    def render() -> None:
        for one in found.routed if found else ():
            out.print(escape(" · ".join(say_routed(one, speaker(lang), lang, site).values())))

    show(found.routed if found else (), as_json=common.json, render=render)
    return EXIT_OK


@app.command
def bias(
    file: Annotated[
        Path, Parameter(help="GeoJSON points with landmark_id and class, surveyed.", allow_leading_hyphen=True)
    ],
    *,
    common: Common | None = None,
) -> int:
    """Say by how much each flight of the last four weeks is off, by surveyed landmarks that its pictures show.

    Nothing is moved: it tells how far to trust the flight's map and what it saw near borders.
    """
    common = common or Common()
    settings = common.settings()
    site = settings.place()
    landmarks, findings = read_landmarks(read_file(file), site)
    faults = [finding for finding in findings if finding.severity == "fault"]
    for one in faults:
        where = "file" if one.number is None else f"feature {one.number}"
        err.print(f"[red]fault[/] [bold]{one.code}[/]  {where} {escape(one.pointer)}: got {escape(one.got)}")
        err.print(f"    expected {escape(one.expected)} → {escape(one.advice)}")
    found = biased_flights(settings.existing_folder(), site, landmarks, settings.now())

    def render() -> None:
        if not found:
            out.print(f"No flight of the last four weeks shows {FEWEST_LANDMARKS} of the landmarks.")
        for flight, off in found:
            east, north = ("east" if off.east_m >= 0 else "west"), ("north" if off.north_m >= 0 else "south")
            by = f"{off.landmarks} landmarks, {off.findings} findings"
            much = f"{abs(off.east_m):.1f} m {east}, {abs(off.north_m):.1f} m {north}, ± {off.sigma_m:.1f} m ({by})"
            out.print(f"[bold]{escape(flight)}[/]  {much}" + ("" if off.is_sure else "; within chance"))

    told = [{"flight_id": flight, "is_sure": off.is_sure, **asdict(off)} for flight, off in found]
    show(told, as_json=common.json, render=render)
    return EXIT_FOUND_PROBLEMS if faults else EXIT_OK


@app.command
def plan(
    file: Annotated[Path, Parameter(help="KMZ of the plan, or its waylines.wpml.", allow_leading_hyphen=True)],
    *,
    flight: Annotated[str, Parameter(help="The flight that flew it, as `greensward flights list` names it.")],
    common: Common | None = None,
) -> int:
    """Give the pictures of a flight the gimbal angles of its plan where no message brought measured ones.

    A picture gets those of the shots within 10 m of it, where they agree. It says so (attitude_source flight_plan), and
    whatever was measured counts first, whenever it comes. Of several plans of a flight the last one told counts.
    """
    common = common or Common()
    settings = common.settings()
    said = read_flight_plan(read_file(file, MOST_FILE_BYTES))
    told = tell_plan(settings.existing_folder(), settings, said, flight)

    def render() -> None:
        has = "have that of the plan" if told.is_stored else "are in the plan"
        out.print(f"{told.pictures:,} pictures of {escape(flight)} lack a measured pitch; {told.posed:,} {has}.")
        if not told.is_stored:
            err.print("Kept; ingest stores it: at once where it runs.")

    show(told, as_json=common.json, render=render)
    return EXIT_OK if told.posed == told.pictures else EXIT_FOUND_PROBLEMS


def _flights(settings: Settings) -> list[Flight]:
    return find_flights(settings.existing_folder(), settings.place(), settings.now())


def _lists(settings: Settings) -> FlightLists | None:
    return find_lists(settings.existing_folder())
