"""A threshold that the district changes works, also where it is longer than we thought."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from sql import reference
from tests.sql.made_lake import AS_OF, MadeLake, local_midnight

HOUR = timedelta(hours=1)
SetLimits = Callable[..., None]


@pytest.fixture
def set_limits(monkeypatch: pytest.MonkeyPatch) -> SetLimits:
    """Return a function that puts other values into limits.csv for a test."""
    as_published = reference.reference_rows

    def change(**limits: float) -> None:
        def rows(name: str) -> tuple[dict[str, str], ...]:
            return tuple(
                {**row, "value": str(limits[row["name"]])} if name == "limits" and row["name"] in limits else row
                for row in as_published(name)
            )

        monkeypatch.setattr(reference, "reference_rows", rows)

    return change


@pytest.mark.parametrize(("frost_days", "state"), [(2, "dry"), (3, "frozen")])
def test_air_frost_may_need_three_days(lake: MadeLake, set_limits: SetLimits, frost_days: int, state: str) -> None:
    set_limits(air_frost_days=3)
    lake.laboratory_plot()
    lake.device()
    for hours in range(24 * 6):
        at = local_midnight(date(2026, 11, 20)) - hours * HOUR
        lake.soil(at, volumetric_water_content=0.08)
        is_cold = 0 < hours <= 24 * frost_days
        lake.add("weather_readings", device_id="W", measured_at=at, air_temperature_c=-8.0 if is_cold else 5.0)
    assert lake.flag("drought", as_of=local_midnight(date(2026, 11, 20)))["state"] == state


@pytest.mark.parametrize(("days", "state"), [(32, "ok"), (33, "sensor_fault")])
def test_a_value_may_stand_still_for_longer(lake: MadeLake, set_limits: SetLimits, days: int, state: str) -> None:
    """Whole days are judged: yesterday has stood still for 32 days when the first reading is 33 days old."""
    set_limits(stuck_days=32)
    lake.laboratory_plot()
    lake.device()
    for hours in range(0, 24 * days + 1, 6):
        lake.soil(AS_OF - hours * HOUR, volumetric_water_content=0.2, soil_temperature_c=15.0 + hours % 48 / 10)
    assert lake.flag("sensor")["state"] == state


@pytest.mark.parametrize(("hours_ago", "state"), [(95, "just_watered"), (96, "dry")])
def test_a_watering_may_count_for_four_days(lake: MadeLake, set_limits: SetLimits, hours_ago: int, state: str) -> None:
    set_limits(just_watered_hours=96)
    lake.laboratory_plot()
    lake.device()
    for hours in range(24 * 7):
        lake.soil(AS_OF - hours * HOUR, volumetric_water_content=0.22 if hours <= hours_ago else 0.19)
    assert lake.flag("drought")["state"] == state


@pytest.mark.parametrize(("wetting_hours", "state"), [(9, "dry"), (10, "just_watered")])
def test_a_rise_may_take_longer(lake: MadeLake, set_limits: SetLimits, wetting_hours: int, state: str) -> None:
    """0.03 in ten even steps of an hour."""
    set_limits(wetting_hours=wetting_hours)
    lake.laboratory_plot()
    lake.device()
    for hours in range(24 * 5):
        risen = min(max(20 - hours, 0), 10)
        lake.soil(AS_OF - hours * HOUR, volumetric_water_content=0.19 + 0.003 * risen)
    assert lake.flag("drought")["state"] == state


def test_salty_water_needs_more_of_it(lake: MadeLake, set_limits: SetLimits) -> None:
    """Net 45.6 mm, basin 0.60: 76 mm; with LR 0.1 it is 84.4 mm, and the sum says so."""
    lake.dry_down("P1", [0.19] * 3)
    assert lake.flag("drought")["gross_mm"] == pytest.approx(76.0)
    set_limits(leaching_requirement=0.1)
    flag = lake.flag("drought")
    assert flag["gross_mm"] == pytest.approx(76.0 / 0.9, abs=1e-4)
    assert flag["inputs"]["watering"]["sum"] == (
        "(54.0 - 0.10 x 84.0) mm = 45.6 mm; / 0.60 / (1 - 0.10) = 84.4 mm; x 100 m2 x 1.00 = 8444 L"
    )
