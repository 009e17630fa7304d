"""The daily water balance of the product's SQL against a published season of pyfao56 (kthorp/pyfao56, CC0).

A cotton crop grows, which no plot of ours does: its basal coefficient, height, cover and root depth of each day are
made here by the equations of FAO-56, and the model water_balance is run as it is over what they give. ET0 is that
of the published file, so that the balance is judged alone; bench.reference_et0 judges ET0.

    python -m bench.daily_balance cotton2013.par cotton2013.wth cottondry2013.irr cottondry2013.out
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from sql.models import all_models
from sql.reference import create_reference

COMPARED = {
    "Dr": "depletion_mm",
    "Ks": "ks",
    "RAW": "readily_available_water_mm",
    "ETc": "etc_mm",
    "ETa": "actual_et_mm",
    "DP": "percolation_mm",
    "De": "evaporated_mm",
    "Ke": "evaporation_coefficient",
    "p": "depletion_fraction",
}
"""Columns of the published file and what they are called here."""

BALANCE_DAYS = pa.schema(
    [("plot_id", pa.string()), ("date", pa.date32()), ("day_number", pa.int64())]
    + [
        (name, pa.float64())
        for name in (
            "start_depletion_mm", "start_evaporated_mm", "et0_mm", "rain_mm", "watering_mm", "wetted_fraction",
            "exposed_wetted_fraction", "crop_coefficient", "crop_coefficient_max", "evaporable_mm",
            "readily_evaporable_mm", "total_available_water_mm", "depletion_fraction",
        )
    ]
)  # fmt: skip

Day = dict[str, object]


@dataclass(frozen=True, slots=True)
class Irrigation:
    """Water on a day: depth that arrives in mm over the whole field, and the share of the surface that it wets."""

    depth_mm: float
    wetted_fraction: float


def balance(days: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Return the rows of water_balance for `days`, rows of BALANCE_DAYS; what is left out is unknown."""
    with duckdb.connect(":memory:") as connection:
        create_reference(connection)
        connection.register("balance_days", pa.Table.from_pylist([dict(day) for day in days], schema=BALANCE_DAYS))
        (select,) = [model.select for model in all_models() if model.name == "water_balance"]
        rows: list[dict[str, object]] = (
            connection.execute(f"select * from ({select}) order by plot_id, date").to_arrow_table().to_pylist()
        )
        return rows


def season(
    parameters: Mapping[str, float],
    weather: Mapping[date, Mapping[str, float]],
    wind_height_m: float,
    irrigations: Mapping[date, Irrigation],
    first: date,
    last: date,
) -> list[Day]:
    """Return the days of a crop as water_balance reads them: FAO-56 equations 66, 72, 73, 75, 76, 82 and page 279.

    parameters, weather: by the names that the files of pyfao56 have
    """
    p = parameters
    stages = (p["Kcbmid"] - p["Kcbini"], p["Kcbini"])
    height = root_depth = 0.0
    wetted = 1.0
    days: list[Day] = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        air = weather[day]
        basal = basal_coefficient(p, number)
        growth = (basal - stages[1]) / stages[0]
        height = max(height, p["hini"] + (p["hmax"] - p["hini"]) * growth, 0.001)
        root_depth = max(root_depth, p["Zrini"] + (p["Zrmax"] - p["Zrini"]) * growth)
        wind = min(max(air.get("Wndsp", 2.0) * 4.87 / math.log(67.8 * wind_height_m - 5.42), 1.0), 6.0)
        humidity = min(max(air["RHmin"], 20.0), 80.0)
        most = max(1.2 + (0.04 * (wind - 2) - 0.004 * (humidity - 45)) * (height / 3) ** 0.3, basal + 0.05)
        cover = min(max((max(basal - p["Kcbini"], 0) / (most - p["Kcbini"])) ** (1 + 0.5 * height), 0.0), 0.99)
        water = irrigations.get(day, Irrigation(0.0, wetted))
        wetted = 1.0 if not water.depth_mm and air["Rain"] >= 3 else water.wetted_fraction
        evaporable = 1000 * (p["thetaFC"] - 0.5 * p["thetaWP"]) * p["Ze"]
        days.append(
            {
                "plot_id": "field",
                "date": day,
                "day_number": number + 1,
                "start_depletion_mm": 1000 * (p["thetaFC"] - p["theta0"]) * p["Zrini"],
                "start_evaporated_mm": evaporable,
                "et0_mm": air["ETref"],
                "rain_mm": air["Rain"],
                "watering_mm": water.depth_mm,
                "wetted_fraction": wetted,
                "exposed_wetted_fraction": max(min(1 - cover, wetted), 0.01),
                "crop_coefficient": basal,
                "crop_coefficient_max": most,
                "evaporable_mm": evaporable,
                "readily_evaporable_mm": p["REW"],
                "total_available_water_mm": 1000 * (p["thetaFC"] - p["thetaWP"]) * root_depth,
                "depletion_fraction": p["pbase"],
            }
        )
    return days


