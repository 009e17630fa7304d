"""The map of a flight as SVG: plots by their state, the ground its pictures show, findings with their doubt."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from crews.flights.flight import FlightView, Seen, class_facts
from crews.flights.key import CONDITIONS, FILLS, draw_key
from crews.picture import marks
from crews.picture.ground import Frame, Ground, draw_compass, draw_outline, lay_ground
from crews.words import Say, speaker

WIDTH = 390.0
"""Pixels of a phone; the picture grows from there."""

_FRAME = Frame(WIDTH, tallest=460.0, lowest=180.0, margin=10.0, smallest_m=20.0)
_UNDER = 22.0
"""Room below the ground for the scale and north: on it they would hide plots."""
_ELLIPSE_SIGMAS = 2.4477
"""Half axes of the ellipse that holds 95 % of a two-dimensional normal distribution, in sigmas: sqrt(-2 ln 0.05)."""

MOST_FOOTPRINTS, MOST_FINDINGS, MOST_ELLIPSES = 1500, 2000, 300
"""Marks beyond which a map shows only the surest findings and evenly thinned pictures, and says so."""

_NAME, _LEADING = 11.0, 13.0


def draw_map(view: FlightView, states: Mapping[str, str], language: str) -> str:
    """Return the map as an SVG document.

    states: plot → one of CONDITIONS; a plot that is not named is unknown
    """
    say = speaker(language)
    footprints = list(shapely.from_wkb(list(view.footprints)))
    plots = list(shapely.from_wkb([plot.geometry for plot in view.plots]))
    findings = view.findings[-MOST_FINDINGS:]
    ground = _ground([*footprints, *plots], findings)
    thinned = footprints[:: max(1, math.ceil(len(footprints) / MOST_FOOTPRINTS))]
    notes = []
    if len(thinned) < len(footprints):
        notes.append(say("flights.thinned", shown=len(thinned), all=len(footprints)))
    if len(findings) < len(view.findings):
        notes.append(say("flights.surest", shown=len(findings), all=len(view.findings)))
    if not footprints:
        notes.append(say("flights.no_ground"))
    names = [*_names(view, plots, ground)]
    if names:
        notes.insert(0, say("flights.key_share"))
    signs, height = draw_key(_signs(view, states, findings), notes, ground.height + _UNDER, WIDTH, say)
    parts = [
        *_coverage(thinned, ground, f'fill="{marks.WATER_INK}" fill-opacity="0.10"'),
        *(
            _area(shape, ground, FILLS[states.get(plot.plot_id, "unknown")], f' stroke="{marks.SOFT}"')
            for plot, shape in zip(view.plots, plots, strict=True)
        ),
        *_coverage(thinned, ground, f'fill="none" stroke="{marks.WATER_INK}" stroke-width="0.6" stroke-opacity="0.5"'),
        *(_ellipse(one, ground) for one in findings[-MOST_ELLIPSES:]),
        *(_mark(one, ground) for one in findings),
        *names,
        *draw_compass(ground, ground.height + _UNDER, say),
        *signs,
    ]
    title = say("flights.map_title", flight=view.flight.flight_id)
    return marks.svg(WIDTH, height, title, describe(view, say), [part for part in parts if part])


def describe(view: FlightView, say: Say) -> str:
    """Return the map in a sentence, for those who do not see it."""
    in_plots = [one for one in view.findings if one.status in {"assigned", "probable"}]
    return say(
        "flights.map_said",
        pictures=len(view.footprints),
        plots=sum(plot.covered > 0 for plot in view.plots),
        findings=len(in_plots),
        doubtful=sum(one.status == "ambiguous" for one in view.findings),
        outside=sum(one.status == "outside" for one in view.findings),
    )


def _ground(shapes: Collection[BaseGeometry], findings: Collection[Seen]) -> Ground:
    points = np.array(
        [*shapely.get_coordinates(list(shapes)), *((one.lon, one.lat) for one in findings)], dtype=np.float64
    ).reshape(-1, 2)
    return lay_ground(points, _FRAME)


def _path(shape: BaseGeometry, ground: Ground) -> str:
    return draw_outline(shapely.transform(shape, ground.places))


def _area(shape: BaseGeometry, ground: Ground, fill: str, more: str) -> str:
    return f'<path d="{_path(shape, ground)}" fill="{fill}" fill-rule="evenodd" stroke-width="1"{more}/>'


def _coverage(footprints: Collection[BaseGeometry], ground: Ground, more: str) -> Iterator[str]:
    """Yield the footprints as one shape: filled, it is the ground that is shown, whatever overlaps."""
    if footprints:
        yield f'<path d="{"".join(_path(shape, ground) for shape in footprints)}" {more}/>'


def _ellipse(one: Seen, ground: Ground) -> str:
    if one.sigma_radial_m is None or one.sigma_tangential_m is None or one.sigma_azimuth_deg is None:
        return ""
    (x, y), *_ = ground.places(np.array([[one.lon, one.lat]])).tolist()
    along, across = (
        _ELLIPSE_SIGMAS * sigma / ground.metres_a_pixel for sigma in (one.sigma_radial_m, one.sigma_tangential_m)
    )
    # The ellipse lies along y (north on the map) before it is turned clockwise to the radial axis.
    return (
        f'<ellipse cx="{marks.n(x)}" cy="{marks.n(y)}" rx="{marks.n(across)}" ry="{marks.n(along)}" fill="none"'
        f' stroke="{_ink(one)}" stroke-width="0.9" stroke-opacity="0.8"'
        f' transform="rotate({marks.n(one.sigma_azimuth_deg)} {marks.n(x)} {marks.n(y)})"/>'
    )


def _ink(one: Seen) -> str:
    kind = class_facts(one.finding_class)[0]
    return {"disease": marks.DRY_INK, "none": marks.SOFT}.get(kind, marks.FORECAST_INK)


def _mark(one: Seen, ground: Ground) -> str:
    (x, y), *_ = ground.places(np.array([[one.lon, one.lat]])).tolist()
    if one.status == "ambiguous":
        return marks.ring(x, y, 3.4, _ink(one))
    if one.status == "outside":
        return marks.line([(x - 2.5, y - 2.5), (x + 2.5, y + 2.5)], marks.SOFT, 1.2) + marks.line(
            [(x - 2.5, y + 2.5), (x + 2.5, y - 2.5)], marks.SOFT, 1.2
        )
    if class_facts(one.finding_class)[0] == "disease":
        return marks.diamond(x, y, 4.0, marks.DRY_INK)
    return marks.dot(x, y, 3.0, _ink(one))


def _names(view: FlightView, plots: Collection[BaseGeometry], ground: Ground) -> Iterator[str]:
    """Yield the name and covered share of each plot that holds both, or the share alone where only that fits."""
    for plot, shape in zip(view.plots, plots, strict=True):
        drawn = shapely.transform(shape, ground.places)
        middle = shapely.point_on_surface(drawn)
        share = f"{round(100 * plot.covered)} %"
        for rows in ([plot.name, share], [share]):
            half, high = max(marks.text_width(row, _NAME) for row in rows) / 2, len(rows) * _LEADING / 2
            if drawn.contains(shapely.box(middle.x - half, middle.y - high, middle.x + half, middle.y + high)):
                for number, row in enumerate(rows):
                    y = middle.y - high + (number + 1) * _LEADING - 3
                    yield marks.words(middle.x, y, row, size=_NAME, anchor="middle", halo=True)
                break


def _signs(view: FlightView, states: Mapping[str, str], findings: Collection[Seen]) -> list[str]:
    """Return the names of the marks that are on the map, for its key."""
    placed = {class_facts(one.finding_class)[0] for one in findings if one.status in {"assigned", "probable"}}
    held = {states.get(plot.plot_id, "unknown") for plot in view.plots}
    there = {
        **{f"state_{name}": name in held for name in CONDITIONS},
        "footprint": bool(view.footprints),
        "disease": "disease" in placed,
        "other": bool(placed - {"disease"}),
        "ambiguous": any(one.status == "ambiguous" for one in findings),
        "outside": any(one.status == "outside" for one in findings),
        "ellipse": any(one.sigma_radial_m is not None for one in findings),
    }
    return [name for name, is_there in there.items() if is_there]
