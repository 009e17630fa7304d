"""Does a device's plot exist, and does the device stand in it?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

import shapely
from shapely import Point
from shapely.geometry.base import BaseGeometry

from ingest.registers.area import area_from_wkb, to_local_metres
from ingest.registers.datum import to_wgs84
from ingest.registers.findings import Place
from ingest.registers.validity import Row, holds_after, holds_at
from ingest.registers.words import did_you_mean

_BESIDE_M = 5.0
"""A phone's position is not better than this."""


class PlotOutlines:
    """The outlines of the register of plots, read when a device asks for one."""

    def __init__(self, plot_rows: Sequence[Row]) -> None:
        """Keep `plot_rows`, all rows of the register."""
        self._rows: dict[str, list[Row]] = {}
        for row in plot_rows:
            self._rows.setdefault(str(row["plot_id"]), []).append(row)

    def check_plot(self, plot_id: str, place: Place) -> None:
        """Add a fault when a plot is not in the register."""
        if plot_id not in self._rows:
            otherwise = "Import the plot first: greensward plots import FILE."
            place.fault(
                "unknown_plot",
                plot_id,
                "a plot of the register",
                did_you_mean(plot_id, self._rows, otherwise),
                "plot_id",
            )

    def check_period(self, row: Row, now: datetime, zone: tzinfo, place: Place) -> None:
        """Add a warning when a device's plot does not hold: now, or where the row ends before, when it begins."""
        begins, history = row["valid_from"], self._rows.get(str(row["plot_id"]))
        assert isinstance(begins, datetime)
        at = now if begins <= now and holds_after(row, now) else begins
        if history and not any(holds_at(plot, at) for plot in history):
            last = max(history, key=lambda plot: plot["valid_from"])
            closed = last["valid_to"] is not None and last["valid_to"] <= at
            place.warn(
                "plot_not_in_force",
                f"{row['plot_id']} is closed since {last['valid_to'].astimezone(zone):%Y-%m-%d %H:%M}"
                if closed
                else f"{row['plot_id']} begins only at {last['valid_from'].astimezone(zone):%Y-%m-%d %H:%M}",
                "a plot that holds when the device stands in it",
                "Bind the device to another plot, or import the plot again: readings are judged only while it holds.",
                "plot_id",
            )

    def check_position(self, row: Row, place: Place) -> None:
        """Add a warning when a device's position is outside of its plot as it is when the row begins."""
        plot_id, history = row["plot_id"], self._rows.get(str(row["plot_id"]))
        if not history or row["lon"] is None or row["lat"] is None:
            return
        begins = row["valid_from"]
        assert isinstance(begins, datetime)
        outline = next((plot for plot in history if holds_at(plot, begins)), history[-1])
        area = area_from_wkb(outline["geometry"])
        lon, lat = float(row["lon"]), float(row["lat"])
        away_m = _distance_m(area, lon, lat)
        if away_m > _BESIDE_M:
            shifted_m = _distance_m(area, *to_wgs84(lon, lat, "gcj02"))
            hint = (
                " It lies in the plot if the position is in GCJ-02: import with --datum gcj02."
                if shifted_m <= _BESIDE_M
                else ""
            )
            place.warn(
                "outside_plot", f"{away_m:.0f} m from {plot_id}", "a position in its plot", f"Check both.{hint}", "lon"
            )


def _distance_m(area: BaseGeometry, lon: float, lat: float) -> float:
    """Return the distance from a position to the nearest point of an area, 0 inside; to 1 % up to some 20 km."""
    return float(shapely.distance(to_local_metres(area, lon, lat), Point(0.0, 0.0)))
