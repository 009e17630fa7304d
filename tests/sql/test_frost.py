"""Frozen soil reads as dry: no crew goes out for it, whichever probe of a plot knows of the frost (spec/soil.md 2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.sql.made_lake import MadeLake, local_midnight

NOVEMBER = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def cold(lake: MadeLake, device_id: str, days: float, **values: float | None) -> None:
    """Add hourly readings of the `days` before NOVEMBER."""
    for hours in range(int(24 * days)):
        lake.soil(NOVEMBER - hours * HOUR, device_id, 1, **values)


def test_frost_at_one_probe_of_a_dry_plot_freezes_the_plot(lake: MadeLake) -> None:
    """10 cm is frozen; 40 cm is warm, and dry."""
    lake.laboratory_plot()
    lake.device("A", depths_cm=[10.0])
    lake.device("B", depths_cm=[40.0])
    cold(lake, "A", 5, volumetric_water_content=0.08, soil_temperature_c=-2.0)
    cold(lake, "B", 5, volumetric_water_content=0.19, soil_temperature_c=3.0)
    flag = lake.flag("drought", as_of=NOVEMBER)
    assert (flag["state"], flag["needs_work"], flag["data_at"]) == ("frozen", False, NOVEMBER)


@pytest.mark.parametrize("quantity", ["volumetric_water_content", "matric_potential_kpa"])
@pytest.mark.parametrize(("temperature_c", "state"), [(-2.0, "frozen"), (4.0, "dry")])
def test_a_probe_without_a_thermometer_is_frozen_when_another_of_its_plot_is(
    lake: MadeLake, quantity: str, temperature_c: float, state: str
) -> None:
    lake.laboratory_plot()
    lake.device("A", depths_cm=[30.0])
    lake.device("B", depths_cm=[30.0])
    value = 0.16 if quantity == "volumetric_water_content" else -500.0
    cold(lake, "A", 5, **{quantity: value, "soil_temperature_c": temperature_c})
    cold(lake, "B", 5, **{quantity: value})
    assert lake.flag("drought", as_of=NOVEMBER)["state"] == state
    assert {flag["state"] for flag in lake.verdicts("sensor", NOVEMBER).values()} == {
        "frozen" if state == "frozen" else "ok"
    }


def test_a_probe_of_another_plot_freezes_nothing(lake: MadeLake) -> None:
    for plot_id in ("cold", "mild"):
        lake.laboratory_plot(plot_id)
        lake.device(plot_id, plot_id)
    cold(lake, "cold", 5, volumetric_water_content=0.16, soil_temperature_c=-2.0)
    cold(lake, "mild", 5, volumetric_water_content=0.16)
    states = {plot: flag["state"] for plot, flag in lake.verdicts(as_of=NOVEMBER).items()}
    assert states == {"cold": "frozen", "mild": "dry"}


def test_one_cold_reading_of_a_neighbour_freezes_no_probe(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device("A")
    lake.device("B")
    cold(lake, "A", 5, volumetric_water_content=0.16, soil_temperature_c=15.0)
    cold(lake, "B", 5, volumetric_water_content=0.16)
    lake.rows["soil_readings"][3]["soil_temperature_c"] = -0.1
    assert lake.flag("drought", as_of=NOVEMBER)["state"] == "dry"


@pytest.mark.parametrize("quantity", ["volumetric_water_content", "matric_potential_kpa"])
def test_an_issue_from_before_the_frost_is_not_told_again_in_it(lake: MadeLake, quantity: str) -> None:
    value = 0.16 if quantity == "volumetric_water_content" else -500.0
    lake.laboratory_plot()
    for device_id in ("A", "B"):
        lake.device(device_id, depths_cm=[30.0])
    for hours in range(24 * 9):
        at, is_frost = NOVEMBER - hours * HOUR, hours < 96
        lake.soil(at, "A", 1, **{quantity: value, "soil_temperature_c": -2.0 if is_frost else 4.0})
        lake.soil(at, "B", 1, **{quantity: value})
    before = lake.flag("drought", as_of=NOVEMBER - timedelta(days=5))
    assert (before["state"], before["needs_work"]) == ("dry", True)
    for days in (3, 2, 1, 0):
        flag = lake.flag("drought", as_of=NOVEMBER - timedelta(days=days))
        assert (flag["state"], flag["needs_work"], flag["litres"]) == ("frozen", False, None)


@pytest.mark.parametrize("quantity", ["volumetric_water_content", "matric_potential_kpa"])
def test_a_frozen_day_is_no_dry_day_afterwards(lake: MadeLake, quantity: str) -> None:
    """Two days of frost by night: the readings by day look dry. After three days of thaw they count."""
    dry, moist = (0.20, 0.25) if quantity == "volumetric_water_content" else (-100.0, -10.0)
    lake.laboratory_plot()
    lake.device(report_interval_s=28800.0)
    for day in range(10, 24):
        for hour in (0, 8, 16):
            is_cold = day in (16, 17) and hour == 0
            lake.soil(
                local_midnight(date(2026, 11, day)) + hour * HOUR,
                "D1",
                1,
                **{quantity: moist if day < 16 else dry, "soil_temperature_c": -1.0 if is_cold else 3.0},
            )
    thawed = local_midnight(date(2026, 11, 21))
    assert lake.flag("drought", as_of=thawed)["state"] == "frozen"
    assert lake.flag("drought", as_of=thawed + timedelta(days=1))["needs_work"] is False
    assert lake.flag("drought", as_of=thawed + timedelta(days=2))["needs_work"] is True


def test_soil_that_thaws_by_day_and_freezes_by_night_is_never_dry_by_the_hour(lake: MadeLake) -> None:
    """Maqu in February: at noon the thermometer is above zero, and half of the water is still ice."""
    lake.laboratory_plot()
    lake.device()
    noon = local_midnight(date(2026, 11, 20)) + 12 * HOUR
    for hours in range(24 * 8):
        at = noon - hours * HOUR
        is_cold = hours > 60 and (at.hour < 4 or at.hour >= 16)
        lake.soil(at, volumetric_water_content=0.13, soil_temperature_c=-1.0 if is_cold else 4.0)
    flag = lake.flag("drought", as_of=noon)
    assert (flag["state"], flag["needs_work"]) == ("frozen", False)
    assert lake.flag("drought", as_of=noon + 72 * HOUR)["state"] in {"stale", "silent"}


def dry_soil(lake: MadeLake, last: datetime, days: int = 12) -> None:
    """Add a plot with one probe without a thermometer, dry in each hour of the `days` up to `last`."""
    lake.laboratory_plot()
    lake.device()
    for hours in range(24 * days):
        lake.soil(last - hours * HOUR, volumetric_water_content=0.08)


def station(lake: MadeLake, at: datetime, air_c: float) -> None:
    """Add what the weather station says of the air."""
    lake.add("weather_readings", device_id="W", measured_at=at, air_temperature_c=air_c)


def air(lake: MadeLake, means_c: list[float], last_day: date) -> None:
    """Add the daily means of the air, in hourly readings."""
    for back, mean_c in enumerate(reversed(means_c)):
        for hour in range(24):
            at = local_midnight(last_day - timedelta(days=back)) + hour * HOUR
            station(lake, at, mean_c)


@pytest.mark.parametrize(("warm_days", "state"), [(1, "frozen"), (2, "frozen"), (3, "frozen"), (4, "dry")])
def test_without_thermometers_soil_thaws_after_three_finished_days_without_frost_in_the_air(
    lake: MadeLake, warm_days: int, state: str
) -> None:
    """The last of the warm days is today, at six in the evening."""
    today = date(2026, 11, 20)
    evening = local_midnight(today) + 18 * HOUR
    dry_soil(lake, evening)
    air(lake, [-8.0] * 8 + [0.0] * warm_days, today)
    assert lake.flag("drought", as_of=evening)["state"] == state


def test_the_day_that_ends_the_frost_is_still_frozen(lake: MadeLake) -> None:
    today = date(2026, 11, 20)
    evening = local_midnight(today) + 18 * HOUR
    dry_soil(lake, evening)
    air(lake, [-8.0] * 8 + [0.0] * 4, today)
    lake.flags(evening)
    rows = lake.connection.execute(
        "select distinct date, is_d01_frozen from readings where date >= date '2026-11-19' order by date"
    ).fetchall()
    assert rows == [(date(2026, 11, 19), True), (today, False)]


def test_half_a_warm_day_ends_no_frost_and_half_a_cold_one_begins_none(lake: MadeLake) -> None:
    today = date(2026, 11, 20)
    noon = local_midnight(today) + 12 * HOUR
    dry_soil(lake, noon, days=6)
    air(lake, [5.0] * 4 + [-8.0, -8.0], today)
    assert lake.flag("drought", as_of=noon)["state"] == "dry"
    assert lake.flag("drought", as_of=local_midnight(date(2026, 11, 21)))["state"] == "frozen"


def test_a_weather_station_that_fell_silent_thaws_nothing(lake: MadeLake) -> None:
    today = date(2026, 11, 20)
    evening = local_midnight(today) + 18 * HOUR
    dry_soil(lake, evening)
    air(lake, [-8.0] * 3, date(2026, 11, 16))
    assert lake.flag("drought", as_of=evening)["state"] == "frozen"


@pytest.mark.parametrize(
    ("hours", "every_minutes"), [(range(2, 7), 60), (range(0, 24, 6), 60), (range(24), 60), (range(0, 24, 6), 10)]
)
def test_a_station_that_is_heard_at_night_only_tells_of_no_frost_in_the_air(
    lake: MadeLake, hours: range, every_minutes: int
) -> None:
    """Nights of -4 and days of 8: a mean above zero, by whichever hours, and as often as they are told."""
    today = date(2026, 11, 20)
    noon = local_midnight(today) + 12 * HOUR
    dry_soil(lake, noon)
    for back in range(12):
        heard = hours if back < 4 else range(0, 24, 6) if hours.step == 6 else range(24)
        for hour in heard:
            for minute in range(0, 60, every_minutes if hour < 8 else 60):
                at = local_midnight(today) + (hour + minute / 60 - 24 * back) * HOUR
                station(lake, at, -4.0 if hour < 8 else 8.0)
    assert lake.flag("drought", as_of=noon)["state"] == "dry"


@pytest.mark.parametrize("hours", [range(24), range(0, 24, 3), range(0, 24, 6), (0, 12), (8, 20)])
def test_a_station_that_goes_over_to_rarer_readings_still_tells_of_frost(lake: MadeLake, hours: Sequence[int]) -> None:
    """Hourly for 20 days; then, with the frost, by night and by day but more rarely, or morning and evening only."""
    today = date(2026, 11, 25)
    noon = local_midnight(today) + 12 * HOUR
    dry_soil(lake, noon)
    for back in range(26):
        for hour in hours if back < 6 else range(24):
            at = local_midnight(today) + (hour - 24 * back) * HOUR
            station(lake, at, -8.0 if back < 6 else 4.0)
    assert lake.flag("drought", as_of=noon)["state"] == "frozen"


@pytest.mark.parametrize("hours", [range(12), range(6, 12), [*range(12), *range(18, 24)]])
def test_days_whose_warmest_hours_are_missing_tell_of_no_frost_in_the_air(lake: MadeLake, hours: Sequence[int]) -> None:
    """Nights and mornings of -4, evenings of -1, afternoons of 11."""
    today = date(2026, 11, 25)
    noon = local_midnight(today) + 12 * HOUR
    dry_soil(lake, noon)
    for back in range(26):
        for hour in hours if back < 6 else range(24):
            at = local_midnight(today) + (hour - 24 * back) * HOUR
            station(lake, at, (-4.0, -4.0, 11.0, -1.0)[hour // 6])
    assert lake.flag("drought", as_of=noon)["state"] == "dry"
