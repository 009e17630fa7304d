"""Reference evapotranspiration: published examples, an independent implementation, and what nobody measured."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bench.reference_et0 import MARICOPA, et0_of, largest_difference
from ingest.site import BEICHEN, Site
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake, local_midnight


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


FALLON: Site = replace(
    BEICHEN, south=39.4575, north=39.4575, west=-118.77388, east=-118.77388, elevation_m=1208.5, wind_height_m=3.0,
    timezone=ZoneInfo("America/Los_Angeles"),
)  # fmt: skip
FALLON_HOUR = datetime(2015, 7, 1, 18, 0, tzinfo=UTC)


def hours_of(rows: list[dict[str, Any]], site: Site, **device: float) -> list[dict[str, Any]]:
    """Return the rows of et0_hours for readings of a station; what is left out of a row nobody measured.

    device: what the register says of the station; nothing: it is not registered
    """
    lake = MadeLake()
    if device:
        lake.device("W", None, depths_cm=None, valid_from=datetime(2015, 1, 1, tzinfo=UTC), **device)
    for row in rows:
        lake.add("weather_readings", device_id="W", **row)
    connection = lake.connect()
    make_models(connection, models_behind("et0_hours"), as_of=datetime(2015, 7, 10, tzinfo=UTC), site=site)
    found: list[dict[str, Any]] = (
        connection.execute("select * from et0_hours order by hour_at").to_arrow_table().to_pylist()
    )
    connection.close()
    return found


def fallon(at: datetime, **values: float | None) -> dict[str, Any]:
    """Return the readings of 1 July 2015, 11:00 by the summer clock, of the station at Fallon, Nevada (AgriMet)."""
    return {
        "measured_at": at,
        "air_temperature_c": (91.8 - 32) * 5 / 9,
        "relative_humidity_pct": 100 * 1.1990099614301906 / 5.09318785259078,
        "wind_speed_m_s": 3.33 * 0.44704,
        "solar_radiation_w_m2": 61.16 * 0.041868 / 0.0036,
    } | values


def test_an_hour_before_noon_in_nevada_uses_0_61_mm() -> None:
    """WSWUP/RefET, tests/test_hourly.py (Apache-2.0), method asce, grass: 0.6063515."""
    (row,) = hours_of([fallon(FALLON_HOUR + timedelta(minutes=30))], FALLON)
    assert row["et0_mm"] == pytest.approx(0.6063515410076268, abs=2e-4)
    assert (row["hour_at"], row["is_night"]) == (FALLON_HOUR, False)


def test_a_clear_night_gives_almost_nothing_and_is_as_cloudy_as_the_evening_was() -> None:
    """350 W/m2 are 1.26 of 3.335 MJ under a clear sky: 1.35 x 0.378 - 0.35; by night half of the loss is the soil's."""
    dim = fallon(FALLON_HOUR, solar_radiation_w_m2=350.0)
    night = FALLON_HOUR + timedelta(hours=14)
    rows = hours_of([dim, fallon(night, solar_radiation_w_m2=-3.0)], FALLON)
    assert [row["is_night"] for row in rows] == [False, True]
    assert rows[1]["cloud_factor"] == rows[0]["cloud_factor"] == pytest.approx(0.160, abs=0.002)
    air_c, vapour, wind = (91.8 - 32) * 5 / 9, 1.1990099614301906, 3.33 * 0.44704 * 4.87 / math.log(67.8 * 3 - 5.42)
    loss = -2.042e-10 * rows[1]["cloud_factor"] * (0.34 - 0.14 * math.sqrt(vapour)) * (air_c + 273.16) ** 4
    slope = 2503 * math.exp(17.27 * air_c / (air_c + 237.3)) / (air_c + 237.3) ** 2
    gamma = 0.000665 * 101.3 * ((293 - 0.0065 * 1208.5) / 293) ** 5.26
    expected = (0.408 * slope * loss * 0.5 + gamma * 37 / (air_c + 273) * wind * (5.09318785259078 - vapour)) / (
        slope + gamma * (1 + 0.96 * wind)
    )
    assert rows[1]["et0_mm"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("missing", ["air_temperature_c", "relative_humidity_pct", "solar_radiation_w_m2"])
def test_an_hour_without_one_of_them_is_left_to_the_day(missing: str) -> None:
    assert hours_of([fallon(FALLON_HOUR, **{missing: None})], FALLON) == []


def test_an_hour_without_wind_has_the_usual_wind() -> None:
    (row,) = hours_of([fallon(FALLON_HOUR, wind_speed_m_s=None)], FALLON)
    wind_at_3_m = 2.0 / (4.87 / math.log(67.8 * 3 - 5.42))
    (windy,) = hours_of([fallon(FALLON_HOUR, wind_speed_m_s=wind_at_3_m)], FALLON)
    assert row["et0_mm"] == pytest.approx(windy["et0_mm"])


def test_an_hour_follows_the_heights_of_its_own_station_before_those_of_the_site() -> None:
    """The hour of Nevada again, at a site that says 5 m above the sea and wind at 10 m, as Beichen does."""
    elsewhere = replace(FALLON, elevation_m=BEICHEN.elevation_m, wind_height_m=BEICHEN.wind_height_m)
    (row,) = hours_of([fallon(FALLON_HOUR)], elsewhere, wind_height_m=3.0, elevation_m=1208.5)
    assert row["et0_mm"] == pytest.approx(0.6063515410076268, abs=2e-4)
    (other,) = hours_of([fallon(FALLON_HOUR)], elsewhere)
    assert abs(other["et0_mm"] - row["et0_mm"]) > 0.005


@pytest.mark.parametrize(("pressure_kpa", "counts"), [(87.64, True), (101.3, False), (None, False)])
def test_an_hour_takes_the_pressure_that_was_measured_unless_it_is_that_of_the_sea(
    pressure_kpa: float | None, *, counts: bool
) -> None:
    """1,208.5 m are 87.64 kPa by FAO-56 equation 7; of a station told to be at 900 m (91.0 kPa) its own value rules."""
    heights = {"wind_height_m": 3.0, "elevation_m": 900.0}
    (told,) = hours_of([fallon(FALLON_HOUR, air_pressure_kpa=pressure_kpa)], FALLON, **heights)
    (silent,) = hours_of([fallon(FALLON_HOUR)], FALLON, **heights)
    assert (told["et0_mm"] != silent["et0_mm"]) is counts
    if counts:
        assert abs(told["et0_mm"] - 0.6063515410076268) < abs(silent["et0_mm"] - 0.6063515410076268)


def test_a_day_brings_the_wind_of_each_station_to_two_metres_from_its_own_height(lake: MadeLake) -> None:
    """FAO-56 example 14: 3.2 m/s at 10 m are 2.4 m/s at 2 m; a station at 2 m measures that itself."""
    for device_id, height_m, wind in (("W", None, 3.2), ("W2", 2.0, 2.4)):
        lake.device(device_id, None, depths_cm=None, wind_height_m=height_m, elevation_m=None)
        for hour in range(24):
            lake.add(
                "weather_readings", device_id=device_id, air_temperature_c=20.0 + hour / 4, wind_speed_m_s=wind,
                measured_at=local_midnight(date(2026, 7, 6)) + timedelta(hours=hour),
            )  # fmt: skip
    assert day_of(lake)["wind_2m_m_s"] == pytest.approx(2.4, abs=0.01)


@pytest.mark.parametrize(("pressure_kpa", "gamma"), [(81.8, 0.054), (95.0, 0.054), (84.0, 0.0559)])
def test_a_day_has_the_pressure_of_its_stations_elevation_or_the_measured_one(
    lake: MadeLake, pressure_kpa: float, gamma: float
) -> None:
    """FAO-56 example 2: 1,800 m are 81.8 kPa and gamma 0.054 kPa/degree; 95 kPa there was reduced to the sea."""
    lake.device("W", None, depths_cm=None, elevation_m=1800.0)
    station_day(lake, date(2026, 7, 6), range(24), air_pressure_kpa=pressure_kpa)
    day_of(lake)
    ((elevation_m, measured),) = lake.connection.execute(
        "select elevation_m, air_pressure_kpa from et0_inputs"
    ).fetchall()
    pressure = measured or 101.3 * ((293 - 0.0065 * elevation_m) / 293) ** 5.26
    assert 0.000665 * pressure == pytest.approx(gamma, abs=0.0005)


def day_of(lake: MadeLake) -> dict[str, Any]:
    """Return the one row of reference_et0."""
    make_models(lake.connect(), models_behind("reference_et0"), as_of=AS_OF, site=BEICHEN)
    (row,) = lake.connection.execute("select * from reference_et0").to_arrow_table().to_pylist()
    return dict(row)


@pytest.mark.parametrize(("hours", "is_told"), [(24, True), (23, False)])
def test_a_day_of_hours_stands_beside_the_day(lake: MadeLake, hours: int, *, is_told: bool) -> None:
    lake.plot()
    for hour in range(hours):
        sun = max(0.0, 800 * math.sin(math.pi * (hour - 5) / 14)) if 5 <= hour <= 19 else 0.0
        station_day(
            lake, date(2026, 7, 6), range(hour, hour + 1), wind_speed_m_s=2.0, relative_humidity_pct=55.0,
            solar_radiation_w_m2=sun,
        )  # fmt: skip
    make_models(lake.connect(), models_behind("reference_et0"), as_of=AS_OF, site=BEICHEN)
    ((daily, hourly),) = lake.connection.execute("select et0_mm, hourly_et0_mm from reference_et0").fetchall()
    assert (hourly is not None) is is_told
    if is_told:
        assert hourly == pytest.approx(daily, rel=0.12)


@pytest.mark.parametrize(
    ("given", "vapour_kpa"),
    [
        ({"Vapr": 1.5, "Tdew": 3.0}, 1.5),
        ({"RHmax": 90.0, "RHmin": 30.0}, (2.3388 * 0.90 + 4.2455 * 0.30) / 2),
        ({"RHmax": 90.0}, 2.3388 * 0.90),
        ({"RHmin": 30.0}, 4.2455 * 0.30),
    ],
)
def test_vapour_pressure_is_by_the_best_that_a_station_has(given: dict[str, float], vapour_kpa: float) -> None:
    """ASCE 2005 table 3: 20 and 30 degrees have 2.3388 and 4.2455 kPa."""
    row = of_day(MARICOPA, 2003, 180, Tmax=30.0, Tmin=20.0, Srad=25.0, Wndsp=2.0, **given)
    assert row["vapour_pressure_kpa"] == pytest.approx(vapour_kpa, abs=1e-3)
