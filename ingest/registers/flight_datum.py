"""Are the pictures of a whole flight off by what GCJ-02 differs from WGS 84?

A camera position by itself does not tell. It shows against the aircraft's own position at that moment, or against the
plots: a flight that shows none of them, and all of them once the shift is undone. At Tianjin the shift is 571 m, and
it hardly changes over a flight, so that the whole flight is judged and no single picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from ingest.registers.datum import gcj02_to_wgs84, wgs84_to_gcj02

Floats = npt.NDArray[np.float64]

FEWEST_PICTURES = 5
NEAR_M = 60.0
"""Between picture and pose an aircraft flies less than this in 2 s, and a flight over plots stays nearer than this to
one; the shift is 300 m and more everywhere in China."""
_MOST, _LEAST = 0.8, 0.1
"""Shares of the pictures that must agree with the shift, and that may agree without it."""
_NEAR_DEG = 0.002
"""At any latitude of China more than NEAR_M; only to choose plots to measure to."""
_WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Shift:
    """A flight whose pictures lie as GCJ-02 positions do.

    offset_m: how far they are off; by: what they were held against
    """

    offset_m: float
    pictures: int
    by: Literal["poses", "plots"]


def shift_by_poses(lon: Floats, lat: Floats, pose_lon: Floats, pose_lat: Floats) -> Shift | None:
    """Return the shift of pictures against the aircraft's position at their moment, in WGS 84; None when there is none.

    lon, lat: (N,) degrees, of pictures that have a pose; pose_lon, pose_lat: (N,) of the aircraft
    """
    if len(lon) < FEWEST_PICTURES:
        return None
    as_is = _distances_m(lon, lat, pose_lon, pose_lat)
    shifted = _distances_m(lon, lat, *wgs84_to_gcj02(pose_lon, pose_lat))
    agree = np.mean(shifted <= NEAR_M) >= _MOST and np.mean(as_is <= NEAR_M) <= _LEAST
    return Shift(float(np.median(as_is)), len(lon), "poses") if agree else None


def shift_by_plots(lon: Floats, lat: Floats, plots: npt.NDArray[np.object_]) -> Shift | None:
    """Return the shift of pictures that lie near no plot until it is undone; None when there is none, or nobody knows.

    lon, lat: (N,) degrees; plots: shapely areas, WGS 84. Over a dense district both lie near plots, and nothing shows.
    """
    if len(lon) < FEWEST_PICTURES or not len(plots):
        return None
    undone_lon, undone_lat = gcj02_to_wgs84(lon, lat)
    tree = shapely.STRtree(plots)
    as_is, undone = _near_share(tree, plots, lon, lat), _near_share(tree, plots, undone_lon, undone_lat)
    if undone < _MOST or as_is > _LEAST:
        return None
    return Shift(float(np.median(_distances_m(lon, lat, undone_lon, undone_lat))), len(lon), "plots")


def _near_share(tree: shapely.STRtree, plots: npt.NDArray[np.object_], lon: Floats, lat: Floats) -> float:
    points = np.asarray(shapely.points(lon, lat), dtype=object)
    which, plot = tree.query(points, predicate="dwithin", distance=_NEAR_DEG)
    nearest = shapely.get_coordinates(shapely.shortest_line(points[which], plots[plot])).reshape(-1, 4)
    metres = _distances_m(nearest[:, 0], nearest[:, 1], nearest[:, 2], nearest[:, 3])
    return len(set(which[metres <= NEAR_M].tolist())) / len(lon)


def _distances_m(lon: Floats, lat: Floats, other_lon: Floats, other_lat: Floats) -> Floats:
    _, _, metres = _WGS84.inv(lon, lat, other_lon, other_lat)
    return np.asarray(metres, dtype=np.float64)
