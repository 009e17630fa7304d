"""The command line: every command in one place, and what each kind of error means to the shell.

Exit codes: 0 all right · 1 problems found · 2 wrong use or configuration · 3 broker or server out of reach ·
4 data folder or client id in use by another process.
"""

from __future__ import annotations

import os
import select
import sys
from importlib.metadata import version

from cyclopts import App, CycloptsError
from rich.markup import escape

from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_IN_USE, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE, err
from greensward.settings import TRACEBACK, wants_traceback
from ingest.errors import ConfigError, GreenswardError, InUseError

app = App(
    name="greensward",
    help="Soil probes and drone patrols in over MQTT; a crew's watering and inspection list out.",
    version=version("greensward"),
    suppress_keyboard_interrupt=False,  # Ctrl-C is said in one place: greensward/__main__.py
)
for command in (
    "demo",
    "up",
    "ingest",
    "flag",
    "backtest",
    "list",
    "issue",
    "campaign",
    "serve",
    "sql",
    "qc",
    "flights",
    "plots",
    "device",
    "forecast",
    "images",
    "export",
    "lake",
    "backup",
    "doctor",
    "replay",
    "simulate",
    "config",
):
    # By name: a command loads what it needs, not what all of them need, which takes seconds.
    app.command(f"greensward.commands.{command}:app", name=command)


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
        err.print(f"[red]greensward:[/] {escape(str(error))}")
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
