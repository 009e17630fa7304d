"""The map of a crew's stops as SVG: the outlines of their plots, numbers as on the cards, the order of the drive. Pure.

It needs no tiles, no script and no network, so that it is there when the list is. Why so: docs/decisions/0043.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from markupsafe import Markup, escape
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from crews.crew_list import CrewList, Stop
from crews.drive import Position
from crews.picture import marks
from crews.picture.ground import Frame, Ground, Points, draw_compass, draw_outline, lay_ground
from crews.readable import readable
from crews.say_campaign import say_cause, say_severity
from crews.words import Say, say_number
from ingest.registers.area import area_from_wkb

MOST_MARKS = 60
"""Stops that are drawn; more numbers than these have no room beside each other on a phone."""

_PHONE = Frame(width=340.0, tallest=440.0, lowest=170.0, margin=20.0, smallest_m=200.0)
"""About as many pixels as a phone of 360 has between the borders of the page."""

_PAPER = Frame(width=640.0, tallest=200.0, lowest=150.0, margin=20.0, smallest_m=400.0)
"""Across A4, and as high as a stop and a half."""

_UNDER = 26.0
_ROOM_PX2 = 2600.0
"""Of a mark on a crowded map: two and a half times what it covers."""

_SLENDER = 1.3
"""How much taller than a crowd needs a map may be where its stops lie along north and south."""

_GAP_PX = 31.0
"""Between the middles of two marks, which are 26 to 34 wide."""

_TOUCH_PX = 26.0
"""Around a mark that a thumb may miss it by; where others are near, what is drawn of them comes first."""

_STEP_PX = 5.0
_MOVED_PX = 1.0
_SMALLEST_OUTLINE_PX = 4.0
_PROBES_FROM_PX = 45.0
"""Extent of a plot from which on it shows where in it a probe stands."""

_CLEAR_PX = 19.0
"""From the middle of a number, where a probe stands beside it and not under it."""

_FINEST_PX = 0.4
_SMALLEST_PART_PX = 1.0
_LONG_NUMBER = 3

SHAPES = {
    "s4": "M-5.5-13.5h11l8 8v11l-8 8h-11l-8-8v-11z",
    "s3": "M0-17l17 17-17 17-17-17z",
    "s2": "M0-18l17 29.5h-34z",
    "s1": "M-13 0a13 13 0 1 0 26 0a13 13 0 1 0-26 0z",
    "sensor": "M-12-12h24v24h-24z",
}
"""By severity as on the cards (octagon, diamond, triangle, circle), and a square for a sensor; around the origin."""

_PROBE = "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0z"

_FOOT = {"s2": 9.0}
"""Where the foot of a number stands below the middle of its shape."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A line of the key: a shape of SHAPES, the class that gives it its looks, and its words."""

    shape: str
    looks: str
    words: str


@dataclass(frozen=True, slots=True)
class StopMap:
    """The map, how much it shows in words, its key, and what has to be known to read it."""

    svg: Markup
    summary: str
    signs: tuple[Sign, ...]
    notes: tuple[str, ...]


def make_stop_map(
    listed: CrewList, say: Say, *, probes: Mapping[str, Sequence[Position]] | None = None, is_paper: bool = False
) -> StopMap | None:
    """Return the map of the stops that wait for the crew; None where nobody knows where any of them is.

    probes: by plot, where its probes stand; drawn where the plot is large enough, and no number stands over them
    is_paper: for a sheet, where no number leads anywhere; otherwise each leads to its card on the same page
    """
    placed = [stop for stop in listed.to_do if stop.position is not None]
    if not placed:
        return None
    drawn = placed[:MOST_MARKS]
    areas = {stop.issue.plot_id: area_from_wkb(wkb) for stop in drawn if (wkb := stop.plot.get("geometry"))}
    ground = _ground(drawn, areas.values(), _PAPER if is_paper else _PHONE)
    shapes = _shapes(areas, ground)
    points = ground.places(np.array([stop.position for stop in drawn], dtype=np.float64))
    middles = _spread(points, ground)
    rings = list(_probes(shapes, probes or {}, ground, middles))
    parts = [
        *_outlines(shapes.values()),
        *_drive(drawn, points),
        *rings,
        *_leaders(points, middles),
        *_numbers(drawn, middles, say, has_links=not is_paper),
        *draw_compass(ground, ground.height + _UNDER, say),
    ]
    km = say_number(sum(stop.leg_km or 0.0 for stop in drawn))
    return StopMap(
        svg=_svg(ground, "img" if is_paper else "group", say("map.said"), parts),
        summary=say("map.stop") if len(drawn) == 1 else say("map.stops", n=len(drawn), km=km),
        signs=tuple(_signs(drawn, say, has_probes=bool(rings))),
        notes=tuple(_notes(listed, placed, drawn, say)),
    )


