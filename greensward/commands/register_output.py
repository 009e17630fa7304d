"""What `plots` and `device` share: reading their files, printing findings and instants."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.markup import escape
from rich.table import Column

from greensward.console import out
from ingest.errors import ConfigError
from ingest.registers.findings import Finding
from ingest.registers.instants import EXPECTED_INSTANT, parse_instant

SHOWN_FINDINGS = 200
"""Findings that are printed for people; --json has them all."""


def read_file(file: Path, most_bytes: int | None = None) -> bytes:
    """Return the bytes of a file, or of standard input for "-".

    most_bytes: no more than these are read
    Raises: ConfigError, also for a file of more bytes.
    """
    size = -1 if most_bytes is None else most_bytes + 1
    try:
        with nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb") as opened:
            payload = opened.read(size)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}.") from error
    if most_bytes is not None and len(payload) > most_bytes:
        raise ConfigError(f"{file} has more than {most_bytes:,} bytes. Is it the right file?")
    return payload


def instant(text: str | None, option: str, zone: ZoneInfo) -> datetime | None:
    """Return the instant that a person wrote, by the site's clock. Raises: ConfigError naming the option."""
    if text is None:
        return None
    try:
        return parse_instant(text, zone)
    except ValueError as error:
        raise ConfigError(f"{option} {text!r}: expected {EXPECTED_INSTANT}.") from error


def print_findings(findings: Sequence[Finding], number: str) -> None:
    """Print findings for people, three lines each; `number` says what the findings' numbers count."""
    for finding in findings[:SHOWN_FINDINGS]:
        place = "the file" if finding.number is None else f"{number} {finding.number}"
        where = finding.pointer.partition("/features/")[2].partition("/")[2] or finding.pointer
        colour = "red" if finding.severity == "fault" else "yellow"
        head = " · ".join(part for part in (place, finding.record_id or "", where) if part)
        out.print(f"[{colour}]{finding.severity}[/] [bold]{finding.code}[/]  {escape(head)}")
        say(f"    got {finding.got}; expected {finding.expected}")
        say(f"    → {finding.advice}")
    if len(findings) > SHOWN_FINDINGS:
        say(f"… and {len(findings) - SHOWN_FINDINGS} more; --json prints them all.")


def local(at: datetime | None, zone: ZoneInfo) -> str:
    """Return an instant by the site's clock, to the minute; "" for None."""
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def id_column(header: str, rows: Sequence[Mapping[str, Any]], key: str) -> Column:
    """Return a table's column that shows every id whole, however narrow the terminal: ids are copied."""
    return Column(header, no_wrap=True, min_width=max((len(str(row[key])) for row in rows), default=0))


def say(text: str) -> None:
    """Print a sentence as it stands."""
    out.print(escape(text))


def changes_line(
    what: str, counts: Sequence[tuple[str, Sequence[str]]], *, written: bool, would: bool, version: str
) -> str:
    """Return one line on what an import changed, or would change."""
    numbers = ", ".join(f"{len(ids)} {word}" for word, ids in counts if ids) or "none"
    if would:
        return f"An import would give {what}: {numbers}."
    return f"Imported {what}: {numbers}. Register version {version}." if written else f"Nothing to change: {numbers}."
