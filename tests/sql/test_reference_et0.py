"""Reference evapotranspiration: published examples, an independent implementation, and what nobody measured."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.reference_et0 import MARICOPA, et0_of, largest_difference
from ingest.site import BEICHEN
from tests.sql.made_lake import MadeLake, local_midnight


def of_day(site: Any, year: int, doy: int, **values: float) -> dict[str, Any]:
    day = {"Year": str(year), "DOY": str(doy)} | {name: str(value) for name, value in values.items()}
    (row,) = et0_of([day], site)
    return row


def dew_point(vapour_kpa: float) -> float:
    log = math.log(vapour_kpa / 0.6108)
    return 237.3 * log / (17.27 - log)


def test_brussels_on_6_july_uses_3_9_mm() -> None:
    """FAO-56 example 18: 50.80 degrees north, 100 m, 2.78 m/s at 10 m, ea 1.409 kPa, Rs 22.07 MJ/m2."""
    site = replace(BEICHEN, south=50.8, north=50.8, elevation_m=100.0, wind_height_m=10.0)
    row = of_day(site, 2001, 187, Tmax=21.5, Tmin=12.3, Tdew=dew_point(1.409), Wndsp=2.778, Srad=22.07)
    assert row["et0_mm"] == pytest.approx(3.88, abs=0.02)
    assert row["wind_2m_m_s"] == pytest.approx(2.078, abs=0.005)
    assert (row["radiation_source"], row["humidity_source"], row["wind_source"]) == ("measured",) * 3


def test_lyon_in_july_with_a_thermometer_only_uses_4_6_mm() -> None:
    """FAO-56 example 20: 45.72 degrees north, 200 m, 26.6 and 14.8 degrees; Rs 22.3, u2 2 m/s, ea of the minimum."""
    site = replace(BEICHEN, south=45.72, north=45.72, elevation_m=200.0)
    row = of_day(site, 2001, 196, Tmax=26.6, Tmin=14.8)
    assert row["et0_mm"] == pytest.approx(4.56, abs=0.03)
    assert row["radiation_mj_m2"] == pytest.approx(22.3, abs=0.1)
    assert row["wind_2m_m_s"] == 2.0
    assert (row["radiation_source"], row["humidity_source"], row["wind_source"]) == (
        "temperature",
        "temperature",
        "default",
    )


@pytest.mark.parametrize(
    ("doy", "values", "expected"),
    [
        (1, {"Srad": 12.48, "Tmax": 17.5, "Tmin": -0.5, "Tdew": -0.1, "Wndsp": 1.0}, 1.453126),
        (7, {"Srad": 11.08, "Tmax": 23.4, "Tmin": 13.4, "Tdew": 5.1, "Wndsp": 5.8}, 5.056135),
        (8, {"Srad": 5.1, "Tmax": 19.3, "Tmin": 11.1, "Tdew": 11.5, "Wndsp": 2.6}, 1.509035),
    ],
)
def test_single_days_are_those_of_pyfao56(doy: int, values: dict[str, float], expected: float) -> None:
    """Maricopa, January 2003; kthorp/pyfao56, tests/test02 (CC0)."""
    assert of_day(MARICOPA, 2003, doy, **values)["et0_mm"] == pytest.approx(expected, abs=1e-5)


def test_eighteen_years_are_those_of_pyfao56(shared: Path) -> None:
    folder = shared / "data" / "soil" / "pyfao56" / "test02"
    days, largest = largest_difference(folder / "RefET.csv", folder / "outputA.csv")
    assert days == 6575
    assert largest <= 0.01


def station_day(lake: MadeLake, day: date, hours: range, **values: float) -> None:
    for hour in hours:
        lake.add(
            "weather_readings",
            device_id="W",
            measured_at=local_midnight(day) + timedelta(hours=hour),
            **{"air_temperature_c": 20.0 + hour / 4} | values,
        )


def et0_rows(lake: MadeLake) -> list[tuple[Any, ...]]:
    lake.flags()
    return lake.connection.execute(
        "select date, radiation_source, humidity_source, wind_source from reference_et0 order by date"
    ).fetchall()


def test_a_day_with_holes_has_no_extremes_and_so_no_evapotranspiration(lake: MadeLake) -> None:
    """Seven of the eight three-hour pieces make a day; today is none."""
    lake.plot()
    station_day(lake, date(2026, 7, 6), range(21))
    station_day(lake, date(2026, 7, 7), range(18))
    station_day(lake, date(2026, 7, 10), range(8))
    assert [row[0] for row in et0_rows(lake)] == [date(2026, 7, 6)]


def test_what_a_station_measured_by_day_only_is_not_measured(lake: MadeLake) -> None:
    lake.plot()
    station_day(lake, date(2026, 7, 6), range(24), wind_speed_m_s=2.0, relative_humidity_pct=50.0)
    station_day(lake, date(2026, 7, 6), range(7, 19), solar_radiation_w_m2=500.0)
    station_day(lake, date(2026, 7, 7), range(24), solar_radiation_w_m2=250.0)
    assert et0_rows(lake) == [
        (date(2026, 7, 6), "temperature", "measured", "measured"),
        (date(2026, 7, 7), "measured", "temperature", "default"),
    ]
    (mj,) = lake.connection.execute(
        "select radiation_mj_m2 from reference_et0 where date = date '2026-07-07'"
    ).fetchone()  # type: ignore[misc]
    assert mj == pytest.approx(21.6)
