"""Birth certificates of Sparkplug B: which name, data type and unit stand behind the aliases of later messages.

A certificate holds from its arrival until the node's next birth, its death, or the device's death. A message that came
before any certificate is read by the first that came after it, if the session did not end in between: that is what a
replay finds after a rebirth. What is found depends on message numbers only, so that sealing again changes nothing.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

MOST_REMEMBERED = 20_000
"""Metrics and events kept of one node; older events are forgotten, and so are all aliases from before them."""
MOST_OF_ALL = 300_000
"""Metrics and events kept of all nodes together; the nodes that were quiet longest are forgotten as a whole."""


@dataclass(frozen=True, slots=True)
class Node:
    """An edge node; its name is unique within its group."""

    group_id: str
    node_id: str


@dataclass(frozen=True, slots=True)
class BornMetric:
    """What a certificate says of one metric."""

    name: str
    alias: int | None
    datatype: int | None
    unit: str | None


@dataclass(frozen=True)
class Certificate:
    """The metrics that a birth announced."""

    metrics: tuple[BornMetric, ...]

    @functools.cached_property
    def by_alias(self) -> Mapping[int, BornMetric]:
        """Metrics by alias."""
        return {metric.alias: metric for metric in self.metrics if metric.alias is not None}

    @functools.cached_property
    def by_name(self) -> Mapping[str, BornMetric]:
        """Metrics by name."""
        return {metric.name: metric for metric in self.metrics}


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """A birth or death; `forgotten` marks where our memory of a node begins.

    device_id: "" for the node itself
    bd_seq: number of the node's session, of node births and deaths
    certificate: of births
    """

    node: Node
    device_id: str
    message_seq: int
    kind: Literal["birth", "death", "forgotten"]
    bd_seq: int | None
    certificate: Certificate | None


class Births:
    """The births and deaths of all nodes, by node in order of arrival."""

    def __init__(self, events: Iterable[LifeEvent] = ()) -> None:
        """Begin with what is remembered."""
        self._events: dict[Node, list[LifeEvent]] = {}
        self._weights: dict[Node, int] = {}
        for event in events:
            self._insert(event)

    def __iter__(self) -> Iterator[LifeEvent]:
        """Yield every event."""
        for events in self._events.values():
            yield from events

    def learn(self, event: LifeEvent) -> bool:
        """Take an event over; False when it changes nothing: known, a repeat, or the death of an earlier session."""
        if self.is_stale(event) or self._is_repeat(event):
            return False
        return self._insert(event)

    def is_stale(self, event: LifeEvent) -> bool:
        """Say whether a node's death belongs to an earlier session: its bdSeq is not that of the node's birth."""
        if event.kind != "death" or event.device_id or event.bd_seq is None:
            return False
        before = (other for other in self._before(event.node, event.message_seq) if not other.device_id)
        last = next(before, None)
        return last is not None and last.kind == "birth" and last.bd_seq not in (None, event.bd_seq)

    def find(self, node: Node, device_id: str, message_seq: int) -> Certificate | None:
        """Return the certificate for a message of `node` (`device_id` "" for its own); None when there is none."""
        current = self._current(node, device_id, message_seq)
        if current is not None:
            return current.certificate
        events = self._events.get(node, [])
        for event in events[_place(events, message_seq) :]:
            if event.device_id == device_id:
                return event.certificate
            if not event.device_id and event.kind != "birth":
                return None
        return None

    def devices(self, node: Node, message_seq: int) -> list[str]:
        """Return the devices of a node that were born and not dead when the message came."""
        is_born: dict[str, bool] = {}
        for event in self._before(node, message_seq):
            if not event.device_id:
                break  # what came before the node's own birth or death holds no longer
            is_born.setdefault(event.device_id, event.kind == "birth")
        return sorted(device_id for device_id, born in is_born.items() if born)

    def _current(self, node: Node, device_id: str, message_seq: int) -> LifeEvent | None:
        """Return the birth that holds when a message comes."""
        for event in self._before(node, message_seq):
            if event.device_id == device_id:
                return event if event.kind == "birth" else None
            if not event.device_id:
                return None  # the node was born anew or died, and the device has not been born since
        return None

    def _before(self, node: Node, message_seq: int) -> Iterator[LifeEvent]:
        """Yield a node's events before a message, the latest first."""
        events = self._events.get(node, [])
        return reversed(events[: _place(events, message_seq)])

    def _is_repeat(self, event: LifeEvent) -> bool:
        """Say whether a birth says again what holds already, as after a rebirth command."""
        if event.kind != "birth":
            return False
        current = self._current(event.node, event.device_id, event.message_seq)
        return current is not None and (current.bd_seq, current.certificate) == (event.bd_seq, event.certificate)

    def _insert(self, event: LifeEvent) -> bool:
        events = self._events.setdefault(event.node, [])
        place = _place(events, event.message_seq)
        if place < len(events) and events[place].message_seq == event.message_seq:
            return False
        events.insert(place, event)
        if _weight(events) > MOST_REMEMBERED:
            self._forget(events, _weight(events))
        self._weights[event.node] = _weight(events)
        while sum(self._weights.values()) > MOST_OF_ALL and len(self._events) > 1:
            quietest = min(self._events, key=lambda node: self._events[node][-1].message_seq)
            del self._events[quietest], self._weights[quietest]
        return True

    def _forget(self, events: list[LifeEvent], weight: int) -> None:
        """Forget the oldest events; the first that stays becomes the mark behind which nothing is known."""
        gone = 0
        while weight > MOST_REMEMBERED and gone < len(events) - 1:
            weight -= _weight([events[gone]])
            gone += 1
        del events[: gone - 1]
        events[0] = replace(events[0], device_id="", kind="forgotten", bd_seq=None, certificate=None)


def _weight(events: Iterable[LifeEvent]) -> int:
    return sum(1 + len(event.certificate.metrics if event.certificate else ()) for event in events)


def _place(events: list[LifeEvent], message_seq: int) -> int:
    return bisect_left(events, message_seq, key=lambda event: event.message_seq)
