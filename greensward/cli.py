"""The command line: every command in one place, and what each kind of error means to the shell.

Exit codes: 0 all right · 1 problems found · 2 wrong use or configuration · 3 broker or server out of reach ·
4 data folder or client id in use by another process.
"""

from __future__ import annotations

from importlib.metadata import version

from cyclopts import App, CycloptsError
from rich.markup import escape

from greensward.commands import (
    config,
    demo,
    device,
    doctor,
    flag,
    ingest,
    issue,
    lake,
    plots,
    replay,
    serve,
    simulate,
    up,
)
from greensward.commands import list as list_command
from greensward.commands import sql as sql_command
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_IN_USE, EXIT_UNREACHABLE, EXIT_USAGE, err
from ingest.errors import ConfigError, GreenswardError, InUseError

app = App(
    name="greensward",
    help="Soil probes and drone patrols in over MQTT; a crew's watering and inspection list out.",
    version=version("greensward"),
)
for command in (
    demo.app,
    up.app,
    ingest.app,
    flag.app,
    list_command.app,
    issue.app,
    serve.app,
    sql_command.app,
    plots.app,
    device.app,
    lake.app,
    doctor.app,
    replay.app,
    simulate.app,
    config.app,
):
    app.command(command)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors raised on purpose are printed as one sentence."""
    try:
        result = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        return EXIT_USAGE
    except (GreenswardError, ConnectionError, TimeoutError) as error:
        err.print(f"[red]greensward:[/] {escape(str(error))}")
        return _exit_code(error)
    return int(result or 0)


def _exit_code(error: Exception) -> int:
    if isinstance(error, InUseError):
        return EXIT_IN_USE
    if isinstance(error, ConfigError):
        return EXIT_USAGE
    return EXIT_UNREACHABLE if isinstance(error, (ConnectionError, TimeoutError)) else EXIT_FOUND_PROBLEMS