def basal_coefficient(parameters: Mapping[str, float], days_after_start: int) -> float:
    """Return Kcb of a day by the four stages of FAO-56 (equation 66); the day of sowing is 0."""
    p = parameters
    ends = [p["Lini"], p["Lini"] + p["Ldev"], p["Lini"] + p["Ldev"] + p["Lmid"]]
    if days_after_start <= ends[0]:
        return p["Kcbini"]
    if days_after_start <= ends[1]:
        return p["Kcbini"] + (p["Kcbmid"] - p["Kcbini"]) * (days_after_start - ends[0]) / p["Ldev"]
    if days_after_start <= ends[2]:
        return p["Kcbmid"]
    return p["Kcbmid"] + (p["Kcbend"] - p["Kcbmid"]) * min((days_after_start - ends[2]) / p["Lend"], 1.0)


def read_parameters(path: Path) -> dict[str, float]:
    """Return the numbers of a .par file by name."""
    found: dict[str, float] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        value, _, name = line.strip().partition(" ")
        if "," in name and value.replace(".", "").replace("-", "").isdigit():
            found[name.strip().partition(",")[0]] = float(value)
    return found


def read_weather(path: Path) -> tuple[dict[date, dict[str, float]], float]:
    """Return the days of a .wth file by column, without what is NaN, and the height of the wind's measurement in m."""
    lines = path.read_text(encoding="utf-8").splitlines()
    height = next(float(line.split()[0]) for line in lines if "Wind speed measurement height" in line)
    return {_day(row["Year-DOY"]): _numbers(row) for row in _table(lines)}, height


def read_irrigations(path: Path) -> dict[date, Irrigation]:
    """Return the water of a .irr file by day, less what is lost on the way."""
    return {
        _day(row["Year-DOY"]): Irrigation(float(row["Depth"]) * float(row["IrrEff"]) / 100, float(row["fw"]))
        for row in _table(path.read_text(encoding="utf-8").splitlines())
    }


def read_published(path: Path) -> dict[date, dict[str, float]]:
    """Return the days of a .out file by column."""
    return {_day(row["Year-DOY"]): _numbers(row) for row in _table(path.read_text(encoding="utf-8").splitlines())}


def _table(lines: Sequence[str]) -> list[dict[str, str]]:
    begin = next(number for number, line in enumerate(lines) if line.startswith("Year-DOY"))
    names = lines[begin].split()
    return [dict(zip(names, line.split(), strict=True)) for line in lines[begin + 1 :] if line.strip()]


def _day(written: str) -> date:
    year, of_year = written.split("-")
    return date(int(year), 1, 1) + timedelta(days=int(of_year) - 1)


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    numbers = {}
    for name, text in row.items():
        try:
            value = float(text)
        except ValueError:
            continue
        if not math.isnan(value):
            numbers[name] = value
    return numbers


def largest_differences(parameters: Path, weather: Path, irrigations: Path, published: Path) -> dict[str, float]:
    """Return, by published column, the largest difference of any day."""
    expected = read_published(published)
    air, wind_height_m = read_weather(weather)
    days = season(
        read_parameters(parameters), air, wind_height_m, read_irrigations(irrigations), min(expected), max(expected)
    )
    differences = dict.fromkeys(COMPARED, 0.0)
    for row, of_day in zip(balance(days), expected.values(), strict=True):
        for theirs, ours in COMPARED.items():
            differences[theirs] = max(differences[theirs], abs(float(str(row[ours])) - of_day[theirs]))
    return differences


if __name__ == "__main__":
    found = largest_differences(*(Path(argument) for argument in sys.argv[1:5]))
    for name, difference in found.items():
        print(f"{name:4} {COMPARED[name]:28} largest difference {difference:.4f}")
    sys.exit(max(found.values()) > 0.01)
