"""Flights out of the lake: which there were, and everything about one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crews.flights.flight import (
    Flight,
    FlightView,
    covered_shares,
    findings_of,
    flight_name,
    flights_of,
    plots_below,
)
from ingest.lake.files import partition_days, partition_files, read_files, read_register
from ingest.lake.layout import DataFolder
from ingest.lake.read import retrying
from ingest.lake.tables import table
from ingest.site import Site
from sql.reference import limit

_DAY = timedelta(days=1)


def find_flights(folder: DataFolder, site: Site, now: datetime) -> list[Flight]:
    """Return the flights of the drone window up to `now`, the newest first. Raises: StoreError."""
    first = site.local_date(now) - timedelta(days=limit("drone_window_days"))

    def pictures() -> list[tuple[date, Mapping[str, Any]]]:
        days = [day for day in partition_days(folder, table("drone_images")) if day >= first]
        return [(day, row) for day in days for row in _rows(folder, "drone_images", day) if row["captured_at"] <= now]

    return flights_of(retrying(folder, pictures))


def find_flight(folder: DataFolder, site: Site, flight: Flight) -> FlightView:
    """Return what the lake has of a flight. Raises: StoreError."""
    days = [flight.day + n * _DAY for n in range((site.local_date(flight.last_at) - flight.day).days + 1)]

    def rows(name: str) -> list[Mapping[str, Any]]:
        return [row for day in days for row in _rows(folder, name, day) if flight_name(row, day) == flight.flight_id]

    images, found, seen = (
        retrying(folder, lambda name=name: rows(name))  # type: ignore[misc]
        for name in ("drone_images", "image_detections", "plot_coverage")
    )
    findings = findings_of(found)
    return FlightView(
        flight=flight,
        footprints=tuple(row["footprint"] for row in images if row["footprint"] is not None),
        findings=findings,
        plots=plots_below(
            covered_shares(seen), {one.plot_id for one in findings if one.plot_id}, _plots_at(folder, flight.first_at)
        ),
    )


def _plots_at(folder: DataFolder, instant: datetime) -> Iterator[Mapping[str, Any]]:
    for row in (
        read_register(folder, "plots").select(["plot_id", "name", "geometry", "valid_from", "valid_to"]).to_pylist()
    ):
        if row["valid_from"] <= instant and (row["valid_to"] is None or instant < row["valid_to"]):
            yield row


_COLUMNS = {
    "drone_images": (
        "flight_id", "drone_id", "captured_at", "media_kind", "footprint_status", "footprint", "is_analysed",
    ),
    "image_detections": (
        "flight_id", "drone_id", "class", "confidence", "status", "plot_id", "centre_lon", "centre_lat",
        "sigma_radial_m", "sigma_tangential_m", "sigma_azimuth_deg",
    ),
    "plot_coverage": ("flight_id", "drone_id", "plot_id", "covered_fraction", "is_analysed"),
}  # fmt: skip


def _rows(folder: DataFolder, name: str, day: date) -> list[dict[str, Any]]:
    spec = table(name)
    found: pa.Table = read_files(spec, partition_files(folder, spec, day)).select(_COLUMNS[name])
    if name == "image_detections":
        found = found.filter(pc.is_valid(found["centre_lon"]))
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows
