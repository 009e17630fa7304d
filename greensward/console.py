"""How every command talks: results on stdout, progress on stderr, one meaning per exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter, validators
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from crews.listening import listen
from crews.readable import readable
from greensward.given_settings import load_from, settings_found
from greensward.settings import Settings

EXIT_OK = 0
EXIT_FOUND_PROBLEMS = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_IN_USE = 4

_EXIT_CODES = (
    "Exit codes: 0 all right, 1 something was found, 2 wrong use or setting, 3 broker or server out of reach, "
    "4 in use by another process."
)


class Terminal(Console):
    """A console on which no name, note or message from outside can turn a line around or give the terminal orders."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Return what is printed of a text."""
        return super().render_str(readable(text), **how)


class Listing(Table):
    """A table that cuts nothing off: what is wider than its column goes on in the next line."""

    def add_column(self, *header: Any, **how: Any) -> None:
        """Add a column, as Table does."""
        super().add_column(*header, **{"overflow": "fold"} | how)


_ENDLESS = 1_000_000
"""Columns of text that no row reaches."""

out = Terminal(soft_wrap=True, highlight=False, emoji=False)
err = Terminal(stderr=True, soft_wrap=True, highlight=False, emoji=False)


a_port = validators.Number(gte=1, lte=65_535)
"""For options that name a port."""


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """What every command accepts."""

    config: Annotated[Path | None, Parameter(help="Settings file (default: see `greensward config`).")] = None
    data: Annotated[Path | None, Parameter(name=["--data", "-C"], help="Data folder; overrides the settings.")] = None
    json: Annotated[bool, Parameter(help="Print the result as JSON.", negative="")] = False

    def settings(self) -> Settings:
        """Return the settings these options lead to; says on stderr which file counts where it may surprise.

        Raises: ConfigError.
        """
        found = settings_found(self.config, self.data)
        if found.note:
            err.print(escape(found.note))
        return load_from(found.file, self.data)


@Parameter(name="*")
@dataclass(frozen=True)
class Spoken(Common):
    """What commands accept that speak of people's work."""

    lang: Annotated[Literal["zh", "en"], Parameter(help="Language.")] = "zh"


def examples(*commands: str) -> str:
    """Return what stands below the help of a command: how it is typed, and what its exit codes mean."""
    return "\\\n".join(("For example:", *(f"`{command}`" for command in commands))) + f"\n\n{_EXIT_CODES}"


def show(result: object, *, as_json: bool, render: Callable[[], None]) -> None:
    """Print `result` (anything msgspec encodes) as JSON, or call `render` for people."""
    if as_json:
        sys.stdout.write(msgspec.json.format(to_json(result).encode(), indent=2).decode() + "\n")
    else:
        render()


def print_table(table: Listing) -> None:
    """Print a table on stdout; a file or a pipe has no edge, so there every row is one line."""
    screen = out if out.is_terminal else Terminal(width=_ENDLESS, highlight=False, emoji=False)
    screen.print(table)


_ESCAPED = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}


def to_json(result: object) -> str:
    """Return `result` (anything msgspec encodes) as a line of JSON that gives a terminal no orders.

    JSON escapes the control characters below 0x20 by itself; those from 0x7f to 0x9f are orders as well.
    """
    return msgspec.json.encode(result).decode().translate(_ESCAPED)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one: 1 plot, 2 plots, 1,024 messages."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def check_port_is_free(host: str, port: int, setting: str) -> None:
    """Raise ConfigError, naming the setting, when nobody could listen there: before work that would be in vain."""
    with listen(host, port, setting):
        pass


def progress() -> Progress:
    """Return a progress bar on stderr that stays silent when stderr is not a terminal; use it as a context manager."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
