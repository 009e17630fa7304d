"""The shapes of the plots, ready to be asked which of them lie near a place at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import shapely

from ingest.drone.camera import Bools, Floats, Ints, Shapes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FOR_EVER = np.iinfo(np.int64).max

Micros = npt.NDArray[np.int64]


def to_micros(instants: Sequence[datetime]) -> Micros:
    """Return aware instants as microseconds since 1970."""
    return np.array([(instant - _EPOCH) // _MICROSECOND for instant in instants], dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PlotShapes:
    """Every row of the plot register that has a shape; WGS 84 lon/lat.

    plot_id: of each row; a plot that changed has several rows that hold at different times
    shapes: (P,) valid polygons or multipolygons, shells counter-clockwise
    bounds: (P, 4) west, south, east, north of each
    canopy_m: (P,) height of the plants above ground, 0 where the register does not say
    valid_from, valid_to: (P,) microseconds since 1970; valid_to is exclusive
    register_version: of the whole register
    edge_start, edge_end: (E, 2) edges of all shapes, those of a row together; row i has edges edge_offset[i] up to
    edge_offset[i + 1]
    walk: (W, 2) each shape as one closed line, shell and holes joined by ways walked there and back; row i has points
    walk_offset[i] up to walk_offset[i + 1]
    """

    plot_id: tuple[str, ...]
    shapes: Shapes
    bounds: Floats
    canopy_m: Floats
    valid_from: Micros
    valid_to: Micros
    register_version: str
    tree: shapely.STRtree
    edge_start: Floats
    edge_end: Floats
    edge_offset: Ints
    walk: Floats
    walk_offset: Ints

    @classmethod
    def from_register(
        cls,
        plot_id: Sequence[str],
        geometry: Sequence[bytes],
        valid_from: Sequence[datetime],
        valid_to: Sequence[datetime | None],
        register_version: str,
        canopy_height_m: Sequence[float | None] = (),
    ) -> PlotShapes:
        """Return the shapes of register rows.

        geometry: WKB of valid polygons or multipolygons as the register wrote them, never bytes from outside
        valid_to: exclusive; None while the row still holds
        canopy_height_m: of each row, None where unknown; empty where no row has one
        """
        shapes = np.array(shapely.orient_polygons(shapely.from_wkb(np.array(list(geometry), dtype=object))))
        start, end, offset = _edges(shapes)
        walk, walk_offset = _walks(shapes)
        until = np.full(len(plot_id), _FOR_EVER, dtype=np.int64)
        ended = [(i, instant) for i, instant in enumerate(valid_to) if instant is not None]
        until[[i for i, _ in ended]] = to_micros([instant for _, instant in ended])
        return cls(
            plot_id=tuple(plot_id),
            shapes=shapes,
            bounds=np.asarray(shapely.bounds(shapes), dtype=np.float64).reshape(-1, 4),
            canopy_m=np.array([height or 0.0 for height in canopy_height_m] or [0.0] * len(plot_id), dtype=np.float64),
            valid_from=to_micros(valid_from),
            valid_to=until,
            register_version=register_version,
            tree=shapely.STRtree(shapes),
            edge_start=start,
            edge_end=end,
            edge_offset=offset,
            walk=walk,
            walk_offset=walk_offset,
        )

    def hold_at(self, row: Ints, instant: Micros) -> Bools:
        """Say for each pair of a register row and an instant whether the row held then."""
        return np.asarray(
            (self.valid_from[row] <= instant) & (instant < self.valid_to[row]),
            dtype=np.bool_,
        )


def _edges(shapes: Shapes) -> tuple[Floats, Floats, Ints]:
    points, point_ring, ring_owner = _rings(shapes)
    is_edge = point_ring[1:] == point_ring[:-1]
    owner = ring_owner[point_ring[:-1][is_edge]]
    offset = np.searchsorted(owner, np.arange(len(shapes) + 1)).astype(np.intp)
    return points[:-1][is_edge], points[1:][is_edge], offset


def _walks(shapes: Shapes) -> tuple[Floats, Ints]:
    """Return the rings of each shape one after the other, with the shape's first point again behind each of them."""
    points, point_ring, ring_owner = _rings(shapes)
    last = np.flatnonzero(np.diff(point_ring, append=-1)) + 1
    first_ring = np.searchsorted(ring_owner, np.arange(len(shapes)))
    first_point = np.searchsorted(point_ring, first_ring)
    walk = np.insert(points, last, points[first_point[ring_owner]], axis=0)
    length = np.bincount(ring_owner[point_ring], minlength=len(shapes)) + np.bincount(ring_owner, minlength=len(shapes))
    return walk, np.concatenate([[0], np.cumsum(length)]).astype(np.intp)


def _rings(shapes: Shapes) -> tuple[Floats, Ints, Ints]:
    """Return the points of all rings, closed, the ring of each point, and the shape of each ring."""
    parts, part_owner = shapely.get_parts(shapes, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    points, point_ring = shapely.get_coordinates(rings, return_index=True)
    return points, point_ring, part_owner[ring_part]
