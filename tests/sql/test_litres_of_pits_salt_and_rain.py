"""How tree pits, salt and rain to come change the litres (spec/soil.md section 4)."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from ingest.site import BEICHEN, Site
from sql.evaluate import evaluate
from tests.sql.made_lake import AS_OF, MadeLake

NET_MM = 45.6
"""Depletion 54 less a tenth of 84 mm, at 0.19 in the made soil."""


@pytest.fixture
def dry(lake: MadeLake) -> MadeLake:
    """Return a lake with one dry plot of 200 m2, watered by hose."""
    lake.dry_down("P1", [0.19] * 3, area_m2=200.0)
    return lake


def watering(lake: MadeLake, site: Site = BEICHEN) -> dict[str, Any]:
    """Return the drought flag with the row of watering_needs beside it."""
    flags = evaluate(lake.connect(), as_of=AS_OF, site=site).to_pylist()
    (flag,) = [row for row in flags if row["cause"] == "drought"]
    (needs,) = lake.connection.execute("select * from watering_needs").to_arrow_table().to_pylist()
    return dict(flag, needs=needs)


def forecast(lake: MadeLake, rain_mm: float, probability: float | None, day: int = 10, hours_ago: float = 3) -> None:
    lake.add(
        "weather_forecasts", source="cma", issued_at=AS_OF - timedelta(hours=hours_ago),
        forecast_date=date(2026, 7, day), rain_mm=rain_mm, rain_probability_pct=probability,
    )  # fmt: skip


def test_a_pit_of_60_cm_takes_65_litres_and_twelve_take_twelve_times_as_much(lake: MadeLake) -> None:
    """The specification's own sum: loam, 0.6 m, p 0.5, at the trigger; whatever the plot's area is."""
    lake.plot(area_m2=5000.0, tree_pits=12, tree_pit_area_m2=12 * math.pi * 0.6**2)
    lake.device()
    lake.soil_until_now([(0.2796 + 0.1370) / 2] * 3)
    flag = lake.flag("drought")
    assert flag["litres"] / 12 == pytest.approx(65, abs=0.6)
    assert flag["inputs"]["watering"]["sum"].endswith("= 57.0 mm; x 12 pits of 13.57 m2 in all = 774 L")
    assert flag["params"]["check_parameters"] is False


@pytest.mark.parametrize(("radius_m", "asks"), [(0.36, False), (0.32, True), (0.81, False), (0.83, True)])
def test_a_tree_that_would_get_less_than_half_or_more_than_twice_the_usual_asks_for_a_check(
    dry: MadeLake, *, radius_m: float, asks: bool
) -> None:
    """76 mm on the pit: 25 L is a circle of 0.324 m, 160 L one of 0.819 m."""
    dry.rows["plots"][0] |= {"tree_pits": 1, "tree_pit_area_m2": math.pi * radius_m**2}
    assert watering(dry)["needs"]["is_unusual"] is asks


def test_salt_is_leached_and_the_plots_own_salinity_goes_first(dry: MadeLake) -> None:
    """LR = 1.5 / (5 x 2 - 1.5) = 0.1765; at the plot's own 3 and 4 dS/m 3 / 17."""
    salty = replace(BEICHEN, water_ec_ds_m=1.5, soil_ece_ds_m=2.0)
    assert watering(dry, salty)["gross_mm"] == pytest.approx(NET_MM / (0.6 * (1 - 1.5 / 8.5)), abs=1e-3)
    assert watering(dry, replace(BEICHEN, water_ec_ds_m=1.5))["gross_mm"] == pytest.approx(NET_MM / 0.6, abs=1e-3)
    dry.rows["plots"][0] |= {"water_ec_ds_m": 3.0, "soil_ece_ds_m": 4.0}
    assert watering(dry, salty)["gross_mm"] == pytest.approx(NET_MM / (0.6 * (1 - 3 / 17)), abs=1e-3)


