"""The ground of a map: where a position lies on it, outlines, north and a scale bar."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from crews.picture import marks
from crews.words import Say, say_number

METRES_PER_DEG = 111_320.0
_METRES_PER_KM = 1000
_LONGEST_BAR = 1 / 3
"""Of the map's width, that its scale bar takes at most."""

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """How large a map may be, pixels; its height follows from what it shows.

    margin: free on each side; smallest_m: ground across that is shown at least, so that one point is a place and no dot
    """

    width: float
    tallest: float
    lowest: float
    margin: float
    smallest_m: float


@dataclass(frozen=True, slots=True)
class Ground:
    """Turns WGS 84 into places on a map: equirectangular around its middle.

    Lengths are true to a thousandth over a flight, and to half a per cent over 30 km.
    """

    frame: Frame
    west: float
    north: float
    per_lon: float
    per_lat: float
    height: float
    metres_a_pixel: float

    def places(self, lonlat: Points) -> Points:
        """Return pixels of positions, (N, 2) lon, lat → (N, 2) x, y."""
        return np.stack(
            [
                self.frame.margin + (lonlat[:, 0] - self.west) * self.per_lon,
                self.frame.margin + (self.north - lonlat[:, 1]) * self.per_lat,
            ],
            axis=1,
        )


def lay_ground(points: Points, frame: Frame) -> Ground:
    """Return the ground that holds `points`, (N, 2) lon, lat, in the middle of the frame."""
    west, south, east, north = (*points.min(axis=0), *points.max(axis=0)) if len(points) else (0.0, 0.0, 0.0, 0.0)
    lon_m = METRES_PER_DEG * math.cos(math.radians((south + north) / 2))
    across, around = frame.width - 2 * frame.margin, 2 * frame.margin
    width_m = max((east - west) * lon_m, frame.smallest_m)
    height_m = max((north - south) * METRES_PER_DEG, frame.smallest_m * (frame.lowest - around) / across)
    scale = min(across / width_m, (frame.tallest - around) / height_m)
    slack_lon = (across / scale - (east - west) * lon_m) / 2 / lon_m
    height = max(height_m * scale + around, frame.lowest)
    slack_lat = ((height - around) / scale - (north - south) * METRES_PER_DEG) / 2 / METRES_PER_DEG
    return Ground(frame, west - slack_lon, north + slack_lat, scale * lon_m, scale * METRES_PER_DEG, height, 1 / scale)


def draw_outline(drawn: BaseGeometry) -> str:
    """Return the path data of an area that lies in pixels already, holes included (fill-rule evenodd)."""
    rings = []
    for ring in shapely.get_rings(shapely.get_parts(drawn)):
        places = shapely.get_coordinates(ring)[:-1]
        rings.append("M" + "L".join(f"{marks.n(x)} {marks.n(y)}" for x, y in places.tolist()) + "Z")
    return "".join(rings)


def draw_compass(ground: Ground, foot: float, say: Say) -> Iterator[str]:
    """Yield north and the scale bar, standing on `foot` (y)."""
    x, y = ground.frame.width - 16, foot - 4
    arrow = f"M{marks.n(x)} {marks.n(y)}V{marks.n(y - 18)}M{marks.n(x - 5)} {marks.n(y - 12)}l5 -7l5 7"
    yield f'<path d="{arrow}" fill="none" stroke="{marks.INK}" stroke-width="1.6"/>'
    yield marks.words(x - 9, y - 3, say("map.north"), size=11, anchor="end", bold=True)
    length_m = bar_m(ground.frame.width * _LONGEST_BAR * ground.metres_a_pixel)
    length, base = length_m / ground.metres_a_pixel, foot - 8
    yield marks.line([(12, base - 4), (12, base), (12 + length, base), (12 + length, base - 4)], marks.INK, 1.6)
    is_far = length_m >= _METRES_PER_KM
    said = f"{say_number(length_m / _METRES_PER_KM)} km" if is_far else f"{say_number(length_m)} m"
    yield marks.words(16 + length, base + 1, said, size=11)


def bar_m(longest_m: float) -> float:
    """Return the longest length of 1, 2 or 5 and noughts that is no longer than `longest_m`, metres."""
    decade = 10.0 ** math.floor(math.log10(longest_m))
    return max(step * decade for step in (1, 2, 5) if step * decade <= longest_m)
