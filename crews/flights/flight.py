"""A flight as its map and its page need it: pictures' footprints, findings with their doubt, the plots below."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sql.reference import reference_rows

SHOWN_STATUSES = ("assigned", "probable", "ambiguous", "outside")
"""Statuses of findings that have a place on the ground."""


@dataclass(frozen=True, slots=True)
class Flight:
    """One flight in a list.

    flight_id: as the verdicts name it: a picture without one belongs to its drone's local day
    day: the local day on which it began
    pictures, on_ground, analysed: how many there are, have a footprint, were looked at for findings
    """

    flight_id: str
    day: date
    first_at: datetime
    last_at: datetime
    pictures: int
    on_ground: int
    analysed: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding on the ground; sigmas in metres, sigma_azimuth_deg of the radial axis, clockwise from true north."""

    finding_class: str
    confidence: float
    status: str
    plot_id: str | None
    lon: float
    lat: float
    sigma_radial_m: float | None
    sigma_tangential_m: float | None
    sigma_azimuth_deg: float | None


@dataclass(frozen=True, slots=True)
class Below:
    """A plot under a flight.

    geometry: WKB, WGS 84; covered, analysed: share of the plot that the flight's pictures, and the analysed ones, show
    """

    plot_id: str
    name: str
    geometry: bytes
    covered: float
    analysed: float


@dataclass(frozen=True, slots=True)
class FlightView:
    """All that the map of a flight shows; footprints are WKB, WGS 84 lon/lat."""

    flight: Flight
    footprints: tuple[bytes, ...]
    findings: tuple[Seen, ...]
    plots: tuple[Below, ...]

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to draw: no picture has ground, and nothing else has a place."""
        return not (self.footprints or self.findings or self.plots)


def flight_name(row: Mapping[str, Any], day: date) -> str:
    """Return the flight that a row of drone_images or of a table about pictures belongs to, as the verdicts do."""
    return row["flight_id"] or "/".join(part for part in (row["drone_id"], day.isoformat()) if part)


def flights_of(pictures: Iterable[tuple[date, Mapping[str, Any]]]) -> list[Flight]:
    """Return the flights of pictures (local day and row of drone_images), the newest first."""
    by_flight: defaultdict[str, list[tuple[date, Mapping[str, Any]]]] = defaultdict(list)
    for day, row in pictures:
        if row["media_kind"] == "image":
            by_flight[flight_name(row, day)].append((day, row))
    flights = [
        Flight(
            flight_id=name,
            day=min(day for day, _ in rows),
            first_at=min(row["captured_at"] for _, row in rows),
            last_at=max(row["captured_at"] for _, row in rows),
            pictures=len(rows),
            on_ground=sum(row["footprint_status"] in {"ok", "clipped"} for _, row in rows),
            analysed=sum(bool(row["is_analysed"]) for _, row in rows),
        )
        for name, rows in by_flight.items()
    ]
    return sorted(flights, key=lambda one: (one.last_at, one.flight_id), reverse=True)


def findings_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Seen, ...]:
    """Return the findings of rows of image_detections that have a place, the surest last, to be drawn on top."""
    found = [
        Seen(
            row["class"], row["confidence"], row["status"], row["plot_id"], row["centre_lon"], row["centre_lat"],
            row["sigma_radial_m"], row["sigma_tangential_m"], row["sigma_azimuth_deg"],
        )
        for row in rows
        if row["status"] in SHOWN_STATUSES and row["centre_lon"] is not None
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (one.confidence, one.lon, one.lat)))


def covered_shares(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Return plot → share of it that pictures show, and that analysed pictures show, of rows of plot_coverage.

    How pictures overlap is not stored: as the verdicts do, they count as if they lay at random.
    """
    left: defaultdict[str, list[float]] = defaultdict(lambda: [1.0, 1.0])
    for row in rows:
        share = min(max(row["covered_fraction"], 0.0), 1.0)
        left[row["plot_id"]][0] *= 1.0 - share
        left[row["plot_id"]][1] *= 1.0 - share if row["is_analysed"] else 1.0
    return {plot_id: (1.0 - shown, 1.0 - analysed) for plot_id, (shown, analysed) in left.items()}


def plots_below(
    shares: Mapping[str, tuple[float, float]], near: Collection[str], plots: Iterable[Mapping[str, Any]]
) -> tuple[Below, ...]:
    """Return the plots that a flight shows or findings lie in, by name; plots: register rows that held then."""
    return tuple(
        sorted(
            (
                Below(row["plot_id"], row["name"], row["geometry"], *shares.get(row["plot_id"], (0.0, 0.0)))
                for row in plots
                if row["plot_id"] in shares or row["plot_id"] in near
            ),
            key=lambda one: (one.name, one.plot_id),
        )
    )


@cache
def class_facts(finding_class: str) -> tuple[str, str, str]:
    """Return (kind, Chinese name, English name) of a class, by sql/reference/finding_classes.csv.

    The first pattern in match_order counts; a class that none names is a disease, as in sql/staging/finding_kinds.sql.
    """
    rows = sorted(
        reference_rows("finding_classes"), key=lambda row: (float(row["match_order"]), row["class_pattern"].encode())
    )
    for row in rows:
        pattern = "".join({"%": ".*", "_": "."}.get(mark, re.escape(mark)) for mark in row["class_pattern"])
        if re.fullmatch(pattern, finding_class.lower(), re.DOTALL):
            return row["kind"], row["name_zh"], row["name_en"]
    return "disease", finding_class, finding_class.replace("_", " ")
