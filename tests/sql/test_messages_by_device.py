"""published (by `seq`) = stored + duplicate + refused + left aside + lost, for each device and day."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from sql.analysts import all_questions
from tests.end_to_end.running import NOON, asked

_DAY = date(2026, 7, 2)


class Device:
    """What a probe says to a real seal, minute by minute."""

    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(root)
        self._said: list[tuple[str, bytes]] = []

    def says(self, minute: int, seq: int | None, **further: object) -> None:
        """Say a reading of that minute; what `further` names is said instead."""
        measured = {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.2, "unit": "m3/m3"}
        at = (NOON + timedelta(minutes=minute)).isoformat()
        said = {"schema": "greening.soil_reading/1", "measured_at": at, "readings": [measured]} | further
        self.says_bytes(json.dumps(said if seq is None else {"seq": seq, **said}).encode())

    def says_bytes(self, payload: bytes, kind: str = "soil") -> None:
        """Say anything; kind: what its topic ends with."""
        self._said.append((f"greensward/v1/beichen/gs-01/{kind}", payload))

    def account(self, received_at: datetime = NOON) -> list[tuple[object, ...]]:
        """Seal what was said, and return the answer to the question."""
        arrivals = [
            Arrival(
                int((received_at + timedelta(hours=1, seconds=n)).timestamp() * 1e6),
                topic,
                said,
                redelivered=False,
                retained=False,
            )
            for n, (topic, said) in enumerate(self._said)
        ]
        self._said.clear()
        sealer = Sealer(self.folder, BEICHEN, "test")
        with Inbox(self.folder.inbox) as inbox:
            inbox.append(arrivals)
            oldest = inbox.oldest(10_000_000)
            sealer.seal(oldest.messages, RegisterSnapshot({}, frozenset(), ()))
            inbox.remove_through(oldest.last_group)
        (select,) = [question.select for question in all_questions() if question.name == "messages_by_device"]
        return asked(self.folder, select)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "data")


def test_what_never_came_is_told_by_the_numbers_that_are_missing(device: Device) -> None:
    for seq in (10, 11, 14, 15, 19):
        device.says(seq, seq)
    assert device.account() == [("gs-01", _DAY, 10, 5, 0, 0, 0, 5)]


def test_everything_that_came_is_in_one_column_and_nothing_is_called_lost(device: Device) -> None:
    device.says(0, 0)
    device.says(1, 1)
    device.says(1, 1)
    device.says(2, 2, readings=[])
    device.says(1, 3)
    device.says(4, 4)
    assert device.account() == [("gs-01", _DAY, 6, 3, 2, 1, 0, 0)]


def test_a_refused_message_whose_number_cannot_be_read_is_not_lost(device: Device) -> None:
    device.says(0, 0)
    device.says_bytes(b'\xff{"se')
    device.says(2, 2)
    device.says(4, 4)
    assert device.account() == [("gs-01", _DAY, 5, 3, 0, 1, 0, 1)]


@pytest.mark.parametrize("kind", ["soil", "state"])
def test_what_came_on_a_topic_with_a_level_too_many_is_none_of_the_devices(device: Device, kind: str) -> None:
    device.says(0, 0)
    device.says_bytes(b'{"seq": 40}', f"extra/{kind}")
    device.says_bytes(b'{"seq": 41}', f"{kind}/{kind}")
    device.says(1, 1)
    assert device.account() == [("gs-01", _DAY, 2, 2, 0, 0, 0, 0)]


def test_a_number_is_read_also_from_a_message_of_other_bytes(device: Device) -> None:
    device.says(0, 70)
    device.says_bytes(b'\xff\xe4{"seq" : 71}')
    device.says(3, 73)
    assert device.account() == [("gs-01", _DAY, 4, 2, 0, 1, 0, 1)]


def test_what_comes_late_fills_its_gap(device: Device) -> None:
    for seq in (500, 501, 505, 506):
        device.says(seq, seq)
    assert device.account()[0][-1] == 3
    for seq in (502, 503, 504):
        device.says(seq, seq)
    assert [row[-1] for row in device.account()] == [0]


def test_a_device_that_starts_again_has_lost_nothing_by_it(device: Device) -> None:
    for minute, seq in enumerate((4709, 4710, 4711, 0, 1, 3)):
        device.says(minute, seq)
    assert device.account() == [("gs-01", _DAY, 7, 6, 0, 0, 0, 1)]


def test_a_first_message_sent_again_after_others_is_no_new_start(device: Device) -> None:
    for minute, seq in ((0, 0), (1, 1), (2, 2), (3, 3), (0, 0), (4, 4)):
        device.says(minute, seq)
    assert device.account() == [("gs-01", _DAY, 6, 5, 1, 0, 0, 0)]


def test_two_messages_of_one_minute_that_change_places_are_no_new_start(device: Device) -> None:
    deeper = {"quantity": "volumetric_water_content", "depth_cm": 30, "value": 0.2, "unit": "m3/m3"}
    for minute, seq, further in ((0, 100, {}), (1, 102, {}), (1, 101, {"readings": [deeper]}), (2, 103, {})):
        device.says(minute, seq, **further)
    assert device.account() == [("gs-01", _DAY, 4, 4, 0, 0, 0, 0)]


def test_a_bare_last_will_has_no_number_and_hides_no_loss(device: Device) -> None:
    device.says(0, 1)
    device.says_bytes(b"offline", "state")
    device.says(2, 3)
    assert device.account() == [("gs-01", _DAY, 4, 3, 0, 0, 0, 1)]


def test_a_gap_over_midnight_counts_on_the_day_that_shows_it(device: Device) -> None:
    device.says(0, 7)
    device.account()
    device.says(24 * 60, 10)
    found = device.account(NOON + timedelta(days=1))
    assert [(row[1], row[-1]) for row in found] == [(date(2026, 7, 3), 2), (_DAY, 0)]


def test_a_device_that_does_not_count_is_not_in_the_answer(device: Device) -> None:
    device.says(0, None)
    assert device.account() == []


@pytest.mark.parametrize("what", ["soil", "weather", "state"])
def test_months_that_come_at_once_in_any_order_have_lost_nothing(device: Device, what: str) -> None:
    air = [{"quantity": "air_temperature", "value": 21.5, "unit": "Cel"}]
    for minute in (2, 0, 3, 1):
        if what == "state":
            at = (NOON + timedelta(minutes=minute)).isoformat()
            said = {"schema": "greening.device_state/1", "state": "online", "reported_at": at, "seq": minute}
            device.says_bytes(json.dumps(said).encode(), "state")
        else:
            device.says(minute, minute, **({"readings": air} if what == "weather" else {}))
    ((_, _, published, stored, *_, lost),) = device.account(NOON + timedelta(days=90))
    assert (published, stored, lost) == (4, 4, 0)
