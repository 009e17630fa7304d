"""How much of a two-dimensional standard Gaussian lies inside a polygon, exactly but for rounding.

By the divergence theorem in polar coordinates the mass inside is the sum over the edges, walked with the inside on the
left, of 1/2π ∫ (1 - exp(-r²/2)) dθ. For an edge at the distance h from the origin this is the angle it is seen under,
less two values of Owen's T function (D. B. Owen, Tables for computing bivariate normal probabilities, Annals of
Mathematical Statistics 27, 1956, equation 2.3). Holes, several parts and slivers need no special case.
"""

from __future__ import annotations

import math

import numpy as np

from ingest.drone.camera import Floats, Ints

MASS_ERROR = 1e-6
"""Largest error of a mass: 2 × 1.5e-7 an end of the few edges that come within six standard deviations."""

_TINY = 1e-12
_FAR = 6.0
"""Edges farther away than this many standard deviations: the mass beyond is 1.5e-8 and is not counted."""

# Gauss-Legendre nodes on 0..1; for |a| <= 1 the integrand of Owen's T is smooth enough for an error below 3e-9.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
_NODES, _WEIGHTS = (_NODES + 1.0) / 2.0, _WEIGHTS / 2.0


def polygon_masses(start: Floats, end: Floats, owner: Ints, count: int) -> Floats:
    """Return the mass of the standard Gaussian around the origin inside each of `count` polygons.

    start, end: (E, 2) ends of the edges; shells counter-clockwise, holes clockwise
    owner: (E,) which polygon an edge belongs to, 0 to count - 1
    Returns: (count,) 0 to 1, error at most MASS_ERROR.
    """
    # A corner this near to the origin stands on it, so that no product below underflows.
    start, end = (np.where(np.abs(points) < _TINY, 0.0, points) for points in (start, end))
    cross = start[:, 0] * end[:, 1] - start[:, 1] * end[:, 0]
    dot = np.einsum("ij,ij->i", start, end)
    # An edge on a line through the origin adds nothing: the half turn it seems to be is taken back by its tail.
    turns = np.where(cross == 0.0, 0.0, np.arctan2(cross, dot)) / (2.0 * np.pi)
    masses = np.bincount(owner, weights=turns, minlength=count)

    along = end - start
    length = np.hypot(along[:, 0], along[:, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(cross) / length
        from_foot = np.einsum("ij,ij->i", start, along) / length
        # Not from_foot + length: of an end that stands next to the origin hardly a digit would be left.
        to_foot = np.einsum("ij,ij->i", end, along) / length
        # Beyond an edge whose ends both lie far to one side of its foot point there is as little as beyond a far edge.
        is_beside = (from_foot * to_foot > 0.0) & (np.minimum(np.abs(from_foot), np.abs(to_foot)) > _FAR)
    near = np.flatnonzero((length > 0.0) & (distance < _FAR) & ~is_beside)
    h = distance[near]
    tail = owen_t(h, to_foot[near]) - owen_t(h, from_foot[near])
    masses -= np.bincount(owner[near], weights=np.sign(cross[near]) * tail, minlength=count)
    return np.clip(masses, 0.0, 1.0)


def owen_t(h: Floats, t: Floats) -> Floats:
    """Return Owen's T(h, t/h), the mass between 0 and the angle atan(t/h), beyond the line at the distance h.

    h: (N,) at least 0; t: (N,) any sign, position along the line from its foot point. T(0, ±∞) is ±1/4.
    """
    reach = np.abs(t)
    swapped = reach > h
    low, high = np.minimum(h, reach), np.maximum(h, reach)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(high > 0.0, low / high, 0.0)
    # Where |a| > 1, the integral is taken from the other side, see below; both times 0 <= slope <= 1.
    outer = np.where(swapped, reach, h)
    squares = 1.0 + (slope[:, None] * _NODES) ** 2
    inner = np.exp(-0.5 * outer[:, None] ** 2 * squares) / squares
    value = slope * (inner @ _WEIGHTS) / (2.0 * np.pi)
    # Owen 1956, equation 2.3: T(h, a) = Φ(h)/2 + Φ(ah)/2 - Φ(h) Φ(ah) - T(ah, 1/a) for h, a > 0.
    p, q = _normal(h), _normal(reach)
    value = np.where(swapped, 0.5 * p + 0.5 * q - p * q - value, value)
    return np.asarray(np.sign(t) * value, dtype=np.float64)


def _normal(x: Floats) -> Floats:
    """Return Φ(x) for x >= 0; error below 7.5e-8 (Abramowitz and Stegun, 1964, equation 26.2.17)."""
    k = 1.0 / (1.0 + 0.2316419 * x)
    series = k * (0.319381530 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))))
    return np.asarray(1.0 - np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi) * series, dtype=np.float64)
