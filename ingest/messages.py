"""Many messages by columns: what the seal works on, since an object per message would cost more than all the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self, overload

import numpy as np
import pyarrow as pa

from ingest.observation import Message, Whole

Integers = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class Messages(Sequence[Message]):
    """A sequence of `Message`, each made only when it is asked for.

    message_seq, received_at_us, topics, payloads, redelivered, retained: one entry a message; instants in microseconds
        since 1970, UTC; each different topic stands once in the dictionary of `topics`
    judged_at: of all of them, as in Message
    wholes: of the few messages of which only the beginning is kept, by place
    """

    message_seq: Integers
    received_at_us: Integers
    topics: pa.DictionaryArray
    payloads: pa.BinaryArray
    redelivered: Flags
    retained: Flags
    judged_at: datetime | None = None
    wholes: Mapping[int, Whole] = field(default_factory=dict)

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Messages:
        """Return `messages` by columns; all of them are judged at the same instant."""
        if isinstance(messages, Messages):
            return messages
        judged_at = {message.judged_at for message in messages}
        if len(judged_at) > 1:
            raise ValueError("messages that are judged together are judged at one instant")
        return cls(
            message_seq=np.array([message.message_seq for message in messages], np.int64),
            received_at_us=np.array([microseconds(message.received_at) for message in messages], np.int64),
            topics=topics_array([message.topic for message in messages]),
            payloads=pa.array([message.payload for message in messages], pa.binary()),
            redelivered=np.array([message.redelivered for message in messages], np.bool_),
            retained=np.array([message.retained for message in messages], np.bool_),
            judged_at=next(iter(judged_at), None),
            wholes={place: message.whole for place, message in enumerate(messages) if message.whole is not None},
        )

    @classmethod
    def joined(cls, parts: Sequence[Messages]) -> Self:
        """Return the messages of all `parts`, which were not judged before."""
        if len(parts) == 1 and isinstance(parts[0], cls):
            return parts[0]
        wholes: dict[int, Whole] = {}
        before = 0
        for part in parts:
            wholes |= {before + place: whole for place, whole in part.wholes.items()}
            before += len(part)
        return cls(
            message_seq=_joined([part.message_seq for part in parts], np.int64),
            received_at_us=_joined([part.received_at_us for part in parts], np.int64),
            topics=pa.concat_arrays([part.topics for part in parts]) if parts else topics_array([]),
            payloads=pa.concat_arrays([part.payloads for part in parts]) if parts else pa.array([], pa.binary()),
            redelivered=_joined([part.redelivered for part in parts], np.bool_),
            retained=_joined([part.retained for part in parts], np.bool_),
            wholes=wholes,
        )

    def latest_at_us(self) -> Integers:
        """Return the latest reading of our clock that each sender's clock is held against (`Message.latest_at`)."""
        if self.judged_at is None:
            return self.received_at_us
        return np.maximum(self.received_at_us, microseconds(self.judged_at))

    def at(self, places: Iterable[int]) -> list[Message]:
        """Return the messages at `places`."""
        return [self[place] for place in places]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.topics)

    @overload
    def __getitem__(self, place: int) -> Message: ...
    @overload
    def __getitem__(self, place: slice) -> list[Message]: ...
    def __getitem__(self, place: int | slice) -> Message | list[Message]:
        """Return one message, or some."""
        if isinstance(place, slice):
            return self.at(range(*place.indices(len(self))))
        return Message(
            message_seq=int(self.message_seq[place]),
            received_at=instant(int(self.received_at_us[place])),
            topic=self.topics[place].as_py(),
            payload=self.payloads[place].as_py(),
            redelivered=bool(self.redelivered[place]),
            retained=bool(self.retained[place]),
            judged_at=self.judged_at,
            whole=self.wholes.get(place if place >= 0 else len(self) + place),
        )

    def __eq__(self, other: object) -> bool:
        """Say whether these are the same messages, as of any sequence."""
        return isinstance(other, Messages) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Message]:
        """Yield each message."""
        return (self[place] for place in range(len(self)))


def topics_array(topics: Sequence[str]) -> pa.DictionaryArray:
    """Return topics as a column in which each stands once."""
    return pa.array(topics, pa.string()).dictionary_encode()


def microseconds(at: datetime) -> int:
    """Return an aware instant as microseconds since 1970, UTC."""
    return (at - _EPOCH) // _MICROSECOND


def instant(at_us: int) -> datetime:
    """Return microseconds since 1970, UTC, as an aware instant."""
    return _EPOCH + timedelta(microseconds=at_us)


def instants_array(at_us: Integers) -> pa.Array:
    """Return microseconds since 1970, UTC, as a column of instants."""
    return pa.array(at_us, pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def _joined(parts: Sequence[np.ndarray[Any, Any]], of: Any) -> np.ndarray[Any, Any]:
    return np.concatenate(parts) if parts else np.zeros(0, of)
