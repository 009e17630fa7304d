"""The field of a plot's picture: bands of states, lines, what was measured, what could not be, and what comes."""

from __future__ import annotations

from collections.abc import Iterator

from crews.picture import marks
from crews.picture.scale import FORECAST_DAYS, LEFT, Lines, Scale, line_runs
from crews.picture.story import Forecast, Story, runs_of
from crews.words import Say, say_number
from ingest.site import Site

_NAME_HEIGHT = 11.0
_LINE_HEIGHT = 13.0
_WIDE_ENOUGH = 6.0
_HOUR_GAP_DAYS = 2.1 / 24
_HALF_AN_HOUR = 0.5 / 24


def say_value_of(story: Story, value: float) -> str:
    """Return a value as people say it: percent of volume, or kPa."""
    if story.quantity == "matric_potential":
        return f"{say_number(value)} kPa"
    return f"{say_number(100 * value)} %"


def bands(story: Story, scale: Scale, say: Say) -> Iterator[str]:
    """Yield the states as stripes of ground, each named at the left where it is high enough."""
    named: set[str] = set()
    for start, end, lines in line_runs(story):
        for name, top, bottom, fill in _stripes(lines, scale):
            yield marks.box(scale.x(start), top, scale.x(end) - scale.x(start), bottom - top, fill)
            if start == 0 and bottom - top >= _NAME_HEIGHT and name not in named:
                named.add(name)
                yield marks.words(
                    LEFT - 5, (top + bottom) / 2 + 4, say(f"picture.band_{name}"), size=11, anchor="end", ink=marks.SOFT
                )


def _stripes(lines: Lines, scale: Scale) -> Iterator[tuple[str, float, float, str]]:
    edges = [
        ("wet", None, lines.upper, marks.WET),
        ("well", lines.upper, lines.watch, marks.WELL),
        ("watch", lines.watch, lines.refill, marks.WATCH),
        ("dry", lines.refill, lines.lowest, marks.DRY),
        ("wilting", lines.lowest, None, marks.WILTING),
    ]
    for name, above, below, fill in edges:
        if (name == "wet" and below is None) or (name == "wilting" and above is None):
            continue
        top = scale.top if above is None else scale.y(above)
        yield name, top, scale.bottom if below is None else scale.y(below), fill


def lines(story: Story, scale: Scale) -> Iterator[str]:
    """Yield the lines themselves, each with dashes of its own."""
    styles = {
        "upper": (marks.WATER_INK, 1.2, ' stroke-dasharray="1 4"'),
        "watch": (marks.FORECAST_INK, 1.0, ' stroke-dasharray="2 3"'),
        "refill": (marks.DRY_INK, 1.8, ' stroke-dasharray="7 4"'),
        "lowest": (marks.DRY_INK, 1.2, ' stroke-dasharray="1 4"'),
    }
    for start, end, held in line_runs(story):
        for name, (ink, width, dashes) in styles.items():
            value = getattr(held, name)
            if value is not None:
                y = scale.y(value)
                yield marks.line([(scale.x(start), y), (scale.x(end), y)], ink, width, dashes)


def line_names(story: Story, scale: Scale, say: Say) -> Iterator[str]:
    """Yield the names of the newest lines with their values, at the right, clear of each other."""
    for name, said, y in _placed_names(story, scale, say):
        ink = marks.DRY_INK if name in {"refill", "lowest"} else marks.INK
        yield marks.words(scale.right - 3, y, said, size=12, anchor="end", ink=ink, bold=name == "refill", halo=True)


def _placed_names(story: Story, scale: Scale, say: Say) -> Iterator[tuple[str, str, float]]:
    """Yield each line, what is written beside it, and at which height."""
    runs = line_runs(story)
    if not runs:
        return
    held = runs[-1][2]
    places = {"upper": -5.0, "watch": -4.0, "refill": 13.0, "lowest": 14.0}
    taken = scale.top + 2
    for name, shift in places.items():
        value = getattr(held, name)
        if value is None:
            continue
        key = f"picture.{name}_potential" if name == "refill" and story.quantity == "matric_potential" else None
        said = say(key or f"picture.{name}", value=say_value_of(story, value))
        y = max(scale.y(value) + shift, taken + 10)
        taken = y
        yield name, said, y


def gaps(story: Story, scale: Scale) -> Iterator[str]:
    """Yield what could not be judged: nothing came (blank), nothing usable (slanted lines), frozen (dots).

    What has not come yet is pale.
    """
    for start, end in runs_of(story, frozenset({None, "sparse"})):
        yield marks.box(
            scale.x(start), scale.top, scale.x(end) - scale.x(start), scale.bottom - scale.top, marks.PAPER,
            f' stroke="{marks.SOFT}" stroke-width="1" stroke-dasharray="2 3"',
        )  # fmt: skip
    for condition in ("gated", "frozen"):
        for start, end in runs_of(story, frozenset({condition})):
            yield marks.box(
                scale.x(start), scale.top, scale.x(end) - scale.x(start), scale.bottom - scale.top,
                f"url(#{condition})",
            )  # fmt: skip
    future = scale.x(scale.days)
    yield marks.box(
        future, scale.top, scale.right - future, scale.bottom - scale.top, marks.PAPER, ' fill-opacity="0.55"'
    )