def _svg(ground: Ground, role: str, said: str, parts: Iterable[str]) -> Markup:
    size = f"0 0 {marks.n(ground.frame.width)} {marks.n(ground.height + _UNDER)}"
    return Markup(  # noqa: S704  numbers, colours and shapes of ours; texts of others are escaped
        f'<svg class="stop-map" viewBox="{size}" role="{role}" aria-label="{escape(said)}">' + "".join(parts) + "</svg>"
    )


def _numbers(drawn: Sequence[Stop], middles: Points, say: Say, *, has_links: bool) -> Iterator[str]:
    """Yield the marks, and below all of them what else leads to their cards."""
    marked = list(zip(drawn, middles.tolist(), strict=True))
    if has_links:
        yield from (_hit(stop, middle) for stop, middle in marked)
    yield from (_mark(stop, middle, say, has_link=has_links) for stop, middle in marked)


def _ground(drawn: Sequence[Stop], areas: Collection[BaseGeometry], frame: Frame) -> Ground:
    """Return the ground that holds the stops and their plots; the more numbers, the higher it is."""
    corners = shapely.get_coordinates(list(areas))
    crowded = len(drawn) * _ROOM_PX2 / frame.width
    frame = replace(frame, tallest=max(frame.tallest, crowded * _SLENDER), lowest=max(frame.lowest, crowded))
    return lay_ground(np.concatenate([[stop.position for stop in drawn], corners]), frame)


def _shapes(areas: Mapping[str, BaseGeometry], ground: Ground) -> Mapping[str, BaseGeometry]:
    """Return the outlines of the plots in pixels, as coarse as nobody sees."""
    return {plot_id: _seen(shapely.transform(area, ground.places)) for plot_id, area in areas.items()}


def _seen(shape: BaseGeometry) -> BaseGeometry:
    """Return what is seen of a shape: parts smaller than a pixel as the pixels they lie in, of holes no such ones.

    A street's trees are a plot of a thousand pits, of which a map of the district would carry every corner.
    """
    parts = shapely.get_parts(shape)
    bounds = shapely.bounds(parts)
    is_small = (bounds[:, 2:] - bounds[:, :2]).max(axis=1) < _SMALLEST_PART_PX
    west, north = np.unique(np.floor(bounds[is_small, :2]), axis=0).T
    # A quarter larger on each side, so that those that touch at a corner are one.
    pixels = shapely.union_all(shapely.box(west - 0.25, north - 0.25, west + 1.25, north + 1.25))
    large = [_without_specks(part) for part in parts[~is_small]]
    return shapely.simplify(shapely.union_all([*large, shapely.simplify(pixels, _SMALLEST_PART_PX)]), _FINEST_PX)


def _without_specks(part: Polygon) -> Polygon:
    return Polygon(part.exterior, [hole for hole in part.interiors if _extent_px(hole) >= _SMALLEST_PART_PX])


def _extent_px(shape: BaseGeometry) -> float:
    west, north, east, south = shape.bounds
    return float(max(east - west, south - north))


def _outlines(shapes: Iterable[BaseGeometry]) -> Iterator[str]:
    for shape in shapes:
        if _extent_px(shape) >= _SMALLEST_OUTLINE_PX:
            yield f'<path class="plot" d="{draw_outline(shape)}"/>'


def _probes(
    shapes: Mapping[str, BaseGeometry], probes: Mapping[str, Sequence[Position]], ground: Ground, middles: Points
) -> Iterator[str]:
    for plot_id, shape in shapes.items():
        if plot_id in probes and _extent_px(shape) >= _PROBES_FROM_PX:
            for x, y in ground.places(np.array(probes[plot_id], dtype=np.float64)).tolist():
                is_on_map = 0 <= x <= ground.frame.width and 0 <= y <= ground.height
                if is_on_map and _lengths(middles - (x, y)).min() >= _CLEAR_PX:
                    yield f'<circle class="probe" cx="{marks.n(x)}" cy="{marks.n(y)}" r="4"/>'


def _drive(drawn: Sequence[Stop], points: Points) -> Iterator[str]:
    """Yield the line through the stops: whole as far as today goes, broken from there to what is for later."""
    today = sum(stop.group != "later" for stop in drawn)
    at = [(x, y) for x, y in points.tolist()]
    yield marks.line(at[:today], marks.SOFT, 1.8)
    yield marks.line(at[max(today - 1, 0) :], marks.SOFT, 1.8, ' stroke-dasharray="2 6"')


