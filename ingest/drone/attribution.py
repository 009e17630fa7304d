"""Which plot a finding lies in, and how sure that is (drone specification, section 3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import numpy as np
import shapely

from ingest.drone.camera import Floats, Ints, Shapes
from ingest.drone.canopy import shares_of_height
from ingest.drone.detection import LOCATED, GroundDetections
from ingest.drone.gaussian import polygon_masses
from ingest.drone.plots_index import Micros, PlotShapes, to_micros

ASSIGNED, PROBABLE, OUTSIDE = 0.8, 0.5, 0.2
"""Least probability for assigned and probable, and the sum over all plots below which a finding is outside."""

SMALLEST_CANDIDATE = 0.01

_DIGITS = 3
"""Probabilities meet the thresholds, and are kept, in whole thousandths, as the reference gives them."""

_REACH_SIGMAS = 4.5
"""Plots farther away than this hold less than 5e-5 of the mass, a tenth of what a thousandth rounds away."""
_EDGES_AT_ONCE = 500_000
_WGS84_A_M = 6_378_137.0
_WGS84_E2 = 6.694379990141316e-3


@dataclass(frozen=True, slots=True)
class Attribution:
    """Where one finding belongs.

    status: assigned, probable, ambiguous or outside, or why it has no place on the ground
    plot_id, probability: the most probable plot, only when assigned or probable; in thousandths, like the status,
    so that whoever compares it with a threshold finds what the status says
    canopy_height_m: of plot_id, where the finding stands at it and not on the ground
    candidates: plot → probability, the most probable first, those above SMALLEST_CANDIDATE
    """

    status: str
    plot_id: str | None = None
    probability: float | None = None
    candidates: Mapping[str, float] = field(default_factory=dict)
    canopy_height_m: float | None = None

    @property
    def is_on_ground(self) -> bool:
        """Say whether the finding has a place on the ground, inside a plot or not."""
        return self.status in ("assigned", "probable", "ambiguous", "outside")

    @property
    def candidates_json(self) -> str:
        """The candidates as a JSON object with four decimals."""
        return msgspec.json.encode({plot: round(p, 4) for plot, p in self.candidates.items()}).decode()


def attribute(ground: GroundDetections, captured_at: Sequence[datetime], plots: PlotShapes) -> list[Attribution]:
    """Return for each finding the plots it may lie in.

    captured_at: of each picture that ground.image counts; the plots that held then are asked
    A finding with an ellipse counts the mass of its Gaussian inside each plot. One that speaks of a whole picture may
    lie anywhere in its footprint: the shares of the footprint count. Each plot is asked as if the finding stood at the
    height of its canopy (see `canopy`).
    """
    instants = to_micros(captured_at)[ground.image]
    finding, row, mass = _masses(ground, np.flatnonzero(np.isfinite(ground.sigma_radial_m)), instants, plots)
    whole = [
        (i, *share)
        for i, area in ground.whole_area.items()
        for _, *share in area_shares(np.array([area], dtype=object), instants[[i]], plots)
    ]
    finding = np.concatenate([finding, np.array([i for i, _, _ in whole], dtype=np.intp)])
    row = np.concatenate([row, np.array([j for _, j, _ in whole], dtype=np.intp)])
    mass = np.concatenate([mass, np.array([share for _, _, share in whole], dtype=np.float64)])
    shares = shares_of_height(plots.canopy_m[row], ground.height_m[finding], ground.on_ground[finding])
    mass = _behind_crowns(finding, mass, shares)
    small = np.bincount(finding, weights=np.where(mass > SMALLEST_CANDIDATE, 0.0, mass), minlength=len(ground.status))
    found = _by_finding(finding, row, mass, len(ground.status), plots)
    decided = [
        decide(candidates, rest) if status == LOCATED else Attribution(status)
        for status, candidates, rest in zip(ground.status, found, small.tolist(), strict=True)
    ]
    for k in np.flatnonzero((shares > 0.0) & (mass > SMALLEST_CANDIDATE)).tolist():
        i, j = int(finding[k]), int(row[k])
        if decided[i].plot_id == plots.plot_id[j] and i not in ground.whole_area:
            decided[i] = dataclasses.replace(decided[i], canopy_height_m=float(plots.canopy_m[j]))
    return decided


def at_canopy(ground: GroundDetections, attributions: Sequence[Attribution]) -> GroundDetections:
    """Return the findings where they stand: at the height of their plot's canopy, on the ground without one."""
    canopy = np.array([found.canopy_height_m or 0.0 for found in attributions])
    share = np.nan_to_num(shares_of_height(canopy, ground.height_m, ground.on_ground))
    if not share.any():
        return ground
    per_lon, per_lat = metres_per_degree(ground.lat)
    return dataclasses.replace(
        ground,
        lon=np.where(share > 0.0, ground.lon - share * ground.offset_east_m / per_lon, ground.lon),
        lat=np.where(share > 0.0, ground.lat - share * ground.offset_north_m / per_lat, ground.lat),
        area_m2=ground.area_m2 * (1.0 - share) ** 2,
    )


