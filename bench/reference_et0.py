"""The reference evapotranspiration of the product's SQL against the published runs of pyfao56 (kthorp/pyfao56, CC0).

The station's days stand in for what et0_inputs makes of readings; dew point becomes vapour pressure by the Tetens
equation that ASCE and FAO-56 share. The models sun_days and reference_et0 are run as they are.

    python -m bench.reference_et0 RefET.csv outputA.csv        (of ../shared/data/soil/pyfao56/test02)
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from ingest.site import BEICHEN, Site
from sql.evaluate import set_variables
from sql.models import all_models
from sql.reference import create_reference

MARICOPA: Site = replace(BEICHEN, south=33.069, north=33.069, elevation_m=361.0, wind_height_m=3.0)
"""The station of both tests: 33.069 degrees north, 361 m, wind at 3 m."""

_INPUTS = pa.schema(
    [("date", pa.date32())]
    + [
        (name, pa.float64())
        for name in (
            "temperature_max_c", "temperature_min_c", "vapour_pressure_kpa", "wind_2m_m_s", "radiation_mj_m2",
            "elevation_m", "air_pressure_kpa",
        )
    ]
)  # fmt: skip
_RUN = ("site_facts", "sun_days", "reference_et0")


def et0_of(days: Sequence[Mapping[str, str]], site: Site) -> list[dict[str, object]]:
    """Return the rows of reference_et0 for days with Year, DOY, Srad (MJ/m2), Tmax, Tmin, Tdew (Cel), Wndsp (m/s).

    Vapr (kPa) counts before Tdew, RHmax and RHmin (%) where neither is there.

    A quantity that is empty or missing is one that nobody measured.
    """
    with duckdb.connect(":memory:") as connection:
        connection.execute("set timezone = 'UTC'")
        set_variables(connection, as_of=datetime(2100, 1, 1, tzinfo=UTC), site=site)
        create_reference(connection)
        connection.register("et0_inputs", pa.Table.from_pylist([_row(day, site) for day in days], schema=_INPUTS))
        connection.execute("create temp table forecast_days (date date)")
        connection.execute("create temp table et0_hours (date date, et0_mm double)")
        models = {model.name: model for model in all_models()}
        for name in _RUN:
            connection.execute(f"create temp table {name} as {models[name].select}")
        rows: list[dict[str, object]] = (
            connection.execute("select * from reference_et0 order by date").to_arrow_table().to_pylist()
        )
        return rows


def _row(day: Mapping[str, str], site: Site) -> dict[str, object]:
    def number(name: str) -> float | None:
        return float(day[name]) if day.get(name) not in (None, "", "NaN") else None

    of_year = date(int(day["Year"]), 1, 1) + timedelta(days=int(day["DOY"]) - 1)
    wind = number("Wndsp")
    wind_2m = None if wind is None else wind * 4.87 / math.log(67.8 * site.wind_height_m - 5.42)
    values = (
        of_year, number("Tmax"), number("Tmin"), _vapour_pressure(number), wind_2m, number("Srad"),
        site.elevation_m, None,
    )  # fmt: skip
    return dict(zip(_INPUTS.names, values, strict=True))


def _vapour_pressure(number: Callable[[str], float | None]) -> float | None:
    """Return kPa by the best that a station has (ASCE 2005 table 3): vapour pressure, dew point, humidities."""

    def saturation(temperature_c: float) -> float:
        return 0.6108 * math.exp(17.27 * temperature_c / (temperature_c + 237.3))

    given, dew_point = number("Vapr"), number("Tdew")
    if given is not None or dew_point is not None:
        return given if dew_point is None or given is not None else saturation(dew_point)
    lowest, highest = number("Tmin"), number("Tmax")
    most, least = number("RHmax"), number("RHmin")
    told = [
        saturation(temperature_c) * humidity / 100
        for temperature_c, humidity in ((lowest, most), (highest, least))
        if temperature_c is not None and humidity is not None
    ]
    return sum(told) / len(told) if told else None


def read_days(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file like RefET.csv."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def largest_difference(days_path: Path, expected_path: Path) -> tuple[int, float]:
    """Return the number of days and the largest difference in mm from the second column of `expected_path`."""
    rows = et0_of(read_days(days_path), MARICOPA)
    with expected_path.open(encoding="utf-8", newline="") as file:
        expected = [float(line[1]) for line in csv.reader(file)]
    differences = [abs(float(str(row["et0_mm"])) - et0) for row, et0 in zip(rows, expected, strict=True)]
    return len(rows), max(differences)


if __name__ == "__main__":
    count, largest = largest_difference(Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"{count} days, largest difference {largest:.6f} mm")
