"""`greensward images`: pictures known from their files, long after the flight or beside what the dock said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape
from rich.progress import Progress

from greensward.commands.register_output import read_file
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, err, examples, out, progress, show
from greensward.settings import Settings
from greensward.wiring import SOFTWARE_VERSION
from ingest.decode.context import DecodeContext
from ingest.decode.exif_file import split_exif_file
from ingest.decode.exif_image import FLIGHT_TAG
from ingest.decode.native_exif import UNKNOWN_DRONE, decode_native_exif
from ingest.decode.topics import ROOT, is_id
from ingest.errors import ConfigError, Fault, PayloadError
from ingest.inbox import GROUP_MESSAGES, Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import AlreadyOwnedError, own
from ingest.lake.read import open_lake, retrying
from ingest.observation import Message
from ingest.registers.snapshot import Registers
from ingest.seal.sealer import Sealer

app = App(name="images", help_epilogue=examples("greensward images import exiftool.json --flight F1"))

_SHOWN_FAULTS = 20
_SEALED_BYTES = 6_000_000
_GROUP_BYTES = 4_000_000
_STEPS = 1000


class Entry(msgspec.Struct, frozen=True):
    """An entry of a file that could not be read: its number, from 1, and what is wrong with it."""

    entry: int
    fault: Fault


@dataclass(slots=True)
class Imported:
    """What became of a file; outcomes and statuses are None while another process has yet to store it."""

    entries: int = 0
    refused: list[Entry] = field(default_factory=list)
    broken: Fault | None = None
    outcomes: Counter[str] | None = None
    statuses: Counter[str] | None = None


@app.command(name="import")
def import_(
    file: Annotated[
        Path, Parameter(help="Of exiftool -json -G1 -n; - reads standard input.", allow_leading_hyphen=True)
    ],
    *,
    drone: Annotated[str | None, Parameter(help="Which drone took them; otherwise as their tags say.")] = None,
    flight: Annotated[str | None, Parameter(help="Which flight they are of.")] = None,
    common: Common | None = None,
) -> int:
    """Store the pictures that exiftool describes; those that a dock or drone told of already are completed.

    Make the file with: exiftool -json -n -G1 -r FOLDER > exiftool.json. Tags without groups, or as people read them,
    are understood too. What cannot be read is named, kept in `rejected`, and costs no other picture.
    """
    common = common or Common()
    settings = common.settings()
    if drone is not None and not is_id(drone):
        raise ConfigError(f"--drone {drone!r}: expected 1 to 64 of A-Z a-z 0-9 . _ -.")
    folder = settings.data_folder()
    with progress() as bar:
        imported = _import(read_file(file), drone, flight, settings, folder, bar)
    found = {
        "entries": imported.entries,
        "refused": imported.refused,
        "broken": imported.broken,
        "outcomes": imported.outcomes,
        "statuses": imported.statuses,
    }
    show(found, as_json=common.json, render=lambda: _print(imported))
    return EXIT_FOUND_PROBLEMS if imported.refused or imported.broken else EXIT_OK


def _import(
    payload: bytes, drone: str | None, flight: str | None, settings: Settings, folder: DataFolder, bar: Progress
) -> Imported:
    imported = Imported()
    site, now = settings.place(), datetime.now(UTC)
    context = DecodeContext(site=site, model_of={})
    topic = f"{ROOT}{site.district}/{drone or UNKNOWN_DRONE}/exif"
    micros = int(now.timestamp() * 1_000_000)

    def arrivals() -> Iterator[Arrival]:
        task = bar.add_task("read", total=_STEPS)
        try:
            for share, text in split_exif_file(payload):
                imported.entries += 1
                entry = _with_flight(text, flight)
                try:
                    decode_native_exif(Message(imported.entries, now, topic, entry), context)
                except PayloadError as error:
                    imported.refused.extend(Entry(imported.entries, fault) for fault in error.faults)
                yield Arrival(micros, topic, entry, redelivered=False, retained=False)
                bar.update(task, completed=int(share * _STEPS))
        except PayloadError as error:
            imported.broken = error.faults[0]

    try:
        with own(folder, "greensward images import"), Inbox(folder.inbox) as inbox:
            waited = inbox.backlog().messages
            for group in _groups(arrivals()):
                inbox.append(group)
            if not waited:
                _seal(inbox, folder, settings, imported, bar)
    except AlreadyOwnedError:
        with Inbox(folder.inbox) as inbox:
            for group in _groups(arrivals()):
                inbox.append(group)
    return imported


def _seal(inbox: Inbox, folder: DataFolder, settings: Settings, imported: Imported, bar: Progress) -> None:
    """Store what waits, all of it ours: messages of others may ask for replies, which only ingest can give."""
    site = settings.place()
    sealer = Sealer(folder, site, SOFTWARE_VERSION)
    task = bar.add_task("store", total=imported.entries)
    imported.outcomes, imported.statuses = Counter(), Counter()
    first, last = None, 0
    while (oldest := inbox.oldest(_SEALED_BYTES)).last_group:
        sealed = sealer.seal(oldest.messages, Registers(folder).current())
        inbox.remove_through(oldest.last_group)
        imported.outcomes.update(sealed.outcomes)
        first = oldest.messages[0].message_seq if first is None else first
        last = oldest.messages[-1].message_seq
        bar.advance(task, len(oldest.messages))
    if first is None:
        return

    def statuses() -> list[tuple[str, int]]:
        with open_lake(folder, site) as lake:
            return lake.execute(
                "select concat_ws(': ', footprint_status, footprint_reason), count(*) from drone_images"
                " where message_seq between ? and ? group by 1",
                (first, last),
            ).fetchall()

    imported.statuses.update(dict(retrying(folder, statuses)))


def _groups(arrivals: Iterator[Arrival]) -> Iterator[list[Arrival]]:
    group: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        group.append(arrival)
        size += len(arrival.payload)
        if len(group) == GROUP_MESSAGES or size > _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _with_flight(entry: bytes, flight: str | None) -> bytes:
    """Return an entry with the flight that somebody named; what is no object stays, to be refused as it is."""
    if flight is None or not entry.startswith(b"{"):
        return entry
    tag = msgspec.json.encode({FLIGHT_TAG: flight})[:-1]
    rest = entry[1:].lstrip()
    return tag + (b"}" if rest == b"}" else b"," + rest)


def _print(imported: Imported) -> None:
    for one in imported.refused[:_SHOWN_FAULTS]:
        out.print(f"[red]fault[/] [bold]{one.fault.code}[/]  entry {one.entry} {escape(one.fault.pointer)}")
        out.print(f"    got {escape(one.fault.got)}; expected {escape(one.fault.expected)}")
        out.print(f"    → {escape(one.fault.advice)}")
    if len(imported.refused) > _SHOWN_FAULTS:
        out.print(f"… and {len(imported.refused) - _SHOWN_FAULTS} more; --json prints them all.")
    if imported.broken is not None:
        out.print(f"[red]The file breaks off after entry {imported.entries}:[/] {escape(imported.broken.got)}")
        out.print(f"    → {escape(imported.broken.advice)}")
    if imported.outcomes is None or imported.statuses is None:
        err.print(f"{imported.entries:,} entries are kept; ingest stores them: at once where it runs.")
        return
    stored, there = imported.outcomes["stored"], imported.outcomes["duplicate"]
    for status, count in imported.statuses.most_common():
        out.print(f"{count:>8,}  {escape(status)}")
    err.print(f"{imported.entries:,} entries: {stored:,} brought something new, {there:,} were known.")
