"""How much of each plot lies in a picture whose ground is convex, for many pairs at once.

Sutherland and Hodgman (Reentrant polygon clipping, Communications of the ACM 17, 1974), one side of the picture after
the other, on arrays. Plots may be bent inwards, have holes and several parts: each is walked as one closed line (see
`PlotShapes.walk`), and what clipping leaves of that encloses the right area, whatever it runs along twice.
"""

from __future__ import annotations

import numpy as np
import shapely

from ingest.drone.camera import Bools, Floats, Ints, Shapes
from ingest.drone.plots_index import PlotShapes

MOST_SIDES, LONGEST_WALK = 32, 256
"""Pictures of more sides and plots of more points are few, and cost less when each is intersected alone."""

_FEWEST = 4
_POINTS_AT_ONCE = 400_000


def convex_corners(areas: Shapes) -> tuple[Floats, Ints]:
    """Return the corners of those areas that are convex and have few enough, and how many each has, 0 for the others.

    areas: (N,) valid polygons, shells counter-clockwise
    Returns: (N, MOST_SIDES, 2), the last corner again and again behind the last, and (N,).
    """
    number = shapely.get_num_coordinates(areas) - 1
    fits = (shapely.get_type_id(areas) == shapely.GeometryType.POLYGON) & (number >= 3) & (number <= MOST_SIDES)  # noqa: PLR2004 - a triangle
    fits &= shapely.get_num_interior_rings(areas) == 0
    index = np.flatnonzero(fits)
    corners = np.zeros((len(areas), MOST_SIDES, 2))
    points, owner = shapely.get_coordinates(areas[index], return_index=True)
    begin = np.searchsorted(owner, np.arange(len(index)))
    at = np.minimum(np.arange(MOST_SIDES)[None, :], number[index][:, None] - 1)
    corners[index] = points[begin[:, None] + at]
    return corners, np.where(fits & _turns_left(corners), number, 0)


def covered_fractions(corners: Floats, number: Ints, row: Ints, plots: PlotShapes) -> Floats:
    """Return the share of each plot that lies in the convex area beside it, (N,), 0 to 1.

    corners, number: of (N,) areas, as `convex_corners` returns them; degrees do for a ratio
    row: (N,) register rows, each with a walk of at most LONGEST_WALK points
    """
    found = np.empty(len(row))
    widths, sides = _round_up(np.diff(plots.walk_offset)[row]), _round_up(number)
    for width, side_count in {*zip(widths.tolist(), sides.tolist(), strict=True)}:
        alike = np.flatnonzero((widths == width) & (sides == side_count))
        step = max(1, _POINTS_AT_ONCE // width)
        for begin in range(0, len(alike), step):
            part = alike[begin : begin + step]
            found[part] = _fractions(corners[part, :side_count], row[part], width, plots)
    return found


def _round_up(numbers: Ints) -> Ints:
    """Return the power of two at or above each number, at least 4, so that few shapes of arrays are needed."""
    return np.asarray(2 ** np.ceil(np.log2(np.maximum(numbers, _FEWEST))), dtype=np.intp)


def _turns_left(corners: Floats) -> Bools:
    side = np.roll(corners, -1, axis=1) - corners
    following = np.roll(side, -1, axis=1)
    turn = side[..., 0] * following[..., 1] - side[..., 1] * following[..., 0]
    return np.asarray(np.all(turn >= 0.0, axis=1), dtype=np.bool_)


def _fractions(corners: Floats, row: Ints, width: int, plots: PlotShapes) -> Floats:
    begin = plots.walk_offset[row][:, None]
    at = np.minimum(np.arange(width)[None, :], (np.diff(plots.walk_offset)[row] - 1)[:, None])
    # Differences of degrees to one corner: products of whole degrees would lose half of the digits.
    walk = plots.walk[begin + at] - corners[:, :1]
    box, corners = plots.bounds[row] - np.tile(corners[:, 0], 2), corners - corners[:, :1]
    ahead = np.roll(corners, -1, axis=1)
    left, is_cut = walk, np.zeros(len(row), dtype=np.bool_)
    for side in range(corners.shape[1]):
        may_cut = np.flatnonzero(_least_depth(box, corners[:, side], ahead[:, side]) < 0.0)
        depth = _depths(left[may_cut], corners[may_cut, side], ahead[may_cut, side])
        cuts = (depth < 0.0).any(axis=1)
        cut = may_cut[cuts]
        if cut.size:
            is_cut[cut] = True
            left = _put(left, cut, _clip(left[cut], depth[cuts]))
    fraction = np.ones(len(row))
    fraction[is_cut] = np.clip(_areas(left[is_cut]) / _areas(walk[is_cut]), 0.0, 1.0)
    return fraction


def _put(lines: Floats, index: Ints, shorter: Floats) -> Floats:
    """Return `lines` with those at `index` replaced; the last point again and again where one has fewer points."""
    missing = shorter.shape[1] - lines.shape[1]
    if missing > 0:
        lines = np.concatenate([lines, np.repeat(lines[:, -1:], missing, axis=1)], axis=1)
    else:
        lines = lines.copy()
        shorter = np.concatenate([shorter, np.repeat(shorter[:, -1:], -missing, axis=1)], axis=1)
    lines[index] = shorter
    return lines


def _depths(points: Floats, begin: Floats, end: Floats) -> Floats:
    """Return how far (N, V, 2) points lie left of the lines from `begin` to `end`, (N, V), times their length."""
    along, off = (end - begin)[:, None, :], points - begin[:, None, :]
    return np.asarray(along[..., 0] * off[..., 1] - along[..., 1] * off[..., 0], dtype=np.float64)


def _least_depth(box: Floats, begin: Floats, end: Floats) -> Floats:
    """Return the least depth, as `_depths` gives it, of any point of a box; box: (N, 4) west, south, east, north."""
    east, north = (end - begin).T
    y = np.where(east >= 0.0, box[:, 1], box[:, 3]) - begin[:, 1]
    x = np.where(north >= 0.0, box[:, 2], box[:, 0]) - begin[:, 0]
    return np.asarray(east * y - north * x, dtype=np.float64)


def _clip(points: Floats, depth: Floats) -> Floats:
    """Return what of closed lines (N, V, 2) lies where `depth`, (N, V) of their points, is not below 0: (N, W, 2)."""
    depth_ahead, ahead = np.roll(depth, -1, axis=1), np.roll(points, -1, axis=1)
    inside = depth >= 0.0
    crosses = inside != (depth_ahead >= 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(crosses, depth / (depth - depth_ahead), 0.0)[..., None]
    count, length = depth.shape
    every = np.stack([points, points + share * (ahead - points)], axis=2).reshape(count, 2 * length, 2)
    kept = np.stack([inside, crosses], axis=2).reshape(count, 2 * length)
    number = kept.sum(axis=1)
    order = np.argsort(~kept, axis=1, kind="stable")
    # The last point stands again and again where a line has fewer than the longest: that encloses nothing.
    at = np.minimum(np.arange(max(1, number.max(initial=0)))[None, :], np.maximum(number - 1, 0)[:, None])
    return np.take_along_axis(every, np.take_along_axis(order, at, axis=1)[..., None], axis=1)


def _areas(points: Floats) -> Floats:
    ahead = np.roll(points, -1, axis=1)
    cross = points[..., 0] * ahead[..., 1] - points[..., 1] * ahead[..., 0]
    return np.asarray(cross.sum(axis=1) / 2.0, dtype=np.float64)
