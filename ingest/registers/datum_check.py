"""Do the plots of a file lie where they should, or off by what GCJ-02 or BD-09 differ from WGS 84?

A file by itself does not tell: a shifted plot is as good a polygon as any. It shows only against something known: a
device in the register with a WGS 84 position that stands in the plot, or the same plot as it stood in the register
before. Without either the check says "unknown".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import shapely
from shapely import Point
from shapely.geometry.base import BaseGeometry

from ingest.registers.area import to_local_metres
from ingest.registers.datum import Datum, from_wgs84, to_wgs84

Verdict = Literal["fits", "gcj02", "bd09", "shifted_back", "elsewhere"]
"""shifted_back: it lies as if it had been converted from GCJ-02 or BD-09 once too often."""

_SHIFTED: tuple[Datum, ...] = ("gcj02", "bd09")
_NEAR_M = 60.0
"""A plot redrawn or a probe beside its plot is off by less than this; the shifts are 300 m and more."""


@dataclass(frozen=True, slots=True)
class KnownPosition:
    """Where the register says that something of a plot is: a device, or the centre of the plot as it was."""

    plot_id: str
    lon: float
    lat: float
    is_device: bool


@dataclass(frozen=True, slots=True)
class DatumEvidence:
    """What the known positions say of a file.

    verdict: of the file as a whole, by majority; "unknown" without evidence
    per_plot: plot_id → verdict, for plots with evidence
    counts: verdict → number of plots
    unmoved: plots that lie exactly as they did and have no device: they tell nothing of the datum
    away_m: plot_id → metres to the nearest known position, for plots that lie elsewhere
    by_device: plots whose evidence is a device
    """

    verdict: Verdict | Literal["unknown"]
    per_plot: Mapping[str, Verdict]
    counts: Mapping[str, int]
    unmoved: int
    away_m: Mapping[str, float]
    by_device: frozenset[str]

    @property
    def compared(self) -> int:
        """How many plots were compared with something else than themselves."""
        return len(self.per_plot)

    @property
    def fitting(self) -> int:
        """How many of those lie where they should."""
        return self.counts.get("fits", 0)

    @property
    def is_contradicted_by_devices(self) -> bool:
        """Whether devices tell, and not one plot lies where it should; earlier outlines may be the wrong ones."""
        return not self.counts.get("fits") and not self.unmoved and bool(self.by_device)


def weigh(
    plots: Mapping[str, BaseGeometry], known: Sequence[KnownPosition], unmoved: frozenset[str] = frozenset()
) -> DatumEvidence:
    """Return what `known` says of `plots` (plot_id → area as WGS 84); devices count before earlier outlines.

    unmoved: plots whose outline is the earlier one to the byte: as evidence they would only agree with themselves
    """
    by_plot: dict[str, list[KnownPosition]] = {}
    for position in known:
        if position.plot_id in plots:
            by_plot.setdefault(position.plot_id, []).append(position)
    per_plot: dict[str, Verdict] = {}
    away_m: dict[str, float] = {}
    by_device: set[str] = set()
    same = 0
    for plot_id, positions in by_plot.items():
        devices = [position for position in positions if position.is_device]
        if not devices and plot_id in unmoved:
            same += 1
            continue
        verdicts = Counter(_verdict(plots[plot_id], position) for position in devices or positions)
        per_plot[plot_id] = verdicts.most_common(1)[0][0]
        if devices:
            by_device.add(plot_id)
        if per_plot[plot_id] == "elsewhere":
            away_m[plot_id] = min(_distance_m(plots[plot_id], one, (one.lon, one.lat)) for one in devices or positions)
    counts = Counter(per_plot.values())
    telling = [(verdict, count) for verdict, count in counts.most_common() if verdict != "elsewhere"]
    overall: Verdict | Literal["unknown"] = "unknown"
    if telling:
        overall = "fits" if counts["fits"] + same >= telling[0][1] else telling[0][0]
    return DatumEvidence(
        overall,
        per_plot,
        {str(verdict): count for verdict, count in counts.items()},
        same,
        away_m,
        frozenset(by_device),
    )


def _distance_m(area: BaseGeometry, known: KnownPosition, spot: tuple[float, float]) -> float:
    """Return the metres from a spot near `known` to the area, for an earlier outline to the area's centre."""
    local = to_local_metres(area, known.lon, known.lat)
    target = local if known.is_device else shapely.centroid(local)
    return float(shapely.distance(target, to_local_metres(Point(spot), known.lon, known.lat)))


def _verdict(area: BaseGeometry, known: KnownPosition) -> Verdict:
    def distance_m(spot: tuple[float, float]) -> float:
        return _distance_m(area, known, spot)

    if distance_m((known.lon, known.lat)) <= _NEAR_M:
        return "fits"
    shifted: dict[Verdict, float] = {
        "gcj02": distance_m(from_wgs84(known.lon, known.lat, "gcj02")),
        "bd09": distance_m(from_wgs84(known.lon, known.lat, "bd09")),
        "shifted_back": min(distance_m(to_wgs84(known.lon, known.lat, datum)) for datum in _SHIFTED),
    }
    nearest = min(shifted, key=lambda verdict: shifted[verdict])
    return nearest if shifted[nearest] <= _NEAR_M else "elsewhere"
