"""Messages that were recorded, brought to now: by `device tail --json` or `device accept`, or as CSV. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from greensward.overheard.ear import is_answer
from greensward.overheard.message import Heard, read_heard
from greensward.simulate.moved import moved
from greensward.simulate.readings import TimedMessage
from ingest.decode.instants import parse_instant
from ingest.errors import ConfigError, PayloadError

_COLUMNS = ("received_at", "topic", "payload")


def read_recording(content: bytes, name: str) -> list[Heard] | None:
    """Return the messages of a recording in order of arrival, without answers and without what lay at the broker.

    None when it is none: a single message. name: of the file, for what is wrong
    Raises: ConfigError naming the line.
    """
    first = content.lstrip().partition(b"\n")[0]
    if set(_COLUMNS) <= set(first.decode("utf-8-sig", "replace").strip().replace('"', "").split(",")):
        heard: Iterable[Heard] = _from_csv(content, name)
    elif _is_line(first):
        heard = _from_lines(content, name)
    else:
        return None
    live = [one for one in heard if not one.retained and not is_answer(one.topic)]
    if not live:
        raise ConfigError(f"{name}: no message in it that a device sent while somebody listened.")
    return sorted(live, key=lambda one: one.received_at)


def bring(recording: list[Heard], *, last: datetime | None = None, first: datetime | None = None) -> list[TimedMessage]:
    """Return the messages with every instant moved, so that the last, or the first, comes at the instant given."""
    by = first - recording[0].received_at if first else (last or recording[-1].received_at) - recording[-1].received_at
    return [TimedMessage(one.received_at + by, one.topic, moved(one.payload, by)) for one in recording]


def _is_line(first: bytes) -> bool:
    try:
        said = msgspec.json.decode(first)
    except msgspec.DecodeError:
        return False
    return isinstance(said, dict) and ({"received_at", "topic"} <= set(said) or "form" in said)


def _from_lines(content: bytes, name: str) -> Iterator[Heard]:
    """Yield messages; lines without a topic are a record's beginning and end, and half a line is what a kill left."""
    lines = content.splitlines()
    if not content.endswith(b"\n") and not _is_line(lines[-1]):
        lines.pop()
    for number, line in enumerate(lines, 1):
        if b'"topic"' in line:
            yield read_heard(line, f"{name}, line {number}")


def _from_csv(content: bytes, name: str) -> Iterator[Heard]:
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), strict=True)
        for row in rows:
            where = f"{name}, line {rows.line_num}"
            try:
                at = parse_instant((row["received_at"] or "").replace(" ", "T", 1))
            except PayloadError as error:
                raise ConfigError(
                    f"{where}: received_at {row['received_at']!r}: expected an RFC 3339 instant with an offset."
                ) from error
            if not row["topic"]:
                raise ConfigError(f"{where}: topic is empty.")
            yield Heard(received_at=at, topic=row["topic"], payload=(row["payload"] or "").encode())
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{name}: expected CSV in UTF-8 with the columns {', '.join(_COLUMNS)}: {error}") from error
