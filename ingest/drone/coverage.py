"""Which plots a picture shows, and how much of each: the evidence that a plot was flown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely

from ingest.drone.footprint import Footprint
from ingest.drone.plots_index import PlotShapes, to_micros

SMALLEST_FRACTION = 1e-6
"""Less of a plot than this is a common border, not ground that was seen."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """A plot in a picture; image: which picture, counted from 0; covered_fraction: share of the plot's area, 0 to 1."""

    image: int
    plot_id: str
    covered_fraction: float


def coverage(footprints: Sequence[Footprint], captured_at: Sequence[datetime], plots: PlotShapes) -> list[Coverage]:
    """Return what each footprint shows of the plots that held when the picture was taken."""
    shown = np.array(
        [i for i, footprint in enumerate(footprints) if footprint.polygon is not None],
        dtype=np.intp,
    )
    if not shown.size or not len(plots.plot_id):
        return []
    areas = shapely.from_wkb(np.array([footprints[i].polygon for i in shown], dtype=object))
    shapely.prepare(areas)
    which, row = plots.tree.query(areas, predicate="intersects")
    held = plots.hold_at(row, to_micros(captured_at)[shown[which]])
    which, row = which[held], row[held]
    fraction = np.ones(len(row))
    cut = np.flatnonzero(~shapely.covers(areas[which], plots.shapes[row]))
    seen = shapely.area(shapely.intersection(areas[which[cut]], plots.shapes[row[cut]]))
    fraction[cut] = np.minimum(seen / shapely.area(plots.shapes[row[cut]]), 1.0)
    return [
        Coverage(int(shown[i]), plots.plot_id[j], float(share))
        for i, j, share in zip(which, row, fraction, strict=True)
        if share > SMALLEST_FRACTION
    ]