def decide(candidates: Mapping[str, float], rest: float = 0.0) -> Attribution:
    """Return the attribution that probabilities per plot amount to; `rest`: the sum of those that are not named."""
    ordered = sorted(candidates.items(), key=_likeliest_first) if len(candidates) > 1 else [*candidates.items()]
    shown = {plot: p for plot, p in ordered if p > SMALLEST_CANDIDATE}
    if ordered and round(ordered[0][1], _DIGITS) >= PROBABLE:
        plot, best = ordered[0][0], round(ordered[0][1], _DIGITS)
        return Attribution("assigned" if best >= ASSIGNED else "probable", plot, best, shown)
    is_outside = round(sum(candidates.values()) + rest, _DIGITS) < OUTSIDE
    return Attribution("outside" if is_outside else "ambiguous", candidates=shown)


def _likeliest_first(item: tuple[str, float]) -> tuple[float, str]:
    return -item[1], item[0]


def area_shares(areas: Shapes, instants: Micros, plots: PlotShapes) -> list[tuple[int, int, float]]:
    """Return (position of the area, register row, share of the area inside) for each overlap.

    areas: (N,) polygons, WGS 84 lon/lat; degrees do for a ratio at the size of a picture
    """
    which, row = plots.tree.query(areas, predicate="intersects")
    held = plots.hold_at(row, instants[which])
    which, row = which[held], row[held]
    share = shapely.area(shapely.intersection(areas[which], plots.shapes[row])) / shapely.area(areas[which])
    return list(zip(which.tolist(), row.tolist(), np.minimum(share, 1.0).tolist(), strict=True))


def metres_per_degree(lat: Floats) -> tuple[Floats, Floats]:
    """Return the length of a degree of longitude and of latitude on the WGS 84 ellipsoid at `lat`, metres."""
    sine, cosine = np.sin(np.radians(lat)), np.cos(np.radians(lat))
    curve = 1.0 - _WGS84_E2 * sine**2
    per_lon = np.radians(_WGS84_A_M * cosine / np.sqrt(curve))
    per_lat = np.radians(_WGS84_A_M * (1.0 - _WGS84_E2) / curve**1.5)
    return per_lon, per_lat


