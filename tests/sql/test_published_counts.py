"""published (by `seq`) = stored + duplicate + refused + left aside + lost, beside an account kept by whoever sent.

Devices that restart, whose counter wraps, whose messages come late, twice, on another day, or never. What each has
published and what became of it is counted as it happens, and held against the answer that is found in the lake alone.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from sql.analysts import all_questions
from tests.end_to_end.running import asked

EVENING = datetime.fromisoformat("2026-07-02T23:00:00+08:00")
"""An hour before midnight, so that what follows lies on two days."""
_PREFIX = "greensward/v1/beichen"
_EVERY = timedelta(minutes=2)
_DEVICES = 60
_MESSAGES = 60
_COLUMNS = ("published", "stored", "doubled", "refused", "left_aside", "lost")


@dataclass
class Account:
    """What one device published, and what became of it, by the day on which it came.

    runs: for each start of the counter, day of arrival by number, of numbers that came at all and can be read
    unread: likewise, numbers that came and cannot be read
    """

    counts: Counter[tuple[date, str]] = field(default_factory=Counter)
    runs: list[dict[int, date]] = field(default_factory=lambda: [{}])
    unread: list[set[int]] = field(default_factory=lambda: [set()])

    def begin_anew(self) -> None:
        """Note that the device counts from 0 again."""
        self.runs.append({})
        self.unread.append(set())

    def came(self, seq: int | None, at: datetime, outcome: str, *, is_readable: bool = True) -> None:
        """Note a message that came; seq None: one that the device does not count."""
        day = BEICHEN.local_date(at)
        self.counts[day, outcome] += 1
        if seq is not None and is_readable:
            self.runs[-1].setdefault(seq, day)
        elif seq is not None:
            self.unread[-1].add(seq)

    def rows(self, device_id: str) -> Iterator[tuple[object, ...]]:
        """Yield the rows that the question should answer with; a gap counts on the day of the number after it."""
        for run, unread in zip(self.runs, self.unread, strict=True):
            for before, after in pairwise(sorted(run)):
                self.counts[run[after], "lost"] += len(set(range(before + 1, after)) - unread)
        for day in {day for day, _ in self.counts}:
            counts = [self.counts[day, name] for name in _COLUMNS[1:]]
            yield (device_id, day, sum(counts), *counts)


@dataclass
class Device:
    """A probe that counts its messages, its account, and what of them arrives when."""

    device_id: str
    seq: int
    wraps_at: int
    chance: random.Random
    account: Account = field(default_factory=Account)
    arrivals: list[tuple[datetime, str, bytes, bool]] = field(default_factory=list)

    def publish(self, number: int) -> None:
        """Publish the message of its minute, which may never arrive, or late, or twice, or damaged."""
        at = EVENING + number * _EVERY
        if self.chance.random() < 0.04 and self.seq > 20:
            self._begin_anew()
        if self.chance.random() < 0.05:
            self._arrives(at, f"{_PREFIX}/{self.device_id}/state", b"offline", None, "stored")
        fates = {"comes": 66, "lost": 12, "late": 6, "twice": 6, "refused": 6, "damaged": 4}
        fate = self.chance.choices(list(fates), list(fates.values()))[0]
        late = timedelta(minutes=self.chance.choice((3, 45, 24 * 60)))
        topic = f"{_PREFIX}/{self.device_id}/soil"
        good, bad = (self._reading(at, value) for value in (0.2, 7.0))
        if fate == "damaged":
            self._arrives(
                at,
                topic,
                b"\xff" + good[:12] + b"%06d" % self.chance.randrange(1_000_000),
                self.seq,
                "refused",
                is_readable=False,
            )
        elif fate == "refused":
            self._arrives(at + self.chance.choice((timedelta(), late)), topic, bad, self.seq, "refused")
        elif fate != "lost":
            self._arrives(at + (late if fate == "late" else timedelta()), topic, good, self.seq, "stored")
            if fate == "twice":
                again = self.chance.random() < 0.5
                self._arrives(at + late, topic, good, self.seq, "doubled", redelivered=again)
        self.seq += 1
        if self.seq == self.wraps_at:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self.seq = 0
        self.account.begin_anew()

    def _reading(self, at: datetime, value: float) -> bytes:
        readings = [{"quantity": "volumetric_water_content", "depth_cm": 10, "value": value, "unit": "m3/m3"}]
        said = {"schema": "greening.soil_reading/1", "measured_at": at.isoformat(), "readings": readings}
        return json.dumps(said | {"seq": self.seq}).encode()

    def _arrives(
        self,
        received_at: datetime,
        topic: str,
        payload: bytes,
        seq: int | None,
        outcome: str,
        *,
        is_readable: bool = True,
        redelivered: bool = False,
    ) -> None:
        received_at += timedelta(seconds=self.chance.randrange(50))
        self.account.came(seq, received_at, outcome, is_readable=is_readable)
        self.arrivals.append((received_at, topic, payload, redelivered))


def answer(root: Path, devices: list[Device], seals: int) -> list[tuple[object, ...]]:
    """Seal what arrived, in the order of arrival, and return the answer to the question."""
    folder = DataFolder(root)
    came = sorted(one for device in devices for one in device.arrivals)
    (select,) = [question.select for question in all_questions() if question.name == "messages_by_device"]
    size = -(-len(came) // seals)
    for start in range(0, len(came), size):
        sealer = Sealer(folder, BEICHEN, "test")  # a new process each time
        with Inbox(folder.inbox) as inbox:
            inbox.append(
                [
                    Arrival(int(at.timestamp() * 1e6), topic, payload, redelivered=again, retained=False)
                    for at, topic, payload, again in came[start : start + size]
                ]
            )
            oldest = inbox.oldest(1 << 40)
            sealer.seal(oldest.messages, RegisterSnapshot({}, frozenset(), ()))
            inbox.remove_through(oldest.last_group)
    return asked(folder, select)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_lake_tells_what_whoever_sent_it_knows(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    devices = [
        Device(f"gs-{number:02}", chance.choice((0, 1, 12, 240, 4_711, 65_500)), wraps_at, chance)
        for number in range(_DEVICES)
        for wraps_at in (chance.choice((256, 65_536, 1 << 32)),)
    ]
    for device in devices:
        device.seq %= device.wraps_at
        for number in range(_MESSAGES):
            device.publish(number)
    told = {(row[0], row[1]): row for row in answer(tmp_path / "data", devices, seals=3)}
    kept = {(row[0], row[1]): row for device in devices for row in device.account.rows(device.device_id)}
    differing = [
        (kept.get(key), told.get(key)) for key in sorted(kept.keys() | told.keys()) if kept.get(key) != told.get(key)
    ]
    assert differing == [], f"{len(differing)} of {len(kept)}"
