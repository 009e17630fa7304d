"""Outlines of findings in pixels, cut to the picture they were found in."""

from __future__ import annotations

from collections.abc import Sequence

Points = tuple[tuple[float, float], ...]


def cut_to_picture(outline: Sequence[tuple[float, float]], width_px: float, height_px: float) -> Points:
    """Return the part of a closed outline that lies on 0 to `width_px` and 0 to `height_px`; empty when none does.

    Sutherland and Hodgman (Reentrant polygon clipping, Communications of the ACM 17, 1974): a part that falls in two
    is joined along the picture's edge, which changes neither its area nor its centroid.
    """
    points = tuple((float(x), float(y)) for x, y in outline)
    right, bottom = float(width_px), float(height_px)
    if all(0.0 <= x <= right and 0.0 <= y <= bottom for x, y in points):
        return points
    for axis, edge, side in ((0, 0.0, 1.0), (0, right, -1.0), (1, 0.0, 1.0), (1, bottom, -1.0)):
        points = _cut(points, axis, edge, side)
    return points


def _cut(points: Points, axis: int, edge: float, side: float) -> Points:
    """Return what of an outline lies on the side of `edge` that larger (1.0) or smaller (-1.0) coordinates are on."""
    depths = [side * (point[axis] - edge) for point in points]
    if all(depth >= 0.0 for depth in depths):
        return points
    kept: list[tuple[float, float]] = []
    for i, point in enumerate(points):
        before, depth_before, depth = points[i - 1], depths[i - 1], depths[i]
        if (depth >= 0.0) != (depth_before >= 0.0):
            share = depth_before / (depth_before - depth)
            other = before[1 - axis] + share * (point[1 - axis] - before[1 - axis])
            kept.append((edge, other) if axis == 0 else (other, edge))
        if depth >= 0.0:
            kept.append(point)
    return tuple(kept)
