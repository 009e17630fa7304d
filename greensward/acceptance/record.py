"""The file of an acceptance test: what was tested, every message of the device as it came, and how it ended.

JSON, a line each: the first is the test, the last its end, those between messages as `device tail --json` prints them.
The report is made from the file alone, so that it can be made again, and by somebody else.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from greensward.overheard.message import Heard, read_heard
from ingest.decode.sparkplug_births import LifeEvent
from ingest.errors import ConfigError, StoreError
from ingest.identifiers import EXPECTED_ID, is_id

Ending = Literal["done", "stopped", "broker_lost", "broken_off"]
_Positive = Annotated[float, msgspec.Meta(gt=0)]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What was tested, and against what.

    model: "vendor/model" of the register, None where it has none
    interval_s: between two reports, as registered or said; None when nobody says
    broker: host and port
    software_version: of the Greensward that listened
    births: what ingest had learned of the device's Sparkplug node before the test; without, its data cannot be read
    """

    form: Literal["greensward_acceptance/1"] = "greensward_acceptance/1"
    device_id: str
    model: str | None
    interval_s: _Positive | None
    minutes: _Positive
    broker: str
    mqtt_version: str
    district: str
    timezone: str
    software_version: str
    started_at: _Instant
    births: tuple[LifeEvent, ...] = ()

    def __post_init__(self) -> None:
        """Check what a file may say wrong. Raises: ValueError; msgspec tells it with the place."""
        for name in (self.device_id, self.district):
            if not is_id(name):
                raise ValueError(f"{name!r}: expected {EXPECTED_ID}.")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, OSError) as error:  # OSError: a name such as "Asia" is a folder
            raise ValueError(f"timezone {self.timezone!r} is not an IANA time zone.") from error


class _End(msgspec.Struct, frozen=True, kw_only=True):
    ended_at: _Instant
    ended: Ending


@dataclass(frozen=True, slots=True)
class Record:
    """A file that was read.

    ended: "broken_off" where the file has no end: whoever wrote it was killed, or its disk was full
    sha256: of the file's bytes, in hex
    """

    trial: Trial
    messages: tuple[Heard, ...]
    ended_at: datetime
    ended: Ending
    sha256: str


class Writer:
    """Writes the file, each line as soon as it is known."""

    def __init__(self, file: Path, trial: Trial) -> None:
        """Begin a new file. Raises: ConfigError when it is there already or cannot be written; StoreError."""
        self._file = file
        try:
            self._opened = file.open("xb", buffering=0)
        except FileExistsError as error:
            raise ConfigError(f"{file} is there already, and is not written over. Name another with --out.") from error
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}.") from error
        self._write(trial)

    def add(self, heard: Heard) -> None:
        """Add a message. Raises: StoreError."""
        self._write(heard.as_values())

    def end(self, ended_at: datetime, ended: Ending) -> None:
        """Say how it ended. Raises: StoreError."""
        self._write(_End(ended_at=ended_at, ended=ended))

    def close(self) -> None:
        """Close the file."""
        self._opened.close()

    def _write(self, value: object) -> None:
        line = msgspec.json.encode(value) + b"\n"
        try:
            while line:
                line = line[self._opened.write(line) :]  # of a full disk the first part, and then its error
        except OSError as error:
            raise StoreError(
                f"{self._file}: {error.strerror}. The test ends here. Free space; the report of what came by then: "
                f"greensward device accept --from {shlex.quote(str(self._file))}"
            ) from error


@contextmanager
def new_record(file: Path, trial: Trial) -> Iterator[Writer]:
    """Write a new file for the length of a block. Raises: ConfigError, StoreError."""
    writer = Writer(file, trial)
    try:
        yield writer
    finally:
        writer.close()


def read_record(file: Path) -> Record:
    """Return what a file says. Raises: ConfigError naming the line that is wrong."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}.") from error
    first, *lines = content[: content.rfind(b"\n") + 1].splitlines() or [b""]  # a last line without end is half a line
    try:
        trial = msgspec.json.decode(first, type=Trial)
    except msgspec.MsgspecError as error:
        raise ConfigError(
            f"{file}, line 1: expected the test, as `greensward device accept` writes it into its .jsonl. {error}"
        ) from error
    end = _end_of(lines[-1]) if lines else None
    told = lines[:-1] if end else lines
    messages = tuple(read_heard(line, f"{file}, line {number}") for number, line in enumerate(told, 2))
    last_at = max((heard.received_at for heard in messages), default=trial.started_at)
    end = end or _End(ended_at=last_at, ended="broken_off")
    return Record(trial, messages, end.ended_at, end.ended, hashlib.sha256(content).hexdigest())


def _end_of(line: bytes) -> _End | None:
    try:
        return msgspec.json.decode(line, type=_End)
    except msgspec.MsgspecError:
        return None