def _spread(points: Points, ground: Ground) -> Points:
    """Return the middles of the marks: at their points, or at the nearest of a grid that earlier marks leave free.

    Where the map is full a mark stays at its point.
    """
    margin = ground.frame.margin
    ends = (ground.frame.width - margin, ground.height - margin)
    free = np.stack(np.meshgrid(*(np.arange(margin, end + 1, _STEP_PX) for end in ends)), axis=-1).reshape(-1, 2)
    middles = points.copy()
    for number, point in enumerate(points):
        if len(free) and (_lengths(middles[:number] - point) < _GAP_PX).any():
            middles[number] = free[np.argmin(_lengths(free - point))]
        free = free[_lengths(free - middles[number]) >= _GAP_PX]
    return middles


def _lengths(steps: Points) -> Points:
    return np.hypot(steps[:, 0], steps[:, 1])


def _leaders(points: Points, middles: Points) -> Iterator[str]:
    """Yield a dot where a moved mark belongs, and the line to it."""
    for point, middle in zip(points, middles, strict=True):
        if np.hypot(*(middle - point)) > _MOVED_PX:
            (x, y), (mark_x, mark_y) = point.tolist(), middle.tolist()
            yield marks.line([(x, y), (mark_x, mark_y)], marks.INK, 1.2) + marks.dot(x, y, 2.6, marks.INK)


def _shape_of(stop: Stop) -> str:
    return "sensor" if stop.issue.cause == "sensor" else f"s{min(max(stop.issue.severity, 1), 4)}"


def _looks_of(stop: Stop) -> str:
    return f"{_shape_of(stop)} later" if stop.group == "later" else _shape_of(stop)


def _hit(stop: Stop, middle: Sequence[float]) -> str:
    """Return the room around a mark that leads to its card, too; below all marks, so that it takes none of theirs."""
    x, y = (marks.n(value) for value in middle)
    return (
        f'<a href="#{escape(stop.issue.issue_id)}" class="hit" tabindex="-1" aria-hidden="true">'
        f'<circle cx="{x}" cy="{y}" r="{marks.n(_TOUCH_PX)}"/></a>'
    )


def _mark(stop: Stop, middle: Sequence[float], say: Say, *, has_link: bool) -> str:
    x, y = (marks.n(value) for value in middle)
    shape, number = _shape_of(stop), str(stop.seq)
    looks = f"{_looks_of(stop)}{' long' if len(number) >= _LONG_NUMBER else ''}"
    cause = say_cause(stop.issue.cause, stop.finding.reason_params, say)
    said = say("map.of_stop", seq=stop.seq, name=readable(stop.name), cause=cause, severity=_word(stop, say))
    drawn = (
        f'class="at {looks}" transform="translate({x} {y})"><title>{escape(said)}</title>'
        f'<path d="{SHAPES[shape]}"/><text y="{marks.n(_FOOT.get(shape, 4.6))}">{number}</text>'
    )
    return f'<a href="#{escape(stop.issue.issue_id)}" {drawn}</a>' if has_link else f"<g {drawn}</g>"


def _word(stop: Stop, say: Say) -> str:
    return say_severity(stop.issue.cause, min(max(stop.issue.severity, 0), 4), stop.finding.reason_code, say)


def _signs(drawn: Sequence[Stop], say: Say, *, has_probes: bool) -> Iterator[Sign]:
    """Yield the shapes that are on the map with their words, the severest first."""
    for name, shape in SHAPES.items():
        of_shape = [stop for stop in drawn if _shape_of(stop) == name]
        if of_shape:
            words = [say("map.sensor")] if name == "sensor" else [_word(stop, say) for stop in of_shape]
            yield Sign(shape, name, " · ".join(dict.fromkeys(words)))
    if any(stop.group == "later" for stop in drawn):
        yield Sign(SHAPES["s1"], "s1 later", say("map.later"))
    if has_probes:
        yield Sign(_PROBE, "probe", say("map.probe"))


def _notes(listed: CrewList, placed: Sequence[Stop], drawn: Sequence[Stop], say: Say) -> Iterator[str]:
    if len(drawn) > 1:
        yield say("map.line")
    if len(drawn) < len(placed):
        yield say("map.cut", n=len(drawn), rest=len(placed) - len(drawn))
    unplaced = [str(stop.seq) for stop in listed.to_do if stop.position is None]
    if unplaced:
        yield say("map.unplaced", stops=", ".join(unplaced))
