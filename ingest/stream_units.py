"""In which unit an unknown model sends its water content: told by what it has sent so far, never by one value alone.

The rule of soil.md, section 1: more than 1 and at most 100 is percent, below 1 or exactly 1 is a fraction. The first
value gives a stream (one field of one device) its unit, and then the stream keeps it: 0.8 after 22.5 is 0.8 %. What
looks like the other unit is kept in quarantine (`unit_uncertain`) instead of being mixed in:

- in a percent stream a value of at most 1 that continues the stream better as a fraction (0.22 after 22.5), or is the
  third such value in a row. The doubt lasts until a value above 1 comes. It never becomes a fraction by itself: a probe
  pulled out of the ground sends the same small numbers, and 0.3 % must not become wet soil.
- in a fraction stream a value above 1, which can only be percent. After `VALUES_TO_SWITCH` of them in a row the stream
  is one of percent, since no fraction is larger than 1.

The state goes on from value to value in order of arrival, so that batches, restarts and repeats change nothing.
Decision record: docs/decisions, "The unit of an unknown model".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

Unit = Literal["%", "1"]

VALUES_TO_SWITCH = 6
"""Values above 1 in a row that make a fraction stream one of percent: six hours of an hourly probe; our choice."""
SMALL_VALUES_TO_DOUBT = 3
"""Values of at most 1 in a row after which a percent stream is doubted; our choice."""
LARGEST_PERCENT = 100.0
_LARGEST_FRACTION = 1.0
_SURELY_PERCENT = 2.0
"""A fraction a little above 1 is a bad calibration, not percent; soil never holds less than 2 %."""
_NEW_LEVEL = 0.2
"""The level follows values further from it than this share of it, so that not every value changes the state."""
_MOST_STREAMS = 100_000
"""Streams remembered; the longest unchanged are forgotten first (memory is bounded)."""
_TOO_MANY = 1.1
"""Times as many are in memory before the surplus is forgotten, or every new one would cost a sort."""


@dataclass(frozen=True, slots=True)
class StreamUnit:
    """What is known of a stream.

    unit: UCUM code in which its values are read
    level: about the last value that certainly had this unit, as received
    message_seq: the last message that changed this
    against: values in a row that speak for the other unit
    is_doubted: whether what comes is kept in quarantine (percent streams)
    """

    unit: Unit
    level: float
    message_seq: int
    against: int = 0
    is_doubted: bool = False

    def after(self, value: float, message_seq: int) -> tuple[StreamUnit, str | None]:
        """Return the state after a further value (0 to 100), and why the value is in doubt; None when it is not."""
        return self._after_percent(value, message_seq) if self.unit == "%" else self._after_fraction(value, message_seq)

    def _after_percent(self, value: float, message_seq: int) -> tuple[StreamUnit, str | None]:
        if value > _LARGEST_FRACTION:
            level = self._level(value)
            if level == self.level and not self.against and not self.is_doubted:
                return self, None
            return StreamUnit("%", level, message_seq), None
        # Counted no further than needed, so that a probe in air does not change the state for ever.
        against = min(self.against + 1, SMALL_VALUES_TO_DOUBT)
        continues_as_fraction = abs(100 * value - self.level) < abs(value - self.level)
        is_doubted = self.is_doubted or continues_as_fraction or against >= SMALL_VALUES_TO_DOUBT
        state = self
        if (against, is_doubted) != (self.against, self.is_doubted):
            state = replace(self, against=against, is_doubted=is_doubted, message_seq=message_seq)
        if not is_doubted:
            return state, None
        return state, f"unit_uncertain: {value:g} in a stream of percent, about {self.level:g} before"

    def _after_fraction(self, value: float, message_seq: int) -> tuple[StreamUnit, str | None]:
        if value <= _LARGEST_FRACTION:
            level = self._level(value)
            if level == self.level and not self.against:
                return self, None
            return StreamUnit("1", level, message_seq), None
        against = self.against + (value >= _SURELY_PERCENT)
        if against >= VALUES_TO_SWITCH:
            return StreamUnit("%", value, message_seq), None
        state = self if against == self.against else replace(self, against=against, message_seq=message_seq)
        return state, f"unit_uncertain: {value:g} in a stream of fractions, about {self.level:g} before"

    def _level(self, value: float) -> float:
        return value if abs(value - self.level) > _NEW_LEVEL * self.level else self.level


class StreamUnits:
    """The units of all streams, by device and field."""

    def __init__(self, states: Iterable[tuple[str, str, StreamUnit]] = ()) -> None:
        """Begin with what is remembered; each: device id, field, state."""
        self._by_device: dict[str, dict[str, StreamUnit]] = {}
        self._count = 0
        for device_id, field, state in states:
            self.learn(device_id, {field: state})

    def of_device(self, device_id: str) -> Mapping[str, StreamUnit]:
        """Return the streams of a device by field."""
        return self._by_device.get(device_id, {})

    def learn(self, device_id: str, changes: Mapping[str, StreamUnit]) -> None:
        """Take over what a message changed."""
        streams = self._by_device.setdefault(device_id, {})
        self._count += len(changes.keys() - streams.keys())
        streams.update(changes)
        if self._count > _TOO_MANY * _MOST_STREAMS:
            kept, self._by_device, self._count = list(self), {}, 0
            for who, field, state in kept:
                self.learn(who, {field: state})

    def __iter__(self) -> Iterator[tuple[str, str, StreamUnit]]:
        """Yield device id, field and state of the streams to remember, the last changed first."""
        every = [(device, field, state) for device, of in self._by_device.items() for field, state in of.items()]
        every.sort(key=lambda stream: -stream[2].message_seq)
        yield from every[:_MOST_STREAMS]


class StreamReader:
    """Reads the bare water contents of one device in one message; changes nothing but itself.

    changes: state by field of the streams that the message changed
    """

    def __init__(self, streams: Mapping[str, StreamUnit], message_seq: int) -> None:
        """Begin with the device's streams as they were before the message.

        message_seq: a stream that this message or a later one has changed already is read as it is and not changed:
        then the message is sealed again after an interruption, or replayed
        """
        self._streams = streams
        self._message_seq = message_seq
        self.changes: dict[str, StreamUnit] = {}

    def read(self, values: Mapping[str, float]) -> dict[str, tuple[Unit, str | None]]:
        """Return unit and doubt of each value (0 to 100) by field; the values were measured together.

        New streams share one unit, the one of the device's others, or else percent when a value is above 1.
        """
        known = {field: state for field in values if (state := self._state(field)) is not None}
        siblings = [*known.values(), *self.changes.values(), *self._streams.values()]
        news = [value for field, value in values.items() if field not in known]
        shared: Unit = "%" if any(value > _LARGEST_FRACTION for value in news) else "1"
        if siblings and (siblings[0].unit == "%" or shared == "1"):
            shared = siblings[0].unit
        return {field: self._one(field, value, shared) for field, value in values.items()}

    def _state(self, field: str) -> StreamUnit | None:
        return self.changes.get(field) or self._streams.get(field)

    def _one(self, field: str, value: float, shared: Unit) -> tuple[Unit, str | None]:
        state = self._state(field)
        if value == 0:
            return (state.unit if state else shared), None  # nothing in either unit, and no evidence
        if state is None:
            self.changes[field] = StreamUnit(shared, value, self._message_seq)
            return shared, None
        after, doubt = state.after(value, self._message_seq)
        stored = self._streams.get(field)
        if after is not state and (stored is None or stored.message_seq < self._message_seq):
            self.changes[field] = after
        unit: Unit = "%" if value > _LARGEST_FRACTION else after.unit
        return unit, doubt
