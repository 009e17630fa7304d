"""The command line: every command in one place, and what each kind of error means to the shell.

Exit codes: 0 all right · 1 problems found · 2 wrong use or configuration · 3 broker or server out of reach ·
4 data folder, port or client id in use by another process.
"""

from __future__ import annotations

import os
import select
import sys
from importlib.metadata import version

from cyclopts import App, CycloptsError, Group
from rich.markup import escape

from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_IN_USE, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE, err, examples
from greensward.given_settings import TRACEBACK, wants_traceback
from ingest.disk_words import said_of
from ingest.errors import ConfigError, GreenswardError, InUseError

app = App(
    name="greensward",
    help="Soil probes and drone patrols in over MQTT; a crew's watering and inspection list out.",
    help_epilogue=examples("greensward demo", "greensward COMMAND --help"),
    version=version("greensward"),
    suppress_keyboard_interrupt=False,  # Ctrl-C is said in one place: greensward/__main__.py
)

_COMMANDS = {
    "Begin": {
        "demo": "See the whole job done on an invented district.",
        "config": "Show the settings in force, or write a file to begin with.",
        "plots": "The register of plots: check a file, import it, list.",
        "device": "The register of devices; their models; a check of a message.",
        "up": "Run everything for one district: broker (built in, or yours), ingest, flags, pages.",
    },
    "Every day": {
        "list": "The crews' lists: what to do today, where, and with how much water; and their links.",
        "issue": "One issue: show, assign, report, check, close, put off, look back.",
        "campaign": "Campaigns of the year (返青水, 冻水 …): list, start, close, and how far they have come.",
        "flights": "What drones flew and saw: flights, a flight's map, and what no crew is sent for.",
        "doctor": "Look at everything that usually goes wrong, and say how to mend it.",
    },
    "Ask": {
        "sql": "Ask the lake: SQL over every table, read only.",
        "flag": "Judge every plot: dry, diseased, silent, not flown; and bring the crews' lists up to it.",
        "backtest": "Judge a past window day by day: opens, closes, flapping, forecasts against what came.",
        "qc": "Put the quality gates on series in CSV files: which readings count, and why others do not.",
        "export": "Write footprints, findings or pictures for other programs: GeoParquet, STAC.",
    },
    "Run and keep": {
        "ingest": "Take messages from the broker into the lake, until stopped.",
        "serve": "Serve the crews' pages, until stopped.",
        "send": "Tell crews and office by robot, e-mail, webhook or MQTT, until stopped.",
        "replay": "Judge refused messages again, after a device was registered or a decoder mended.",
        "forecast": "Bring in the weather to come: for the litres, and for the days until dry.",
        "images": "Bring in what the files of drones' pictures say of them.",
        "lake": "What lies in the lake; check it; merge small files.",
        "backup": "Copy the whole data folder while everything runs; check a copy; put it back.",
        "simulate": "Publish an invented district's messages to a broker.",
    },
}
app["--help"].group = app["--version"].group = Group("Options", sort_key=len(_COMMANDS))
for place, (heading, commands) in enumerate(_COMMANDS.items()):
    group = Group(heading, sort_key=place)
    for number, (command, meaning) in enumerate(commands.items()):
        # By name: a command loads what it needs, not what all of them need, which takes seconds.
        app.command(f"greensward.commands.{command}:app", name=command, help=meaning, group=group, sort_key=number)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors raised on purpose are printed as one sentence."""
    try:
        result = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError:
        return EXIT_USAGE
    except (GreenswardError, ConnectionError, TimeoutError) as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return EXIT_OK
        err.print(f"[red]greensward:[/] {escape(str(error))}")
        return _exit_code(error)
    except OSError as error:
        err.print(f"[red]greensward:[/] {escape(said_of(error))}.")
        return EXIT_FOUND_PROBLEMS
    except Exception as error:  # the top of everything: whoever typed it gets a sentence
        if wants_traceback():
            raise
        err.print(f"[red]greensward:[/] {escape(f'{type(error).__name__}: {error}')}")
        err.print(
            "This is a fault of Greensward's: please report it with what you typed, this sentence, and what "
            f"{TRACEBACK}=1 before the command prints."
        )
        return EXIT_FOUND_PROBLEMS
    return int(result or 0)


def _nobody_reads() -> bool:
    """Say whether it was our own output that broke (`… | head -1`), and then keep Python from trying again at exit."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    broken = any(event & select.POLLERR for _, event in output.poll(0))
    if broken:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return broken


def _exit_code(error: Exception) -> int:
    if isinstance(error, InUseError):
        return EXIT_IN_USE
    if isinstance(error, ConfigError):
        return EXIT_USAGE
    return EXIT_UNREACHABLE if isinstance(error, (ConnectionError, TimeoutError)) else EXIT_FOUND_PROBLEMS
