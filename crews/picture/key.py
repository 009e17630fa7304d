"""The key of a plot's picture, and what it says in words to those who do not see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crews.picture import marks
from crews.picture.field import say_value_of
from crews.picture.indices import incomparable, signs, unconfirmed
from crews.picture.scale import FORECAST_DAYS, RIGHT, WIDTH, line_runs
from crews.picture.story import Story, runs_of
from crews.words import Say, say_number

_ROW = 19.0
_MARK = 24.0
_BELOW = 10.0
_KINDS = ("rain", "watering", "unplanned")

Mark = Callable[[float, float], str]
"""Draws the sign of one kind at the left end (x) of a line of text whose foot is at y."""


def key(story: Story, top: float, say: Say) -> tuple[list[str], float]:
    """Return the key to what the picture shows, only that, from `top` on; and where the picture ends."""
    x, y, parts = 8.0, top + 12, []
    for name, mark in (*_present(story), *_of_indices(story)):
        said = say(f"picture.key_{name}")
        width = _MARK + marks.text_width(said, 12) + 12
        if x + width > WIDTH - RIGHT and x > 8.0:  # noqa: PLR2004  the left edge
            x, y = 8.0, y + _ROW
        parts += [mark(x, y), marks.words(x + _MARK, y, said, size=12)]
        x += width
    return parts, y + _BELOW


def _present(story: Story) -> Iterator[tuple[str, Mark]]:
    states = {day.state for day in story.days if day.condition == "judged"}
    kinds = {one.kind for one in story.wettings}
    is_potential = story.quantity == "matric_potential"
    yield ("line_potential" if is_potential else "line"), _stroke(marks.INK, 2.6)
    if "dry" in states:
        yield "dry", lambda x, y: marks.diamond(x + 10, y - 4, 4.5, marks.DRY_INK)
    if "likely" in states:
        yield "likely", lambda x, y: marks.ring(x + 10, y - 4, 3.6, marks.DRY_INK)
    if "rain" in kinds:
        yield "rain", lambda x, y: marks.drop(x + 10, y + 2, marks.WATER_INK, hollow=True)
    if "watering" in kinds:
        yield "watering", lambda x, y: marks.drop(x + 10, y + 2, marks.WATER_INK)
    if "unplanned" in kinds:
        yield "unplanned", _unplanned
    if runs_of(story, frozenset({"frozen"})):
        yield "frozen", _fill("url(#frozen)")
    if runs_of(story, frozenset({"gated"})):
        yield "gated", _fill("url(#gated)")
    if runs_of(story, frozenset({None, "sparse"})):
        yield "missing", _fill(marks.PAPER, ' stroke-dasharray="2 2"')
    told = story.forecast
    low = None if told is None else told.median if told.low is None else told.low
    if told is not None and told.median and low is not None and low < FORECAST_DAYS:
        yield "forecast", _stroke(marks.FORECAST_INK, 1.8, ' stroke-dasharray="5 4"')


def _of_indices(story: Story) -> Iterator[tuple[str, Mark]]:
    """Yield the marks of the strip of indices that no line beside them names."""
    there = signs(story)
    if "unconfirmed" in there:
        yield "index_unconfirmed", lambda x, y: unconfirmed(x + 10, y - 4)
    if "incomparable" in there:
        yield "index_incomparable", lambda x, y: incomparable(x + 10, y)


def _stroke(ink: str, width: float, dashes: str = "") -> Mark:
    return lambda x, y: marks.line([(x, y - 4), (x + 20, y - 4)], ink, width, dashes)


def _fill(fill: str, dashes: str = "") -> Mark:
    return lambda x, y: marks.box(x + 1, y - 10, 18, 12, fill, f' stroke="{marks.SOFT}" stroke-width="1"{dashes}')


def _unplanned(x: float, y: float) -> str:
    return marks.drop(x + 10, y + 2, marks.WATER_INK) + marks.words(
        x + 10, y, "?", size=11, anchor="middle", ink=marks.PAPER, bold=True
    )


def describe(story: Story, say: Say) -> str:
    """Return the picture in sentences: span, change, dry days, rain, watering, and what could not be judged."""
    judged = [day for day in story.days if day.condition == "judged" and day.value is not None]
    last = max((day.date for day in story.days), default=story.window_to)
    said = [say("picture.said.span", first=story.first_day, last=last, days=story.picture_days)]
    runs = line_runs(story)
    newest = story.newest
    if judged and newest is not None and runs and runs[-1][2].refill is not None:
        start = judged[0].value
        assert start is not None
        said.append(
            say(
                "picture.said.change",
                start=say_value_of(story, start),
                end=say_value_of(story, newest),
                line=say_value_of(story, runs[-1][2].refill),
            )
        )
    wet = [one.mm for one in story.rain if one.mm > 0 and one.date >= story.first_day]
    counts = {
        "dry": sum(day.state == "dry" for day in judged),
        "rain": len(wet),
        **{f"{kind}_soaked": sum(one.kind == kind for one in story.wettings) for kind in _KINDS},
        "frozen": _days(story, frozenset({"frozen"})),
        "gated": _days(story, frozenset({"gated"})),
        "missing": _days(story, frozenset({None, "sparse"})),
    }
    said += [say(f"picture.said.{name}", n=n, mm=say_number(sum(wet))) for name, n in counts.items() if n]
    return "".join(said).strip()


def _days(story: Story, conditions: frozenset[str | None]) -> int:
    return sum(end - start for start, end in runs_of(story, conditions))
