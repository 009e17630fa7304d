"""`greensward device check`: what becomes of one message, or of one frame, and why; nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.markup import escape
from rich.table import Column

from crews.readable import one_line
from greensward.commands.check_input import EXPECTED, read_hex, split_message
from greensward.commands.check_picture import picture_facts, print_picture
from greensward.commands.register_output import read_file, say
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, Listing, counted, out, print_table, show
from greensward.settings import Settings
from ingest.decode.context import DecodeContext
from ingest.decode.device_models import Model, all_models
from ingest.decode.fault_codes import IGNORED_CODES
from ingest.decode.notes import FieldNote, Notes
from ingest.decode.recognise import recognise
from ingest.decode.route import decode
from ingest.decode.uplink import decode_uplink_of
from ingest.decode.uplink_message import Uplink
from ingest.errors import ConfigError, Fault, PayloadError
from ingest.observation import Decoded, Message
from ingest.registers.snapshot import load
from ingest.registers.words import did_you_mean
from ingest.seal.memory import Memory

_LARGEST_PORT = 255
_STORED = (
    ("soil", "soil row"), ("weather", "weather row"), ("status", "status row"), ("images", "picture"),
    ("poses", "gimbal pose"), ("flights", "flight report"), ("forecasts", "forecast day"),
)  # fmt: skip
_AFTER_ALL = 2**63 - 1
"""Number of a message that comes now, after all that were ever sealed."""


def check(
    file: Annotated[
        Path | None,
        Parameter(
            help="One message: an uplink's JSON, or a line TOPIC PAYLOAD; - reads standard input.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    *,
    topic: Annotated[str | None, Parameter(help="The topic, when the message does not tell it.")] = None,
    model: Annotated[str | None, Parameter(help="Read it as this model's, whatever the register says.")] = None,
    hex_: Annotated[
        str | None, Parameter(name="--hex", help="A frame's bytes instead of a message; needs --model.")
    ] = None,
    port: Annotated[int | None, Parameter(help="The LoRaWAN port of --hex.")] = None,
    common: Common | None = None,
) -> int:
    """Say which model a message comes from, what every field becomes, what is left out and what is refused."""
    common = common or Common()
    settings = common.settings()
    known, why = (None, "") if model is None else _model(model)
    notes = Notes()
    if hex_ is not None:
        if file is not None or topic is not None or known is None:
            raise ConfigError("--hex stands with --model, and without a file or a topic.")
        if port is not None and not 0 <= port <= _LARGEST_PORT:
            raise ConfigError(f"--port {port}: a LoRaWAN port is 0 to {_LARGEST_PORT}.")
        notes.model, notes.why = known, why
        said, decoded, faults = f"a frame on port {port}", *_frame(read_hex(hex_), port, known, settings.now(), notes)
    elif file is None or port is not None:
        raise ConfigError(f"Name a file with one message, or -, or --model and --hex (with --port). {EXPECTED}")
    else:
        said, payload = split_message(read_file(file), topic, settings.site.district)
        decoded, faults = _message(Message(_AFTER_ALL, settings.now(), said, payload), known, settings, notes)
        notes.why = why if known is not None and notes.model == known else notes.why
    result = {
        "message": said,
        "device_id": decoded.device_id,
        "model": notes.model.model_id if notes.model else None,
        "why": notes.why,
        "read": notes.read,
        "fields": notes.fields,
        "soil": decoded.soil,
        "weather": decoded.weather,
        "status": decoded.status,
        "pictures": picture_facts(decoded.images),
        "poses": decoded.poses,
        "flights": decoded.flights,
        "ignored": decoded.ignored,
        "refused": faults,
    }
    show(result, as_json=common.json, render=lambda: _print(said, notes, decoded, faults))
    return EXIT_FOUND_PROBLEMS if faults else EXIT_OK


def _model(said: str) -> tuple[Model, str]:
    """Return the model by its id, or by a whole name that no other has, and why. Raises: ConfigError."""
    models = all_models()
    asked = said.strip().lower()
    if asked in models:
        return models[asked], "--model says so"
    named = {name: model for model in models.values() for name in (*model.aliases, model.model_id.partition("/")[2])}
    if asked in named:
        return named[asked], f"--model {said} is a name of it"
    loose = recognise(None, (said,), ()).model
    hint = f"Did you mean {loose.model_id}?" if loose is not None else ""
    hint = hint or did_you_mean(asked, [*models, *named], "greensward device models lists them.")
    raise ConfigError(f"--model {said!r} is not known. {hint}")


def _frame(
    data: bytes, port: int | None, model: Model, now: datetime, notes: Notes
) -> tuple[Decoded, tuple[Fault, ...]]:
    uplink = Uplink("check", now, "check", (), None, "", data, "", port, 0)
    try:
        decoded = decode_uplink_of(uplink, model, now, notes)
    except PayloadError as error:
        return Decoded(), error.faults
    return msgspec.structs.replace(decoded, device_id=None), _part_faults(decoded)


def _message(
    message: Message, model: Model | None, settings: Settings, notes: Notes
) -> tuple[Decoded, tuple[Fault, ...]]:
    model_of = dict(load(settings.data_folder()).model_of)
    site = settings.place()
    try:
        if model is not None:
            device_id = _device_id(message, DecodeContext(site, model_of))
            model_of |= {device_id: model.model_id} if device_id is not None else {}
        memory = Memory(settings.data_folder())
        decoded = decode(message, DecodeContext(site, model_of, memory.streams, memory.births, notes))
    except PayloadError as error:
        return Decoded(device_id=error.device_id), error.faults
    return decoded, _part_faults(decoded)


def _device_id(message: Message, context: DecodeContext) -> str | None:
    try:
        return decode(message, context).device_id
    except PayloadError as error:
        return error.device_id


def _part_faults(decoded: Decoded) -> tuple[Fault, ...]:
    return tuple(fault for part in decoded.parts_refused for fault in part.faults)


def _print(said: str, notes: Notes, decoded: Decoded, faults: tuple[Fault, ...]) -> None:
    say(f"Message: {said}" + (f", device {decoded.device_id}" if decoded.device_id else ""))
    if notes.why:
        by = (
            f"{notes.model.model_id} · {notes.model.name}"
            if notes.model
            else "unknown; read by the rule for unknown models"
        )
        say(f"Model: {by}; {notes.why}.")
    if notes.read:
        say(f"Read: {', then '.join(notes.read)}.")
    if notes.fields:
        _print_fields(notes.fields)
    if decoded.ignored is not None:
        meaning = IGNORED_CODES.get(decoded.ignored)
        say(f"Left aside: {decoded.ignored}. {meaning.en if meaning else ''}".rstrip())
    for row in decoded.soil:
        if row.quarantine is not None:
            where = f"channel {row.channel}, {row.measured_at.isoformat()}: {row.quarantine}"
            out.print(f"[yellow]quarantined[/] {escape(where)}")
    print_faults(faults)
    for facts in picture_facts(decoded.images):
        print_picture(facts)
    counts = [counted(len(getattr(decoded, kind)), noun) for kind, noun in _STORED if getattr(decoded, kind)]
    say(f"Would be stored: {', '.join(counts) or 'nothing'}. Nothing was stored.")


def print_faults(faults: Sequence[Fault]) -> None:
    """Print every fault for people: its code and place, what was got and expected, what to do."""
    for fault in faults:
        out.print(f"[red]refused[/] [bold]{fault.code}[/]  {escape(one_line(fault.pointer) or '/')}")
        say(f"    got {one_line(fault.got)}; expected {one_line(fault.expected)}")
        say(f"    → {fault.advice}")


def _print_fields(fields: list[FieldNote]) -> None:
    table = Listing(
        Column("Field", no_wrap=True),
        "Given",
        Column("Becomes", overflow="fold"),
        Column("Value", no_wrap=True),
        "Note",
    )
    for note in fields:
        is_kept = note.fate == "kept"
        channel = f" [{note.channel}]" if note.channel is not None else ""
        element = channel if note.depth_cm is None else f" {note.depth_cm:g} cm"
        cells = (
            _place(note),
            note.given,
            f"{note.quantity}{element}" if is_kept else f"– {note.fate}",
            f"{note.value:.6g} {note.unit}".removesuffix(" 1") if is_kept else "",
            note.why,
        )
        table.add_row(*(escape(cell) for cell in cells))
    print_table(table)


def _place(note: FieldNote) -> str:
    """Return the field's name, with the record it stands in when it is one of a list."""
    parts = note.pointer.split("/")
    in_list = len(parts) > 2 and parts[-2].isdigit() and not parts[-3].isdigit()  # noqa: PLR2004
    return f"{parts[-3]}[{parts[-2]}].{note.name}" if in_list else note.name