def _masses(ground: GroundDetections, points: Ints, instants: Micros, plots: PlotShapes) -> tuple[Ints, Ints, Floats]:
    """Return finding, register row and mass, (N,) each, for every plot that comes near an ellipse."""
    lon, lat = ground.lon[points], ground.lat[points]
    per_lon, per_lat = metres_per_degree(lat)
    azimuth = np.radians(ground.sigma_azimuth_deg[points])
    sine, cosine = np.sin(azimuth), np.cos(azimuth)
    radial, tangential = (
        ground.sigma_radial_m[points],
        ground.sigma_tangential_m[points],
    )
    half_lon = _REACH_SIGMAS * np.hypot(radial * sine, tangential * cosine) / per_lon
    half_lat = _REACH_SIGMAS * np.hypot(radial * cosine, tangential * sine) / per_lat
    height, on_ground = ground.height_m[points], ground.on_ground[points]
    off_lon, off_lat = ground.offset_east_m[points] / per_lon, ground.offset_north_m[points] / per_lat
    tallest = np.where(on_ground, 0.0, np.minimum(np.max(plots.canopy_m, initial=0.0) / height, 1.0))
    lon_at_top, lat_at_top = lon - tallest * off_lon, lat - tallest * off_lat
    boxes = shapely.box(
        np.minimum(lon, lon_at_top) - half_lon,
        np.minimum(lat, lat_at_top) - half_lat,
        np.maximum(lon, lon_at_top) + half_lon,
        np.maximum(lat, lat_at_top) + half_lat,
    )
    which, row = plots.tree.query(boxes)
    share = shares_of_height(plots.canopy_m[row], height[which], on_ground[which])
    centre = np.stack([lon[which] - share * off_lon[which], lat[which] - share * off_lat[which]], axis=1)
    west, south, east, north = plots.bounds[row].T
    off_m = np.hypot(
        (np.clip(centre[:, 0], west, east) - centre[:, 0]) * per_lon[which],
        (np.clip(centre[:, 1], south, north) - centre[:, 1]) * per_lat[which],
    )
    near = off_m <= _REACH_SIGMAS * np.maximum(radial, tangential)[which]
    near &= plots.hold_at(row, instants[points[which]])
    which, row, centre = which[near], row[near], centre[near]

    # One matrix a finding: degrees to metres, turned so that x is radial and y to its left, in standard deviations.
    whiten = np.stack(
        [
            np.stack([per_lon * sine / radial, per_lat * cosine / radial], axis=1),
            np.stack([-per_lon * cosine / tangential, per_lat * sine / tangential], axis=1),
        ],
        axis=1,
    )
    masses = np.empty(len(row))
    for part in _chunks(plots.edge_offset[row + 1] - plots.edge_offset[row]):
        of, at = which[part], row[part]
        count = plots.edge_offset[at + 1] - plots.edge_offset[at]
        pair = np.repeat(np.arange(len(at)), count)
        edge = np.arange(count.sum()) + np.repeat(plots.edge_offset[at] - (np.cumsum(count) - count), count)
        turn, origin = whiten[of[pair]], centre[part][pair]
        start = np.einsum("eij,ej->ei", turn, plots.edge_start[edge] - origin)
        end = np.einsum("eij,ej->ei", turn, plots.edge_end[edge] - origin)
        masses[part] = polygon_masses(start, end, pair, len(at))
    return points[which], row, masses


def _behind_crowns(finding: Ints, mass: Floats, shares: Floats) -> Floats:
    """Return the masses with what crowns hide taken off: of what lies on one ray the highest is seen.

    shares: of the camera's height that each plot's canopy stands up; those of one height hide nothing of each other
    """
    raised = np.flatnonzero(np.isin(finding, finding[shares > 0.0]))
    if not raised.size:
        return mass
    order = raised[np.lexsort((-shares[raised], finding[raised]))]
    seen = mass.copy()
    at, left, level, hidden = -1, 1.0, -1.0, 0.0
    for k in order.tolist():
        if finding[k] != at:
            at, left, level, hidden = int(finding[k]), 1.0, float(shares[k]), 0.0
        elif shares[k] != level:
            left, level, hidden = left * max(1.0 - hidden, 0.0), float(shares[k]), 0.0
        seen[k] = mass[k] * left
        hidden += float(mass[k])
    return seen


def _by_finding(finding: Ints, row: Ints, mass: Floats, count: int, plots: PlotShapes) -> list[dict[str, float]]:
    """Return the candidates of each finding, with the larger mass where two rows of a plot held at once."""
    found: list[dict[str, float]] = [{} for _ in range(count)]
    counts = np.flatnonzero(mass > SMALLEST_CANDIDATE)
    for i, j, share in zip(finding[counts].tolist(), row[counts].tolist(), mass[counts].tolist(), strict=True):
        plot_id, candidates = plots.plot_id[j], found[i]
        known = candidates.get(plot_id)
        if known is None or share > known:
            candidates[plot_id] = share
    return found


def _chunks(edges: Ints) -> list[slice]:
    """Return slices of pairs that hold about _EDGES_AT_ONCE edges each, so that memory stays bounded."""
    total = np.cumsum(edges)
    slices, begin = [], 0
    while begin < len(edges):
        before = int(total[begin - 1]) if begin else 0
        end = max(
            begin + 1,
            int(np.searchsorted(total, before + _EDGES_AT_ONCE, side="right")),
        )
        slices.append(slice(begin, end))
        begin = end
    return slices
