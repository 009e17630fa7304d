"""Below the field: rain, the water that came, and the days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from crews.picture import marks
from crews.picture.scale import LANE_HEIGHT, LEFT, Scale
from crews.picture.story import Story
from crews.words import Say, say_number
from ingest.site import Site

_FULL_MM = 10.0
"""Rain that fills the lane; where more fell, the most that fell does."""

_NAMED_RAINS = 4
_NAMED_FROM_MM = 1.0
_WEEK = 7
_LABEL_ROOM_DAYS = 4.5
_WETTINGS_ABOVE = 13.0
_DROP_ROOM = 7.0
_GAIN_SIZE, _GAIN_SPARE = 11.0, 6.0


def rain(story: Story, scale: Scale, say: Say) -> Iterator[str]:
    """Yield a bar a day, the heaviest with their millimetres; or the sentence that nobody measures rain."""
    base = scale.bottom + LANE_HEIGHT
    yield marks.line([(LEFT, base), (scale.right, base)], marks.RULE, 1)
    if not story.rain:
        yield marks.words(LEFT + 4, base - 6, say("picture.no_rain"), size=11, ink=marks.SOFT)
        return
    yield marks.words(LEFT - 5, base - 4, say("picture.rain"), size=11, anchor="end", ink=marks.SOFT)
    full = max([_FULL_MM, *(one.mm for one in story.rain)])
    heaviest = sorted(story.rain, key=lambda one: -one.mm)[:_NAMED_RAINS]
    for one in story.rain:
        index = (one.date - story.first_day).days
        if one.mm <= 0 or index < 0:
            continue
        height = max(one.mm / full * (LANE_HEIGHT - 14), 1.5)
        left, right = scale.x(index + 0.1), scale.x(index + 0.9)
        yield marks.box(left, base - height, right - left, height, marks.WATER_INK)
        if one in heaviest and one.mm >= _NAMED_FROM_MM:
            yield marks.words(
                (left + right) / 2, base - height - 3, say_number(one.mm), size=11, anchor="middle", ink=marks.WATER_INK
            )


def wettings(story: Story, scale: Scale, say: Say, site: Site) -> Iterator[str]:
    """Yield a drop above the field at every water that reached the roots, with what they gained where there is room.

    Rain is a hollow drop, watering a full one, and water that nobody ordered has a question mark.
    """
    foot = scale.top - _WETTINGS_ABOVE
    shown = [(scale.x(moment), one) for one in story.wettings if (moment := story.day_of(one.starts_at, site)) >= 0]
    for x, one in shown:
        yield marks.line([(x, foot), (x, scale.bottom)], marks.WATER_INK, 1, ' stroke-dasharray="3 3"')
        yield marks.drop(x, foot, marks.WATER_INK, hollow=one.kind == "rain")
        if one.kind == "unplanned":
            yield marks.words(x, foot - 2, "?", size=11, anchor="middle", ink=marks.PAPER, bold=True)
    taken = [(x - _DROP_ROOM, x + _DROP_ROOM) for x, _ in shown]
    for x, one in sorted(shown, key=lambda drop: -(drop[1].gain_mm or 0)):
        if one.gain_mm is None or round(one.gain_mm) <= 0:
            continue
        said = say("picture.gain", mm=say_number(one.gain_mm, 0))
        width = marks.text_width(said, _GAIN_SIZE) + _GAIN_SPARE
        for left in (x + _DROP_ROOM, x - _DROP_ROOM - width):
            if left >= LEFT and left + width <= scale.right and all(
                left + width <= begin or left >= end for begin, end in taken
            ):  # fmt: skip
                taken.append((left, left + width))
                yield marks.words(left, foot - 3, said, size=_GAIN_SIZE, ink=marks.WATER_INK)
                break


def days(story: Story, scale: Scale, say: Say, site: Site) -> Iterator[str]:
    """Yield a tick a week with its date, and the moment of the evaluation as a line through everything."""
    base = scale.bottom + LANE_HEIGHT
    now = story.day_of(story.as_of, site)
    yield marks.line([(scale.x(now), scale.top), (scale.x(now), base)], marks.INK, 1.2)
    yield marks.words(scale.x(now), base + 14, say("picture.today"), size=12, anchor="middle", bold=True)
    for index in range(story.picture_days % _WEEK, scale.days + _WEEK * 2 + 1, _WEEK):
        x = scale.x(index)
        yield marks.line([(x, base), (x, base + 4)], marks.SOFT, 1)
        if abs(index - now) > _LABEL_ROOM_DAYS and x < scale.right - 12:
            day = story.first_day + timedelta(days=index)
            yield marks.words(x, base + 14, say_day(day), size=12, anchor="middle", ink=marks.SOFT)


def say_day(day: date) -> str:
    """Return a day as it is short in both languages: 3-14."""
    return f"{day.month}-{day.day}"
