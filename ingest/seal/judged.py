"""Messages to rows, in memory: what each message brings to which table, and what is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ingest.decode.context import DecodeContext
from ingest.decode.route import decode, refusal_reply
from ingest.errors import Fault, PayloadError, StoreError
from ingest.observation import Decoded, DroneImage, DronePose, Message, Reply

Row = dict[str, Any]

_SHOWN_CHARACTERS = 300


@dataclass(slots=True)
class Judged:
    """One message and what it says, or why it was refused."""

    message: Message
    decoded: Decoded | None
    error: PayloadError | None

    def reply(self) -> Reply | None:
        """Return what to answer the sender once this message's rows are durable."""
        if self.error is not None:
            return refusal_reply(self.message, self.error)
        return self.decoded.reply if self.decoded else None


@dataclass(slots=True)
class Batch:
    """What a number of messages bring, table by table; images wait for their geometry."""

    judged: list[Judged]
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    images: list[tuple[DroneImage, Message]] = field(default_factory=list)
    poses: list[DronePose] = field(default_factory=list)

    def add(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Add rows, by table name."""
        for name, some in rows.items():
            self.rows[name].extend(some)

    def add_refused(self, message: Message, error: PayloadError, software_version: str) -> None:
        """Add a message that brings nothing but its refusal."""
        self.judged.append(Judged(message, None, _as_told(error)))
        self.rows["rejected"].append(_refused_message(message, error, software_version))

    def refuse(self, message_seq: int, error: PayloadError, software_version: str) -> None:
        """Refuse a message after all: what it brought goes, and it stands in `rejected` as a whole.

        Looks through the whole batch, which is too slow for every message of it.
        """
        for rows in self.rows.values():
            rows[:] = [row for row in rows if row["message_seq"] != message_seq]
        for judged in self.judged:
            if judged.message.message_seq == message_seq:
                judged.decoded, judged.error = None, _as_told(error)
                self.rows["rejected"].append(_refused_message(judged.message, error, software_version))


def judge(
    messages: Iterable[Message],
    context: DecodeContext,
    software_version: str,
    learn: Callable[[Decoded], None] = lambda _: None,
) -> Batch:
    """Return the rows that `messages` bring. No message can stop the others, not even one that our code fails on.

    learn: called with what each message says before the next is decoded, to change what `context` knows
    """
    batch = Batch([])
    for message in messages:
        try:
            decoded = decode(message, context)
        except PayloadError as error:
            batch.add_refused(message, error, software_version)
            continue
        except Exception as error:  # noqa: BLE001 - or the message would stop ingest at every start, for ever
            batch.add_refused(message, our_fault(error), software_version)
            continue
        learn(decoded)
        batch.judged.append(Judged(message, decoded, None))
        _collect(batch, message, decoded)
        batch.rows["rejected"].extend(_refused_parts(message, decoded, software_version))
    return batch


def our_fault(error: Exception) -> PayloadError:
    """Return the refusal of a message that our own code failed on; it is kept, and `replay` judges it again.

    Raises: `error` itself where it says nothing about the message (no memory, the disk).
    """
    if isinstance(error, MemoryError | OSError | StoreError):
        raise error
    got = f"{type(error).__name__}: {error}"[:_SHOWN_CHARACTERS]
    advice = "Nothing on the sender's side: report it; after the repair `greensward replay` judges the message again."
    return PayloadError(Fault("", "decoder_failed", got, "a message that Greensward can judge", advice))


def _as_told(error: PayloadError) -> PayloadError:
    """Return what `error` says, without where it was raised.

    That leads to every local variable on the way, the batch among them: a ring that the garbage collector would have
    to find before a seal's memory is free.
    """
    return PayloadError(*error.faults, device_id=error.device_id)


def _collect(batch: Batch, message: Message, decoded: Decoded) -> None:
    for name, observations in (
        ("soil_readings", decoded.soil),
        ("weather_readings", decoded.weather),
        ("device_status", decoded.status),
        ("drone_poses", decoded.poses),
        ("flight_reports", decoded.flights),
        ("weather_forecasts", decoded.forecasts),
    ):
        for observation in observations:
            row = msgspec.structs.asdict(observation)
            row["received_at"] = message.received_at
            row["message_seq"] = message.message_seq
            batch.rows[name].append(row)
    batch.images.extend((image, message) for image in decoded.images)
    batch.poses.extend(decoded.poses)


def _refused_parts(message: Message, decoded: Decoded, software_version: str) -> Iterator[Row]:
    """Yield a row per refused part; the message's bytes stand in the first only, or a few messages fill the memory."""
    whole: Row = {}
    for part in decoded.parts_refused:
        if not whole:
            whole = rejected_row(message, part.pointer, part.faults, decoded.device_id, "part", software_version)
            yield whole
        else:
            faults = msgspec.json.encode(part.faults).decode()
            yield whole | {
                "pointer": part.pointer,
                "code": part.faults[0].code,
                "faults_json": faults,
                "payload": b"",
            }


def _refused_message(message: Message, error: PayloadError, software_version: str) -> Row:
    return rejected_row(message, "", error.faults, error.device_id, "message", software_version)


def rejected_row(
    message: Message, pointer: str, faults: Sequence[Fault], device_id: str | None, scope: str, software_version: str
) -> Row:
    """Return a row of table `rejected`."""
    return {
        "message_seq": message.message_seq,
        "received_at": message.received_at,
        "topic": message.topic,
        "scope": scope,
        "pointer": pointer,
        "code": faults[0].code,
        "device_id": device_id,
        "faults_json": msgspec.json.encode(faults).decode(),
        "payload": message.payload,
        "payload_sha256": message.payload_sha256(),
        "software_version": software_version,
    }
