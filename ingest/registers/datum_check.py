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
from ingest.registers.datum import from_wgs84, to_wgs84

Verdict = Literal["fits", "gcj02", "bd09", "shifted_back", "elsewhere"]
"""shifted_back: it lies as if it had been converted from GCJ-02 once too often."""

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
    """

    verdict: Verdict | Literal["unknown"]
    per_plot: Mapping[str, Verdict]
    counts: Mapping[str, int]


def weigh(plots: Mapping[str, BaseGeometry], known: Sequence[KnownPosition]) -> DatumEvidence:
    """Return what `known` says of `plots` (plot_id → area as WGS 84); devices count before earlier outlines."""
    by_plot: dict[str, list[KnownPosition]] = {}
    for position in known:
        if position.plot_id in plots:
            by_plot.setdefault(position.plot_id, []).append(position)
    per_plot: dict[str, Verdict] = {}
    for plot_id, positions in by_plot.items():
        devices = [position for position in positions if position.is_device]
        verdicts = Counter(_verdict(plots[plot_id], position) for position in devices or positions)
        per_plot[plot_id] = verdicts.most_common(1)[0][0]
    counts = Counter(per_plot.values())
    telling = [(verdict, count) for verdict, count in counts.most_common() if verdict != "elsewhere"]
    overall: Verdict | Literal["unknown"] = "unknown"
    if telling:
        overall = "fits" if counts["fits"] == telling[0][1] else telling[0][0]
    return DatumEvidence(overall, per_plot, {str(verdict): count for verdict, count in counts.items()})


def _verdict(area: BaseGeometry, known: KnownPosition) -> Verdict:
    local = to_local_metres(area, known.lon, known.lat)
    target = local if known.is_device else shapely.centroid(local)

    def distance_m(spot: tuple[float, float]) -> float:
        return float(shapely.distance(target, to_local_metres(Point(spot), known.lon, known.lat)))

    if distance_m((known.lon, known.lat)) <= _NEAR_M:
        return "fits"
    shifted: dict[Verdict, float] = {
        "gcj02": distance_m(from_wgs84(known.lon, known.lat, "gcj02")),
        "bd09": distance_m(from_wgs84(known.lon, known.lat, "bd09")),
        "shifted_back": distance_m(to_wgs84(known.lon, known.lat, "gcj02")),
    }
    nearest = min(shifted, key=lambda verdict: shifted[verdict])
    return nearest if shifted[nearest] <= _NEAR_M else "elsewhere"
