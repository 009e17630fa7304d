"""`greensward device tail`: what arrives at the broker, as it arrives, and what would become of it."""

from __future__ import annotations

import sys
import textwrap
import time
from dataclasses import dataclass, field
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from cyclopts import Parameter, validators
from rich.markup import escape

from greensward.commands.device_check import print_faults
from greensward.commands.register_output import say
from greensward.console import EXIT_OK, Common, counted, err, out, to_json
from greensward.overheard.ear import Ear, filters_of
from greensward.overheard.judged import Told, judgement_by
from greensward.overheard.lines import line_of
from greensward.stopping import Stop
from greensward.wiring import broker_at_hand, broker_of
from ingest.identifiers import is_id, normalise_device_id

_INDENT = " " * 9
"""As wide as the clock, so that a line that goes on stands under its device."""


@dataclass(slots=True)
class _Count:
    """What came, of the devices asked for."""

    messages: int = 0
    refused: int = 0
    quarantined: int = 0
    devices: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)


def tail(
    *device_ids: Annotated[str, Parameter(help="Only these devices; a DevEUI in any spelling.")],
    format_: Annotated[
        Literal["native", "chirpstack", "things-stack", "dji", "alink", "onenet", "iotda", "sparkplug"] | None,
        Parameter(name="--format", help="Only what comes in this format; SenML is native."),
    ] = None,
    rejected: Annotated[bool, Parameter(help="Only messages with something to refuse.", negative="")] = False,
    seconds: Annotated[
        float | None, Parameter(help="End after listening for so many seconds.", validator=validators.Number(gt=0))
    ] = None,
    common: Common | None = None,
) -> int:
    """Show what arrives at the broker and what would become of it, until Ctrl-C; nothing is stored or acknowledged.

    It listens beside ingest, as the user of [broker]. What it misses while paused the broker counts as dropped, and
    `greensward doctor` says so; ingest misses nothing. With --json every message is a line of JSON, with its bytes:
    `greensward simulate --like` publishes them again.
    """
    common = common or Common()
    settings = common.settings()
    zone = settings.place().timezone
    judgement = judgement_by(settings)
    wanted = frozenset(normalise_device_id(device_id) for device_id in device_ids)
    broker = broker_of(broker_at_hand(settings.broker))
    count = _Count()
    with Stop() as stop, Ear(broker, settings.site.district, filters_of(settings.site.district, format_), qos=0) as ear:
        began = time.monotonic()
        whom = ", ".join(sorted(wanted)) or "every device"
        err.print(f"Listening to {escape(whom)} at {broker.host}:{broker.port}; Ctrl-C ends it.")
        if ear.refused:
            err.print(ear.said_of_refused())

        def is_over() -> bool:
            return stop.is_asked() or (seconds is not None and time.monotonic() - began >= seconds)

        for heard in ear.hear(is_over):
            told = judgement.of(heard)
            if (wanted and wanted.isdisjoint(told.device_ids)) or (rejected and not told.faults):
                continue
            is_new = _add(count, told)
            if common.json:
                _write(told)
            else:
                _print(told, zone, is_new=is_new)
    err.print(escape(_summary(count, time.monotonic() - began)))
    return EXIT_OK


def _add(count: _Count, told: Told) -> bool:
    """Count a message, and say whether it is the first of a device that nobody registered."""
    count.messages += 1
    count.refused += bool(told.faults)
    count.quarantined += bool(told.quarantine)
    count.devices.update(told.device_ids[:1])
    reads = told.decoded.soil or told.decoded.weather or told.decoded.status or told.faults
    is_nobody = bool(reads and told.device_ids) and not told.is_registered and is_id(told.device_ids[0])
    is_new = is_nobody and told.device_ids[0] not in count.unknown
    if is_new:
        count.unknown.add(told.device_ids[0])
    return is_new


def _print(told: Told, zone: ZoneInfo, *, is_new: bool) -> None:
    line = line_of(told, zone)
    if out.is_terminal:
        line = textwrap.fill(line, out.width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)
    colour = "red" if told.faults else "yellow" if told.quarantine else "dim" if told.heard.retained else ""
    out.print(f"[{colour}]{escape(line)}[/]" if colour else escape(line))
    print_faults(told.faults)
    if is_new:
        register = f"greensward device add {told.device_ids[0]} --model VENDOR/MODEL --plot PLOT --depth 10,30"
        say(f"{_INDENT}not in the register: {register}")


def _write(told: Told) -> None:
    decoded = told.decoded
    values = told.heard.as_values() | {
        "device_id": told.device_ids[0] if told.device_ids else None,
        "is_registered": told.is_registered,
        "soil": decoded.soil,
        "weather": decoded.weather,
        "status": decoded.status,
        "pictures": len(decoded.images),
        "ignored": decoded.ignored,
        "quarantine": told.quarantine,
        "refused": told.faults,
    }
    sys.stdout.write(to_json(values) + "\n")
    sys.stdout.flush()


def _summary(count: _Count, lasted_s: float) -> str:
    came = f"{counted(count.messages, 'message')} of {counted(len(count.devices), 'device')} in {lasted_s:.0f} s"
    if not count.messages:
        return f"{came}. Was one to be expected? `greensward doctor` says whether the broker delivers to us."
    more = [(count.refused, "with faults"), (count.quarantined, "quarantined"), (len(count.unknown), "not registered")]
    return came + "".join(f", {number} {word}" for number, word in more if number) + "."
