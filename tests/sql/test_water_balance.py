"""The water in the root zone, reckoned from weather day by day (FAO-56 chapters 7 and 8), and what it is used for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.daily_balance import balance, basal_coefficient, largest_differences
from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake, local_midnight

TOMATO: dict[str, Any] = {
    "plot_id": "tomato",
    "start_depletion_mm": 55.0,
    "et0_mm": 5.0,
    "rain_mm": 0.0,
    "watering_mm": 0.0,
    "wetted_fraction": 1.0,
    "exposed_wetted_fraction": 1.0,
    "crop_coefficient": 1.2,
    "total_available_water_mm": 160.0,
    "depletion_fraction": 0.44,
}
"""FAO-56 example 37: Zr 0.8 m, 0.32 and 0.12, Kc 1.2, ET0 5 mm, p 0.40: the table's 0.44 at ETc 6 mm; Dr 55 mm.

The printed table was not at hand: the columns below follow by hand from equations 84 and 85, the first stressed day
from Ks = (160 - 67) / (160 - 64) = 0.97 and Dr = 67 + 0.97 x 6 = 72.8.
"""


def days(number: int, **changes: Any) -> list[dict[str, Any]]:
    first = date(2026, 7, 1)
    return [TOMATO | {"date": first + timedelta(days=n), "day_number": n + 1} | changes for n in range(number)]


def test_a_tomato_without_water_for_ten_days_slows_down_as_in_example_37() -> None:
    rows = balance(days(10))
    assert [row["readily_available_water_mm"] for row in rows] == pytest.approx([64.0] * 10)
    stress = [1.00, 1.00, 0.97, 0.91, 0.85, 0.80, 0.75, 0.70, 0.66, 0.62]
    assert [row["ks"] for row in rows] == pytest.approx(stress, abs=0.006)
    depletions = [61.0, 67.0, 72.8, 78.3, 83.4, 88.2, 92.7, 96.9, 100.8, 104.5]
    assert [row["depletion_mm"] for row in rows] == pytest.approx(depletions, abs=0.1)


def test_water_that_the_root_zone_cannot_hold_runs_through() -> None:
    """55 mm are missing and 6 mm are used: of 100 mm of rain 39 run through, and field capacity is left."""
    (row,) = balance(days(1, rain_mm=60.0, watering_mm=40.0))
    assert (row["depletion_mm"], row["percolation_mm"]) == (0.0, pytest.approx(39.0))


def test_soil_never_gives_more_than_it_holds() -> None:
    rows = balance(days(3, start_depletion_mm=159.9, et0_mm=50.0))
    assert all(row["depletion_mm"] <= 160.0 for row in rows)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("crop_coefficient", "et0_mm", "fraction"),
    [(1.0, 5.0, 0.50), (1.0, 7.5, 0.40), (1.0, 0.0, 0.70), (1.2, 12.6, 0.10), (0.1, 1.0, 0.696)],
)
def test_plants_that_use_much_water_may_deplete_less_of_it(
    crop_coefficient: float, et0_mm: float, fraction: float
) -> None:
    (row,) = balance(days(1, crop_coefficient=crop_coefficient, et0_mm=et0_mm, depletion_fraction=0.5))
    assert row["depletion_fraction"] == pytest.approx(fraction)


def test_bare_wet_soil_evaporates_beside_the_plants_until_it_is_dry() -> None:
    """TEW 20, REW 9, Kcb 0.2, Kcmax 1.2, ET0 5: Ke 1.0 while De is up to 9, (20 - De) / 11 of it after that."""
    bare = {
        "crop_coefficient": 0.2,
        "crop_coefficient_max": 1.2,
        "evaporable_mm": 20.0,
        "readily_evaporable_mm": 9.0,
        "start_evaporated_mm": 20.0,
    }
    wet = days(5, **bare)
    wet[0]["rain_mm"] = 20.0
    rows = balance(wet)
    assert [row["evaporation_coefficient"] for row in rows] == pytest.approx([0, 1, 1, 10 / 11, 5.4545 / 11], abs=1e-4)
    assert [row["evaporated_mm"] for row in rows] == pytest.approx([0, 5, 10, 14.5455, 17.0248], abs=1e-3)


def test_half_of_the_soil_wetted_evaporates_no_more_than_its_share_allows() -> None:
    bare = {
        "crop_coefficient": 0.2,
        "crop_coefficient_max": 1.2,
        "evaporable_mm": 20.0,
        "readily_evaporable_mm": 9.0,
        "start_evaporated_mm": 0.0,
        "exposed_wetted_fraction": 0.5,
    }
    (row,) = balance(days(1, **bare))
    assert row["evaporation_coefficient"] == pytest.approx(0.6)
    assert row["evaporated_mm"] == pytest.approx(6.0)


def test_a_crop_grows_through_its_four_stages() -> None:
    stages = {"Kcbini": 0.15, "Kcbmid": 1.15, "Kcbend": 0.55, "Lini": 30, "Ldev": 50, "Lmid": 40, "Lend": 30}
    assert [basal_coefficient(stages, day) for day in (0, 30, 55, 80, 120, 135, 150, 200)] == pytest.approx(
        [0.15, 0.15, 0.65, 1.15, 1.15, 0.85, 0.55, 0.55]
    )


def test_a_season_of_cotton_is_that_of_pyfao56(shared: Path) -> None:
    folder = shared / "data" / "soil" / "pyfao56" / "test01"
    names = ("cotton2013.par", "cotton2013.wth", "cottondry2013.irr", "cottondry2013.out")
    differences = largest_differences(*(folder / name for name in names))
    assert max(differences.values()) <= 0.01


NEWEST = date(2026, 7, 9)


def station(lake: MadeLake, number_of_days: int, *, rain: Mapping[date, float] | None = None) -> None:
    """Add whole days of a station up to yesterday: ET0 is about 5 mm."""
    for back in range(number_of_days):
        day = NEWEST - timedelta(days=back)
        for hour in range(24):
            lake.add(
                "weather_readings",
                device_id="W",
                measured_at=local_midnight(day) + timedelta(hours=hour),
                air_temperature_c=25.0 + 6 * (1 - abs(hour - 14) / 10),
                relative_humidity_pct=55.0,
                wind_speed_m_s=2.0,
                solar_radiation_w_m2=260.0,
                rain_depth_mm=(rain or {}).get(day, 0.0) / 24,
            )


def checked(lake: MadeLake) -> list[dict[str, Any]]:
    make_models(lake.connect(), models_behind("balance_checks"), as_of=AS_OF, site=BEICHEN)
    rows: list[dict[str, Any]] = (
        lake.connection.execute("select * from balance_checks order by plot_id").to_arrow_table().to_pylist()
    )
    return rows


def test_a_probe_that_dries_as_the_weather_asks_agrees_and_one_that_stands_still_or_falls_does_not(
    lake: MadeLake,
) -> None:
    """Shrubs use 0.6 of about 5 mm: 3 mm a day, 0.005 in 0.6 m; in nine days 27 mm are wanted or 54 mm are gone."""
    station(lake, 12)
    for plot_id, step in (("as asked", 0.005), ("still", 0.0), ("fast", 0.0105)):
        lake.dry_down(plot_id, [0.27 - step * day for day in range(10)])
    rows = {row["plot_id"]: row for row in checked(lake)}
    assert {plot_id: row["state"] for plot_id, row in rows.items()} == {
        "as asked": "agrees",
        "still": "probe_wetter",
        "fast": "probe_drier",
    }
    assert rows["as asked"]["days"] == 9
    assert abs(rows["as asked"]["difference_mm"]) < 5


def test_rain_counts_in_the_balance(lake: MadeLake) -> None:
    station(lake, 12, rain={NEWEST - timedelta(days=2): 12.0})
    lake.dry_down("P1", [0.22] * 10)
    (row,) = checked(lake)
    assert row["rain_mm"] == pytest.approx(12.0)
    assert row["balance_depletion_mm"] == pytest.approx(
        row["start_depletion_mm"] + row["actual_et_mm"] - 12.0, abs=1e-6
    )


def brought(lake: MadeLake, plot_id: str, days_ago: int, litres: float | None, cause: str = "drought") -> None:
    """Add a crew's report at noon of a day."""
    said = "{}" if litres is None else f'{{"water_used_litres": {litres}}}'
    at = local_midnight(NEWEST - timedelta(days=days_ago)) + timedelta(hours=12)
    lake.add(
        "issue_events", event_id=f"{plot_id}-{days_ago}", issue_id=plot_id, happened_at=at, kind="done",
        plot_id=plot_id, cause=cause, actor="crew:一队", detail_json=said,
    )  # fmt: skip


