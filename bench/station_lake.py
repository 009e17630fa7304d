"""A lake of measured stations, made by the project's own ways: plots and devices imported, readings written."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.tables import table
from ingest.lake.write import by_local_day, to_arrow, write_rows
from ingest.registers.store import import_devices, import_plots
from ingest.site import BEICHEN

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_SIDE_DEG = 0.0005
_PER_ROW = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a station: m³/m³ or what its unit says, and the middle of its layer in cm (None: not stated)."""

    station: str
    depth_cm: float | None
    measured_at: datetime
    value: float
    unit: str
    flag: str


def read_samples(path: Path) -> Iterator[Sample]:
    """Yield the rows of a gzipped series of ../shared/data/soil whose value is a number."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["value"]:
                layer = (row["depth_from_m"], row["depth_to_m"])
                depth_cm = round(50 * (float(layer[0]) + float(layer[1])), 6) if all(layer) else None
                measured_at = datetime.fromisoformat(row["utc"])
                yield Sample(row["station"], depth_cm, measured_at, float(row["value"]), row["unit"], row["flag"])


def register(
    folder: DataFolder, plots: Sequence[Mapping[str, Any]], devices: Sequence[tuple[str, str, str, float]]
) -> None:
    """Import plots (their properties; squares side by side in the district) and devices, both from the year 2000 on.

    devices: device_id, plot_id, depths_cm as the CSV has them, report_interval_s
    Raises: ConfigError naming the first fault of either file.
    """
    ensure_layout(folder)
    features = [
        {"type": "Feature", "properties": dict(plot), "geometry": _square(number)} for number, plot in enumerate(plots)
    ]
    geojson = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()
    now = datetime.now(UTC)
    done = import_plots(folder, geojson, site=BEICHEN, now=now, valid_from=LONG_AGO)
    lines = ["device_id,plot_id,depths_cm,report_interval_s", *(",".join(map(str, device)) for device in devices)]
    stood = import_devices(folder, "\n".join(lines).encode(), site=BEICHEN, now=now, valid_from=LONG_AGO)
    for check in (done.check, stood.check):
        if check.faults:
            raise ConfigError(str(next(finding for finding in check.findings if finding.severity == "fault")))


def write_readings(folder: DataFolder, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of soil_readings (device_id, channel, measured_at and values) into their days."""
    spec = table("soil_readings")
    whole = [
        {"received_at": row["measured_at"], "time_source": "device", "message_seq": number, **row}
        for number, row in enumerate(rows, start=1)
    ]
    for day, of_day in by_local_day(spec, to_arrow(spec, whole), BEICHEN):
        write_rows(folder, spec, day, of_day, "station")


def _square(number: int) -> dict[str, Any]:
    west = 117.0 + 2 * _SIDE_DEG * (number % _PER_ROW)
    south = 39.1 + 2 * _SIDE_DEG * (number // _PER_ROW)
    east, north = west + _SIDE_DEG, south + _SIDE_DEG
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }
