"""From a GeoJSON geometry to the rings of its polygons: structure, closing, doubled points and spikes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ingest.decode.guard import describe
from ingest.registers.findings import Place
from ingest.registers.plot_file import is_list, is_number

Ring = npt.NDArray[np.float64]
"""Positions of one ring, n × 2, longitude then latitude."""

MAX_POINTS = 200_000
"""Points of one plot; more is a digitising accident."""

_LARGEST = 1e9
"""Neither degrees nor any map grid have numbers beyond this, and arithmetic with them overflows."""

_SPIKE_WIDTH_M = 0.01
_FEWEST_POSITIONS = 4
_DECIMALS = 9
"""1e-9 degrees is 0.1 mm: what export and conversion add behind it is noise."""

_METRES_PER_DEGREE = 111_320.0


def read_rings(geometry: object, place: Place) -> list[list[tuple[str, Ring]]] | None:
    """Return the parts of a Polygon or MultiPolygon, each a list of (pointer, ring), the first ring the outer one.

    Returns None when the structure itself is wrong; the faults are then at `place`.
    """
    if geometry is None:
        place.fault("no_geometry", "null", "a Polygon or MultiPolygon", "Draw the plot's border.", "/geometry")
        return None
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind not in {"Polygon", "MultiPolygon"}:
        got = describe(kind) if isinstance(geometry, dict) else describe(geometry)
        place.fault(
            "wrong_geometry_type", got, "Polygon or MultiPolygon", "Draw the plot as an area.", "/geometry/type"
        )
        return None
    coordinates = geometry.get("coordinates")
    pointer = "/geometry/coordinates"
    if not is_list(coordinates) or not coordinates:
        place.fault("no_geometry", describe(coordinates), "a list of rings", "Draw the plot's border.", pointer)
        return None
    given = (
        [(pointer, coordinates)] if kind == "Polygon" else [(f"{pointer}/{i}", p) for i, p in enumerate(coordinates)]
    )
    parts = [_part(where, part, place) for where, part in given]
    if any(part is None for part in parts):
        return None
    found = [part for part in parts if part is not None]
    points = sum(len(ring) for part in found for _, ring in part)
    if points > MAX_POINTS:
        place.fault("too_many_points", f"{points} points", f"at most {MAX_POINTS}", "Simplify the border.", pointer)
        return None
    return found


def _part(pointer: str, rings: object, place: Place) -> list[tuple[str, Ring]] | None:
    if not is_list(rings) or not rings:
        place.fault("bad_position", describe(rings), "a list of rings", "Export the layer again.", pointer)
        return None
    read = [(f"{pointer}/{i}", _positions(f"{pointer}/{i}", ring, place)) for i, ring in enumerate(rings)]
    found = [(where, ring) for where, ring in read if ring is not None]
    return found if len(found) == len(read) else None


def _positions(pointer: str, ring: object, place: Place) -> Ring | None:
    if not is_list(ring):
        place.fault("bad_position", describe(ring), "a list of [longitude, latitude]", "Export again.", pointer)
        return None
    pairs: list[tuple[float, float]] = []
    for index, position in enumerate(ring):
        numbers = [float(part) for part in position if is_number(part)] if is_list(position) else []
        if not is_list(position) or len(numbers) < len(position) or len(numbers) < 2:  # noqa: PLR2004
            place.fault(
                "bad_position", describe(position), "[longitude, latitude]", "Write two numbers.", f"{pointer}/{index}"
            )
            return None
        if max(abs(number) for number in numbers) > _LARGEST:
            where = f"{pointer}/{index}"
            place.fault("not_degrees", describe(position), "degrees, WGS 84", "Write longitude and latitude.", where)
            return None
        pairs.append((numbers[0], numbers[1]))
    if not pairs:
        place.fault("too_few_points", "an empty ring", "at least 4 positions", "Draw the border.", pointer)
        return None
    return np.array(pairs, dtype=np.float64).round(_DECIMALS)


def mend_ring(pointer: str, ring: Ring, place: Place) -> Ring | None:
    """Return the ring, closed, without doubled points and spikes (each a warning), or None when it is no area.

    A spike is a corner at which the border turns back on itself: its legs are nearer than 1 cm at the end of the
    shorter one.
    """
    if not np.array_equal(ring[0], ring[-1]):
        place.fault(
            "ring_not_closed",
            f"it begins at {at_point(ring[0])} and ends at {at_point(ring[-1])}",
            "the last position equal to the first",
            "Close the ring: repeat its first position at the end.",
            pointer,
        )
        ring = np.vstack([ring, ring[:1]])
    elif len(ring) < _FEWEST_POSITIONS:
        _too_few(pointer, ring, place)
        return None
    moved = np.any(ring[1:] != ring[:-1], axis=1)
    if not moved.all():
        first = ring[1:][~moved][0]
        place.warn(
            "duplicate_points",
            f"{int((~moved).sum())} doubled, the first at {at_point(first)}",
            "each point once",
            "Nothing: they were left out.",
            pointer,
        )
    corners, spikes = _without_spikes(ring[:-1][moved])
    if len(corners) < _FEWEST_POSITIONS - 1:
        _too_few(pointer, ring, place)
        return None
    if spikes:
        place.warn(
            "spikes",
            f"{len(spikes)} spikes, the first at {at_point(spikes[0])}",
            "a border that does not turn back on itself",
            "Nothing: they were cut off. Look at the border there.",
            pointer,
        )
    return np.vstack([corners, corners[:1]])


def at_point(position: Sequence[float] | Ring) -> str:
    """Return a position as people read it: longitude, latitude with 7 decimals (1 cm)."""
    return f"{position[0]:.7f}, {position[1]:.7f}"


def _too_few(pointer: str, ring: Ring, place: Place) -> None:
    different = len(np.unique(ring, axis=0))
    place.fault(
        "too_few_points",
        f"{different} different points that span no area",
        "at least 3 corners, the first repeated at the end",
        "Draw the border again.",
        pointer,
    )


def _without_spikes(corners: Ring) -> tuple[Ring, list[Ring]]:
    """Return the corners without spikes, and the tips that were cut off."""
    latitude = float(np.clip(corners[0, 1], -89.0, 89.0)) if len(corners) else 0.0
    scale = np.array([np.cos(np.radians(latitude)), 1.0]) * _METRES_PER_DEGREE
    tips: list[Ring] = []
    while len(corners) >= _FEWEST_POSITIONS - 1:
        before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
        back, on = (before - corners) * scale, (after - corners) * scale
        back_m, on_m = np.hypot(*back.T), np.hypot(*on.T)
        longer, shorter = np.maximum(back_m, on_m), np.minimum(back_m, on_m)
        cross = np.abs(back[:, 0] * on[:, 1] - back[:, 1] * on[:, 0])
        width_m = np.divide(cross, longer, out=np.zeros_like(cross), where=longer > 0)
        turns_back = (np.sum(back * on, axis=1) > 0) & (width_m < _SPIKE_WIDTH_M) & (shorter >= 0)
        if not turns_back.any():
            break
        tip = int(np.argmax(turns_back))
        tips.append(corners[tip])
        corners = np.delete(corners, tip, axis=0)
        doubled = np.all(corners == np.roll(corners, 1, axis=0), axis=1)
        if doubled.any() and len(corners) > 1:
            corners = corners[~doubled]
    return corners, tips