@pytest.mark.parametrize(("water_ec", "leaching", "is_held"), [(5.0, 0.5, False), (5.1, 0.5, True), (20.0, 0.5, True)])
def test_water_too_salty_to_leach_with_is_held_and_asks_for_a_check(
    dry: MadeLake, *, water_ec: float, leaching: float, is_held: bool
) -> None:
    """At ECe 3: 5 / (15 - 5) is a half; at 15 and more the formula has no meaning."""
    flag = watering(dry, replace(BEICHEN, water_ec_ds_m=water_ec, soil_ece_ds_m=3.0))
    assert flag["needs"]["leaching_requirement"] == pytest.approx(leaching)
    assert flag["needs"]["is_leaching_held"] is is_held
    assert ("held" in flag["inputs_json"].split('"sum"')[1]) is is_held
    assert flag["needs"]["is_unusual"] or not is_held


@pytest.mark.parametrize(
    ("setting", "rain_mm", "probability", "net_mm", "needs_work"),
    [
        ("reduce", 20.0, 60.0, NET_MM - 20 * 16 / 24, True),
        ("reduce", 20.0, 59.9, NET_MM, True),
        ("reduce", 7.5, 100.0, NET_MM - 5, True),
        ("reduce", 7.4, 100.0, NET_MM, True),
        ("reduce", 90.0, 60.0, 0.0, False),
        ("cancel", 20.0, 60.0, 0.0, False),
        ("cancel", 20.0, 59.9, NET_MM, True),
        ("proceed", 90.0, 100.0, NET_MM, True),
        ("cancel", 20.0, None, NET_MM, True),
    ],
)
def test_likely_rain_reduces_cancels_or_leaves_the_water_as_the_setting_says(
    dry: MadeLake, *, setting: str, rain_mm: float, probability: float | None, net_mm: float, needs_work: bool
) -> None:
    """At 08:00 sixteen hours of today are to come."""
    forecast(dry, rain_mm, probability)
    flag = watering(dry, replace(BEICHEN, forecast_rain=setting))
    assert flag["net_mm"] == pytest.approx(net_mm, abs=1e-3)
    assert flag["needs_work"] is needs_work
    assert (flag["reason_code"] == "drought_dry_rain_to_come") is not needs_work


@pytest.mark.parametrize(("tomorrow_mm", "probability"), [(6.0, 80.0), (4.0, 40.0), (1.0, 0.0)])
def test_the_days_ahead_are_added_up_by_their_probabilities(
    dry: MadeLake, tomorrow_mm: float, probability: float
) -> None:
    """Tomorrow rains with 80 %, and the third day, of whose 9 mm a third falls within 48 h, with 50 %."""
    forecast(dry, 0.0, 100.0, day=10)
    forecast(dry, tomorrow_mm, 80.0, day=11)
    forecast(dry, 9.0, 50.0, day=12)
    needs = watering(dry)["needs"]
    assert needs["rain_probability_pct"] == pytest.approx(probability)
    assert needs["forecast_rain_mm"] == pytest.approx(tomorrow_mm + 9.0 / 3)


def test_a_forecast_issued_later_or_long_ago_or_for_later_days_is_none(dry: MadeLake) -> None:
    forecast(dry, 50.0, 100.0, hours_ago=-1)
    forecast(dry, 50.0, 100.0, hours_ago=73)
    forecast(dry, 50.0, 100.0, day=13)
    assert watering(dry)["net_mm"] == pytest.approx(NET_MM, abs=1e-3)


def test_of_two_forecasts_the_newer_counts(dry: MadeLake) -> None:
    forecast(dry, 50.0, 100.0, hours_ago=10)
    forecast(dry, 0.0, 10.0, hours_ago=2)
    assert watering(dry)["net_mm"] == pytest.approx(NET_MM, abs=1e-3)


def test_wilting_plants_wait_for_no_rain(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.135] * 3)
    forecast(lake, 90.0, 100.0)
    flag = watering(lake, replace(BEICHEN, forecast_rain="cancel"))
    assert (flag["severity"], flag["needs_work"]) == (4, True)
    assert flag["litres"] > 0