def test_reported_water_counts_in_the_balance_and_water_of_unknown_amount_begins_it_anew(lake: MadeLake) -> None:
    """3,000 L through a basin (Ea 0.60) on 100 m2 are 18 mm. A plot of 50 m2 in two reports has 2 x 18.

    A probe that was put in anew brought none.
    """
    station(lake, 12)
    for plot_id, area_m2 in (("counted", 100.0), ("twice", 50.0), ("unknown", 100.0), ("new probe", 100.0)):
        lake.dry_down(plot_id, [0.22] * 10, area_m2=area_m2)
    brought(lake, "counted", 3, 3000.0)
    brought(lake, "twice", 3, 1500.0)
    brought(lake, "twice", 2, 1500.0)
    brought(lake, "unknown", 4, None)
    brought(lake, "new probe", 4, None, cause="sensor")
    rows = {row["plot_id"]: row for row in checked(lake)}
    assert {plot_id: (row["days"], row["watering_mm"]) for plot_id, row in rows.items()} == {
        "counted": (9, 18.0),
        "twice": (9, 36.0),
        "unknown": (3, 0.0),
        "new probe": (9, 0.0),
    }
    for row in rows.values():
        assert row["balance_depletion_mm"] == pytest.approx(
            row["start_depletion_mm"] + row["actual_et_mm"] - row["watering_mm"] + row["percolation_mm"], abs=1e-6
        )


