"""What probes of an unknown model do in the field, from the message to the verdict on their plot."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from greensward.evaluation import judge_lake
from ingest.lake.layout import DataFolder
from ingest.observation import Message
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealed, Sealer
from ingest.site import BEICHEN
from tests.end_to_end.running import asked
from tests.sql.made_lake import AS_OF, MadeLake, local_midnight
from tests.sql.stored_lake import store

TOPIC = "greensward/v1/beichen/D1/senml"
WET, DRY = 27.9, 19.0
"""Percent by volume; the laboratory's field capacity is 28 and the plot is dry below 21."""


class Probe:
    """Sends its readings every two hours, without a unit, and is heard by ingest as it is started and stopped."""

    def __init__(self, folder: DataFolder) -> None:
        made = MadeLake()
        made.laboratory_plot()
        made.device(report_interval_s=28_800.0)
        self.folder = store(made, folder)
        self.sealer = Sealer(folder, BEICHEN, "test")
        self._seq = 0

    def send(
        self,
        day: int,
        value: Callable[[int], Any],
        received_at: datetime | None = None,
        every_hours: int = 2,
        battery_v: float = 3.6,
    ) -> Sealed:
        """Send a local day of July 2026: `value` of each hour."""
        messages = []
        for hour in range(0, 24, every_hours):
            at = local_midnight(date(2026, 7, day)) + timedelta(hours=hour)
            pack: list[dict[str, Any]] = [{"bt": at.timestamp(), "n": "soil_moisture"} | _said(value(hour))]
            pack.append({"n": "battery_voltage", "u": "V", "v": battery_v})
            self._seq += 1
            messages.append(Message(self._seq, received_at or at, TOPIC, json.dumps(pack).encode()))
        return self.sealer.seal(messages, RegisterSnapshot({}, frozenset({"D1"}), ()))

    def drought(self) -> dict[str, Any]:
        """Return the verdict on the morning of 10 July."""
        rows: list[dict[str, Any]] = judge_lake(self.folder, BEICHEN, AS_OF).to_pylist()
        return next(row for row in rows if row["cause"] == "drought")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return asked(self.folder, query)


def _said(value: object) -> dict[str, Any]:
    return {"vs": value} if isinstance(value, str) else {"v": value}


def about(level: float) -> Callable[[int], float]:
    """Return values of a living probe around `level`."""
    return lambda hour: round(level * (1 + (0.002 if hour % 4 else -0.002)), 4)


@pytest.fixture
def probe(folder: DataFolder) -> Probe:
    return Probe(folder)


def test_a_day_that_comes_thirty_days_late_lands_in_its_own_day_and_that_day_is_judged_again(probe: Probe) -> None:
    """Three readings a day are too few for the hourly rule, so that two days in a row must be dry."""
    probe.send(7, about(DRY), every_hours=8)
    probe.send(9, about(DRY), every_hours=8)
    assert probe.drought()["needs_work"] is False
    sealed = probe.send(8, about(DRY), received_at=AS_OF + timedelta(days=30), every_hours=8)
    assert dict(sealed.outcomes) == {"stored": 3}
    assert probe.ask("select count(*), count(quarantine) from soil_readings where date = '2026-07-08'") == [(3, 0)]
    assert probe.drought()["needs_work"] is True


def test_a_switch_to_fractions_makes_no_plot_dry(probe: Probe) -> None:
    for day in (6, 7, 8):
        probe.send(day, about(WET))
    probe.send(9, about(WET / 100))
    assert probe.ask("select count(*) from soil_readings where quarantine like 'unit_uncertain:%'") == [(12,)]
    assert probe.drought()["needs_work"] is False


def test_a_switch_to_percent_is_followed_after_some_hours_and_hides_no_dryness(probe: Probe) -> None:
    probe.send(6, about(WET / 100))
    for day in (7, 8, 9):
        probe.send(day, about(DRY))
    assert probe.ask("select count(*) from soil_readings where quarantine is not null") == [(5,)]
    assert probe.drought()["needs_work"] is True


def test_a_battery_that_sags_to_zeros_makes_no_plot_dry(probe: Probe) -> None:
    for day in (7, 8):
        probe.send(day, about(WET))
    probe.send(9, lambda hour: max(0.0, round(WET - 4 * hour, 1)), battery_v=2.1)
    assert probe.ask("select count(*) from soil_readings where quarantine is not null") == [(0,)]
    assert probe.drought()["needs_work"] is False


def test_numbers_that_become_texts_go_on_as_the_same_stream(probe: Probe) -> None:
    probe.send(7, about(DRY))
    probe.send(8, lambda hour: str(about(DRY)(hour)))
    probe.send(9, lambda hour: f"{about(DRY)(hour)} %")
    assert probe.ask("select count(*), count(quarantine) from soil_readings") == [(36, 0)]
    assert probe.ask("select round(max(volumetric_water_content), 3) from soil_readings") == [(0.19,)]


def test_a_clock_two_days_ahead_is_refused_and_costs_no_other_reading(probe: Probe) -> None:
    for day in (7, 8, 9):
        probe.send(day, about(DRY))
    ahead = probe.send(12, lambda _: WET, received_at=AS_OF)
    assert dict(ahead.outcomes) == {"rejected": 12}
    assert probe.ask("select distinct code, device_id from rejected") == [("in_the_future", "D1")]
    assert probe.ask("select count(*) from soil_readings") == [(36,)]
