"""`greensward qc`: the quality gates alone, over series in files, to be compared with any other implementation."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
from cyclopts import App, Parameter
from rich.markup import escape

from greensward.console import (
    EXIT_FOUND_PROBLEMS,
    EXIT_OK,
    Common,
    Listing,
    err,
    examples,
    print_table,
    progress,
    show,
)
from greensward.series_files import Series, read_companion, read_series
from ingest.errors import ConfigError
from ingest.lake.tables import table
from sql.quality import flag_series
from sql.reference import reference_rows

app = App(name="qc", help_epilogue=examples("greensward qc probe-7.csv --to flagged.csv"))

_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
_FAULTS_SHOWN = 20

_Companion = Annotated[
    str | None, Parameter(help="CSV file with the same instants; FILE:COLUMN where the column is not value.")
]


@dataclass(frozen=True, slots=True)
class Soil:
    """What is known of the soil of every series of a run; shares in m3/m3, None where not known."""

    texture: str | None
    saturation: float | None
    field_capacity: float | None


@app.default
def qc(
    *files: Annotated[Path, Parameter(help="CSV (gz too): station, depth, instant, value, unit; or a flagit frame.")],
    depth_cm: Annotated[float | None, Parameter(help="Depth where a file has none.")] = None,
    saturation: Annotated[float | None, Parameter(help="Of the soil, m3/m3; for C03.")] = None,
    field_capacity: Annotated[float | None, Parameter(help="Of the soil, m3/m3; for S1.")] = None,
    texture: Annotated[str | None, Parameter(help="Such as loam: gives saturation and field capacity.")] = None,
    soil_temperature: _Companion = None,
    air_temperature: _Companion = None,
    rain: _Companion = None,
    to: Annotated[
        Path | None, Parameter(help="Write every reading with its flags here: .csv, .csv.gz, .parquet.")
    ] = None,
    common: Common | None = None,
) -> int:
    """Flag every reading of the files with the SQL that verdicts use, count the flags, and name lines left out."""
    common = common or Common()
    if not files:
        raise ConfigError("qc: name at least one CSV file of soil readings.")
    _check_output(to)
    soil = Soil(_texture(texture), _share("--saturation", saturation), _share("--field-capacity", field_capacity))
    temperatures, air, rains = (_companion(given) for given in (soil_temperature, air_temperature, rain))
    site = common.settings().place()
    summaries, flagged = [], []
    with progress() as bar:
        task = bar.add_task("qc", total=None)

        def tell(name: str, number: int, total: int) -> None:
            bar.update(task, description=f"qc: {name}", completed=number, total=total)

        for path in files:
            series = read_series(path, depth_cm)
            tables = series_tables(series, soil, temperatures, air, rains)
            rows = flag_series(tables, site, tell)
            summaries.append(_summary(path, series, rows))
            flagged.append(rows.append_column("file", pa.array([path.name] * rows.num_rows, pa.string())))
    if to is not None:
        _write(to, pa.concat_tables(flagged))
    show(summaries, as_json=common.json, render=lambda: _print(summaries, to))
    return EXIT_FOUND_PROBLEMS if any(summary["faults"] for summary in summaries) else EXIT_OK


def _texture(name: str | None) -> str | None:
    known = {row["texture_key"] for row in reference_rows("soil_textures")}
    key = name.strip().lower().replace(" ", "_") if name is not None else None
    if key is not None and key not in known:
        raise ConfigError(f"--texture {name!r} is none of {', '.join(sorted(known))}.")
    return key


def _share(option: str, value: float | None) -> float | None:
    if value is not None and not 0 < value < 1:
        raise ConfigError(f"{option} {value:g}: write m3/m3 between 0 and 1, such as 0.46 for 46 %.")
    return value


def _companion(given: str | None) -> dict[tuple[float | None, datetime], float]:
    if given is None:
        return {}
    name, _, column = given.rpartition(":")
    if name and not Path(given).exists():
        return read_companion(Path(name), column.lower())
    return read_companion(Path(given))


def series_tables(
    series: Series,
    soil: Soil,
    temperatures: dict[tuple[float | None, datetime], float],
    air: dict[tuple[float | None, datetime], float],
    rains: dict[tuple[float | None, datetime], float],
) -> dict[str, pa.Table]:
    """Return tables of the lake as if the series had come from devices, one in a plot of its own for each station.

    temperatures: of the soil, by depth in cm (None: any depth) and instant; air, rains: of the site, likewise
    Raises: ConfigError when a file has weather of its own for several stations.
    """
    stations = sorted(set(series.stations))
    if len(stations) > 1 and (series.air_c or series.rain_mm):
        raise ConfigError(
            f"weather beside the readings of several stations ({', '.join(stations[:3])}, …): one file a station, "
            "please; the weather of a run holds for all of its readings."
        )
    air_c = {at: value for (_, at), value in air.items()} | series.air_c
    rain_mm = {at: value for (_, at), value in rains.items()} | series.rain_mm
    weather = [
        {
            "device_id": "weather",
            "measured_at": at,
            "air_temperature_c": air_c.get(at),
            "rain_depth_mm": rain_mm.get(at),
        }
        for at in sorted(air_c.keys() | rain_mm.keys())
    ]
    plots = [
        {
            "plot_id": name,
            "soil_texture": soil.texture,
            "saturation": soil.saturation,
            "field_capacity": soil.field_capacity,
            "valid_from": _LONG_AGO,
        }
        for name in stations
    ]
    return {
        "soil_readings": pa.table(
            {
                "device_id": pa.array(series.stations, pa.string()),
                "depth_cm": pa.array(series.depths_cm, pa.float64()),
                "measured_at": pa.array(series.instants, pa.timestamp("us", tz="UTC")),
                "volumetric_water_content": pa.array(series.water_contents, pa.float64()),
                "soil_temperature_c": pa.array(_temperatures(series, temperatures), pa.float64()),
            }
        ),
        "devices": _rows("devices", [{"device_id": n, "plot_id": n, "valid_from": _LONG_AGO} for n in stations]),
        "plots": _rows("plots", plots),
        "weather_readings": _rows("weather_readings", weather),
    }


def _temperatures(series: Series, given: dict[tuple[float | None, datetime], float]) -> Iterable[float | None]:
    """Give each reading the temperature of its line, else that of its depth and instant, else of its hour."""
    hourly = {(depth, at.replace(minute=0, second=0, microsecond=0)): value for (depth, at), value in given.items()}
    for own, depth, at in zip(series.temperatures_c, series.depths_cm, series.instants, strict=True):
        hour = at.replace(minute=0, second=0, microsecond=0)
        places = ((given, depth, at), (given, None, at), (hourly, depth, hour), (hourly, None, hour))
        found = (values.get((where, when)) for values, where, when in places)
        yield own if own is not None else next((value for value in found if value is not None), None)


def _rows(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([pa.field(field.name, field.type) for field in table(name).schema])
    return pa.Table.from_pylist(rows, schema=schema)


def _summary(path: Path, series: Series, rows: pa.Table) -> dict[str, Any]:
    elements: dict[tuple[str, float | None], Counter[str]] = {}
    names = ("device_id", "depth_cm", "flags", "is_usable")
    for station, depth, flags, is_usable in zip(*(rows[name].to_pylist() for name in names), strict=True):
        counts = elements.setdefault((station, depth), Counter())
        counts.update(flags.split(","))
        counts.update(readings=1, usable=int(is_usable))
    return {
        "file": str(path),
        "readings": rows.num_rows,
        "without_value": series.missing,
        "repeated": series.repeated,
        "faults": [{"line": fault.line, "reason": fault.reason} for fault in series.faults],
        "elements": [
            {
                "station": station,
                "depth_cm": depth,
                "readings": counts.pop("readings"),
                "usable": counts.pop("usable"),
                "flags": dict(sorted(counts.items())),
            }
            for (station, depth), counts in elements.items()
        ],
    }


def _check_output(to: Path | None) -> None:
    if to is not None and not to.name.endswith((".csv", ".csv.gz", ".parquet")):
        raise ConfigError(f"--to {to}: end the name in .csv, .csv.gz or .parquet.")
    if to is not None and not to.parent.is_dir():
        raise ConfigError(f"--to {to}: the folder {to.parent} does not exist.")


def _write(to: Path, rows: pa.Table) -> None:
    if to.suffix == ".parquet":
        pq.write_table(rows, to, compression="zstd")
        return
    opened = gzip.open if to.suffix == ".gz" else open
    with opened(to, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows.column_names)
        for row in zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True):
            writer.writerow(_text(value) for value in row)


def _text(value: object) -> object:
    if isinstance(value, datetime):
        at = value.astimezone(UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}{f'.{at.microsecond:06d}' if at.microsecond else ''}Z"
    return str(value).lower() if isinstance(value, bool) else value


def _print(summaries: list[dict[str, Any]], to: Path | None) -> None:
    listed = Listing("file", "station", "depth cm", "readings", "usable", "flags")
    for summary in summaries:
        for element in summary["elements"]:
            listed.add_row(
                escape(Path(summary["file"]).name),
                escape(element["station"]),
                "" if element["depth_cm"] is None else f"{element['depth_cm']:g}",
                f"{element['readings']:,}",
                f"{element['usable']:,}",
                " · ".join(f"{name} {count:,}" for name, count in element["flags"].items()),
            )
    print_table(listed)
    for summary in summaries:
        faults = summary["faults"]
        for fault in faults[:_FAULTS_SHOWN]:
            err.print(escape(f"{summary['file']}, line {fault['line']}: {fault['reason']}; left out"))
        if len(faults) > _FAULTS_SHOWN:
            err.print(
                escape(f"{summary['file']}: {len(faults) - _FAULTS_SHOWN} more lines left out (--json names all)")
            )
    if to is not None:
        err.print(escape(f"every reading with its flags: {to}"))