def test_a_balance_starts_on_no_day_on_which_a_crew_watered(lake: MadeLake) -> None:
    """The first of the ten days has a report: its mean is half before and half after the water."""
    station(lake, 12)
    lake.dry_down("P1", [0.22] * 10)
    brought(lake, "P1", 9, 3000.0)
    (row,) = checked(lake)
    assert (row["first_date"], row["watering_mm"]) == (NEWEST - timedelta(days=8), 0.0)


def test_water_that_was_reported_and_never_came_makes_the_probe_read_drier(lake: MadeLake) -> None:
    """Dried as the weather asks while 5,000 L (30 mm) were reported: more than 8 mm and half of the 27 mm used."""
    station(lake, 12)
    lake.dry_down("P1", [0.24 - 0.005 * day for day in range(10)])
    brought(lake, "P1", 3, 5000.0)
    (row,) = checked(lake)
    assert row["state"] == "probe_drier"


def test_a_day_without_weather_leaves_no_balance(lake: MadeLake) -> None:
    station(lake, 12)
    lake.rows["weather_readings"] = [
        row
        for row in lake.rows["weather_readings"]
        if row["measured_at"] - local_midnight(NEWEST - timedelta(days=3)) >= timedelta(days=1)
        or row["measured_at"] < local_midnight(NEWEST - timedelta(days=3))
    ]
    lake.dry_down("P1", [0.25] * 10)
    assert checked(lake) == []


def test_what_the_balance_says_stands_beside_the_verdict(lake: MadeLake) -> None:
    station(lake, 12)
    lake.dry_down("P1", [0.25] * 10)
    told = lake.flag("drought")["inputs"]["balance"]
    assert told["state"] == "probe_wetter"
    assert told["probe_mm"] == pytest.approx(18.0, abs=0.5)


@pytest.mark.parametrize(("number_of_days", "state"), [(0, "dry"), (2, "dry"), (3, "watch"), (7, "watch")])
def test_the_line_follows_what_the_plants_used_lately(lake: MadeLake, number_of_days: int, state: str) -> None:
    """At fDr 0.52 shrubs are dry by p 0.50; with ETc of about 3 mm p is 0.58. Two days of weather are too few."""
    station(lake, number_of_days)
    lake.dry_down("P1", [0.28 - 0.52 * 0.14] * 10)
    inputs = lake.flag("drought")["inputs"]
    assert inputs["day_state"] == state
    assert inputs["p"] == pytest.approx(0.5 if number_of_days < 3 else 0.58, abs=0.02)
