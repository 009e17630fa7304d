"""Time series of soil readings in CSV files, as agronomists and soil networks keep them."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ingest.errors import ConfigError

_INSTANTS = ("utc", "measured_at", "datetime", "time", "date")
_STATIONS = ("station", "device", "device_id")
_CM_PER_UNIT = {"depth_cm": 1.0, "depth_from_m": 100.0, "depth_m": 100.0}
_VALUES = {"value": None, "soil_moisture": "%", "volumetric_water_content": "m3/m3"}
_FRACTION_PER_UNIT = {"m3/m3": 1.0, "m³/m³": 1.0, "m^3/m^3": 1.0, "%": 0.01, "vol-%": 0.01, "pct": 0.01}
_MISSING = frozenset(("", "nan", "na", "null", "none"))

_Key = tuple[str, float | None, datetime]


@dataclass(frozen=True, slots=True)
class Fault:
    """A line (the header is line 1) that was left out, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class Series:
    """What a file holds; the lists run side by side.

    depths_cm: None where the file tells none; water_contents: m3/m3
    temperatures_c, air_c, rain_mm: None where the file has no such column or the cell is empty
    missing: lines without a value; repeated: lines that say the same again
    """

    stations: list[str] = field(default_factory=list)
    depths_cm: list[float | None] = field(default_factory=list)
    instants: list[datetime] = field(default_factory=list)
    water_contents: list[float] = field(default_factory=list)
    temperatures_c: list[float | None] = field(default_factory=list)
    air_c: dict[datetime, float] = field(default_factory=dict)
    rain_mm: dict[datetime, float] = field(default_factory=dict)
    missing: int = 0
    repeated: int = 0
    faults: list[Fault] = field(default_factory=list)


def read_series(path: Path, depth_cm: float | None = None) -> Series:
    """Return the series of a CSV file (gz too), every line that can be used; the others are its faults.

    Columns: an instant (utc, measured_at, datetime, time or date; without an offset it is UTC), the water content
    (value with unit % or m3/m3, soil_moisture in %, or volumetric_water_content), and where there are any station
    (device, device_id), depth_from_m (depth_m, depth_cm), soil_temperature, air_temperature, precipitation.

    depth_cm: where the file has no depth
    Raises: ConfigError when the file cannot be read or lacks a column.
    """
    series = Series()
    seen: dict[_Key, tuple[float, int]] = {}
    for line, cells in _lines(path, {"an instant": _INSTANTS, "the water content": tuple(_VALUES)}):
        try:
            value, fraction = _water_content(cells)
            if value is None:
                series.missing += 1
                continue
            at = _instant(cells)
            station = next((cells[name] for name in _STATIONS if cells.get(name)), path.name.split(".")[0])
            depth = _depth_cm(cells, depth_cm)
            if _is_repeated(seen.setdefault((station, depth, at), (value, line)), value, line):
                series.repeated += 1
                continue
            temperature = _number(cells, "soil_temperature")
            air, rain = _number(cells, "air_temperature"), _number(cells, "precipitation")
        except ValueError as error:
            series.faults.append(Fault(line, str(error)))
            continue
        series.stations.append(station)
        series.depths_cm.append(depth)
        series.instants.append(at)
        series.water_contents.append(round(value * fraction, 12))
        series.temperatures_c.append(temperature)
        if air is not None:
            series.air_c[at] = air
        if rain is not None:
            series.rain_mm[at] = rain
    return series


def read_companion(path: Path, column: str = "value") -> dict[tuple[float | None, datetime], float]:
    """Return a second series (temperature, rain) by depth in cm (None: the file tells none) and instant.

    Lines without a number are left out. Raises: ConfigError when the file cannot be read or lacks `column`.
    """
    values = {}
    for line, cells in _lines(path, {"an instant": _INSTANTS, "the values": (column,)}):
        try:
            value = _number(cells, column)
            if value is not None:
                values[_depth_cm(cells, None), _instant(cells)] = value
        except ValueError as error:
            raise ConfigError(f"{path}, line {line}: {error}") from error
    return values


def _lines(path: Path, wanted: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[int, dict[str, str]]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = [name.strip().lower() for name in next(rows, [])]
            for what, names in wanted.items():
                if not set(names) & set(header):
                    raise ConfigError(
                        f"{path} has no column for {what}: one of {', '.join(names)}. Its columns: "
                        f"{', '.join(header) or 'none'}."
                    )
            for cells in rows:
                if cells:
                    yield rows.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=False))
    except (OSError, UnicodeDecodeError, csv.Error, EOFError) as error:
        raise ConfigError(f"{path} cannot be read as CSV: {error}") from error


def _is_repeated(first: tuple[float, int], value: float, line: int) -> bool:
    first_value, first_line = first
    if first_line != line and first_value != value:
        raise ValueError(f"another value than line {first_line} has for the same station, depth and instant")
    return first_line != line


def _water_content(cells: Mapping[str, str]) -> tuple[float | None, float]:
    column = next(name for name in _VALUES if name in cells) if set(_VALUES) & set(cells) else "value"
    unit = _VALUES[column] or cells.get("unit", "")
    if unit.lower() not in _FRACTION_PER_UNIT:
        raise ValueError(f"unit {unit!r} is not one of water content: % or m3/m3")
    return _number(cells, column), _FRACTION_PER_UNIT[unit.lower()]


def _number(cells: Mapping[str, str], column: str) -> float | None:
    text = cells.get(column, "")
    if text.lower() in _MISSING:
        return None
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{column} {text!r} is no number") from None
    if not math.isfinite(number):
        raise ValueError(f"{column} {text!r} is no finite number")
    return number


def _instant(cells: Mapping[str, str]) -> datetime:
    column = next((name for name in _INSTANTS if name in cells), "utc")
    text = cells.get(column, "")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{column} {text!r} is no instant like 2026-07-02T08:00:00Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _depth_cm(cells: Mapping[str, str], otherwise: float | None) -> float | None:
    for column, factor in _CM_PER_UNIT.items():
        number = _number(cells, column)
        if number is not None:
            return round(number * factor, 6)
    return otherwise