def gap_names(story: Story, scale: Scale, say: Say) -> Iterator[str]:
    """Yield the name of each stretch that could not be judged, where it is wide enough to hold one."""
    kinds = {"missing": frozenset({None, "sparse"}), "gated": frozenset({"gated"}), "frozen": frozenset({"frozen"})}
    for name, conditions in kinds.items():
        for start, end in runs_of(story, conditions):
            yield from _name(scale, start, end, say(f"picture.{name}"), scale.top + 15)


def _name(scale: Scale, start: int, end: int, text: str, y: float) -> Iterator[str]:
    if marks.text_width(text, 12) + _WIDE_ENOUGH <= scale.x(end) - scale.x(start):
        yield marks.words((scale.x(start) + scale.x(end)) / 2, y, text, size=12, anchor="middle", halo=True)


def measured(story: Story, scale: Scale, say: Say, site: Site) -> Iterator[str]:
    """Yield the daily means as a line that never crosses a gap, today's hours, and the newest value."""
    for condition, ink, width, more in (
        ("frozen", marks.FROST_INK, 1.2, ' stroke-dasharray="1 3"'),
        ("judged", marks.INK, 2.6, ""),
    ):
        for stretch in _stretches(story, condition):
            places = [(scale.x(day + 0.5), scale.y(value)) for day, value, _ in stretch]
            yield marks.line(places, ink, width, more)
            if len(places) == 1:
                yield marks.dot(*places[0], 2.0, ink)
    for day, value, state in (point for stretch in _stretches(story, "judged") for point in stretch):
        if state == "dry":
            yield marks.diamond(scale.x(day + 0.5), scale.y(value), 4.0, marks.DRY_INK)
        elif state == "likely":
            yield marks.ring(scale.x(day + 0.5), scale.y(value), 3.2, marks.DRY_INK)
    yield from _today(story, scale, say, site)


def _stretches(story: Story, condition: str) -> list[list[tuple[int, float, str | None]]]:
    stretches: list[list[tuple[int, float, str | None]]] = []
    for day in story.days:
        index = (day.date - story.first_day).days
        if day.condition != condition or day.value is None or index < 0:
            continue
        if not stretches or stretches[-1][-1][0] != index - 1:
            stretches.append([])
        stretches[-1].append((index, day.value, day.state))
    return stretches


def _today(story: Story, scale: Scale, say: Say, site: Site) -> Iterator[str]:
    stretch: list[tuple[float, float]] = []
    for hour in story.hours:
        moment = story.day_of(hour.at, site) + _HALF_AN_HOUR
        if stretch and moment - stretch[-1][0] > _HOUR_GAP_DAYS:
            yield _thin(stretch, scale)
            stretch = []
        stretch.append((moment, hour.value))
    yield _thin(stretch, scale)
    if stretch:
        x, y = scale.x(stretch[-1][0]), scale.y(stretch[-1][1])
        yield marks.dot(x, y, 4.2, marks.INK)
        said = say_value_of(story, stretch[-1][1])
        right = x + 9 + marks.text_width(said, 13)
        is_crowded = any(
            abs(name_y - y - 4.5) < _LINE_HEIGHT and scale.right - 3 - marks.text_width(name, 12) < right
            for _, name, name_y in _placed_names(story, scale, say)
        )
        if is_crowded:
            # Left of the point and below it, where drying soil leaves the picture empty.
            yield marks.words(x - 9, y + 16, said, size=13, anchor="end", bold=True, halo=True)
        else:
            yield marks.words(x + 9, y + 4.5, said, size=13, bold=True, halo=True)


def _thin(stretch: list[tuple[float, float]], scale: Scale) -> str:
    return marks.line([(scale.x(moment), scale.y(value)) for moment, value in stretch], marks.INK, 1.4)


def forecast(told: Forecast | None, story: Story, scale: Scale, begin: float) -> Iterator[str]:
    """Yield the range in which the line will be reached: a fan from the newest value, its middle dashed."""
    runs = line_runs(story)
    newest = story.newest
    if told is None or told.median is None or newest is None or not runs or runs[-1][2].refill is None:
        return
    line = runs[-1][2].refill
    low, high = (told.median if end is None else end for end in (told.low, told.high))
    if low >= FORECAST_DAYS or told.median <= 0:  # so many days or more, nobody says when; or it is reached
        return
    start = (scale.x(begin), scale.y(newest))
    ends = [_reach(begin, newest, line, days, scale) for days in (max(low, 0.0), max(high, 0.0))]
    points = " ".join(f"{marks.n(x)},{marks.n(y)}" for x, y in (start, *ends))
    yield f'<polygon points="{points}" fill="{marks.FORECAST_INK}" fill-opacity="0.18"/>'
    if told.median >= FORECAST_DAYS:
        return
    middle = _reach(begin, newest, line, max(told.median, 0.0), scale)
    yield marks.line([start, middle], marks.FORECAST_INK, 1.8, ' stroke-dasharray="5 4"')
    yield marks.diamond(*middle, 4.0, marks.FORECAST_INK)


def _reach(begin: float, value: float, line: float, days: float, scale: Scale) -> tuple[float, float]:
    """Return where the way from `value` to `line` in `days` ends, cut off at the edge of the picture."""
    edge = scale.days + FORECAST_DAYS - begin
    if days <= edge:
        return scale.x(begin + days), scale.y(line)
    return scale.x(begin + edge), scale.y(value + (line - value) * edge / days)
