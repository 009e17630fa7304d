"""Which plots a picture shows, and how much of each: the evidence that a plot was flown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely

from ingest.drone.camera import Floats, Ints, Shapes
from ingest.drone.footprint import Footprint
from ingest.drone.overlap import LONGEST_WALK, convex_corners, covered_fractions
from ingest.drone.plots_index import PlotShapes, to_micros

SMALLEST_FRACTION = 1e-6
"""Less of a plot than this is a common border, not ground that was seen."""
_WHOLE = 1.0 - 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Plots in pictures, one a place; image: (N,) which picture, counted from 0; covered_fraction: (N,) above 0, to 1.

    plot_id: (N,); covered_fraction: share of the plot's area that the picture shows
    """

    image: Ints
    plot_id: list[str]
    covered_fraction: Floats


def coverage(footprints: Sequence[Footprint], captured_at: Sequence[datetime], plots: PlotShapes) -> Coverage:
    """Return what each footprint shows of the plots that held when the picture was taken."""
    shown = np.array(
        [i for i, footprint in enumerate(footprints) if footprint.polygon is not None],
        dtype=np.intp,
    )
    if not shown.size or not len(plots.plot_id):
        return Coverage(np.empty(0, dtype=np.intp), [], np.empty(0))
    areas = shapely.from_wkb(np.array([footprints[i].polygon for i in shown], dtype=object))
    shapely.prepare(areas)
    which, row = plots.tree.query(areas, predicate="intersects")
    held = plots.hold_at(row, to_micros(captured_at)[shown[which]])
    which, row = which[held], row[held]
    fraction = _fractions(areas, which, row, plots)
    seen = np.flatnonzero(fraction > SMALLEST_FRACTION)
    return Coverage(
        image=shown[which[seen]],
        plot_id=[plots.plot_id[j] for j in row[seen].tolist()],
        covered_fraction=np.where(fraction[seen] >= _WHOLE, 1.0, fraction[seen]),
    )


def _fractions(areas: Shapes, which: Ints, row: Ints, plots: PlotShapes) -> Floats:
    """Return the share of each plot in the picture beside it: convex pictures together, all others one by one."""
    corners, number = convex_corners(areas)
    together = (number[which] > 0) & (np.diff(plots.walk_offset)[row] <= LONGEST_WALK)
    fraction = np.empty(len(row))
    fraction[together] = covered_fractions(corners[which[together]], number[which[together]], row[together], plots)
    alone = np.flatnonzero(~together)
    seen = shapely.area(shapely.intersection(areas[which[alone]], plots.shapes[row[alone]]))
    fraction[alone] = np.minimum(seen / shapely.area(plots.shapes[row[alone]]), 1.0)
    return fraction
