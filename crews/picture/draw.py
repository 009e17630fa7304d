"""The whole picture of a plot: heading, field, rain, days and key, in one language. Values in, SVG out."""

from __future__ import annotations

from collections.abc import Iterator

from crews.picture import field, indices, lane, marks
from crews.picture.key import describe, key
from crews.picture.scale import FORECAST_DAYS, LANE_HEIGHT, WIDTH, Scale, scale_of
from crews.picture.story import Story
from crews.reasons import render_reason
from crews.words import Say, say_number, speaker
from ingest.site import Site

_NAME, _REASON, _SMALL = 16.0, 13.5, 12.5
_LEADING = 17.5
_MARGIN = 8.0
_UNDER_AXIS = 22.0
_WETTINGS = 18.0
"""Room above the field for drops, where water came."""


def draw_picture(story: Story, language: str, site: Site) -> str:
    """Return the picture as an SVG document of a phone's width, legible in print and without colours."""
    say = speaker(language)
    heading, top = _heading(story, say, language)
    top += _WETTINGS if story.wettings else 0
    scale = scale_of(story, top)
    now = story.day_of(story.as_of, site)
    under = scale.bottom + LANE_HEIGHT + _UNDER_AXIS
    strip = list(indices.strip(story, scale, under, say))
    signs, height = key(story, under + (indices.HEIGHT if strip else 0), say)
    parts = [
        *heading,
        *field.bands(story, scale, say),
        *field.gaps(story, scale),
        *field.lines(story, scale),
        *field.forecast(story.forecast, story, scale, now),
        *lane.rain(story, scale, say),
        *lane.days(story, scale, say, site),
        *lane.wettings(story, scale, say, site),
        *field.measured(story, scale, say, site),
        *field.gap_names(story, scale, say),
        *field.line_names(story, scale, say),
        *_issue(story, scale, say, site),
        *strip,
        *signs,
    ]
    title = say("picture.title", plot=story.plot_name, days=story.picture_days)
    said = describe(story, say) + indices.describe_indices(story, say)
    return marks.svg(WIDTH, height, title, said, parts)


def _heading(story: Story, say: Say, language: str) -> tuple[list[str], float]:
    """Return name and state, why, what is shown; and where the field begins."""
    state = say(f"finding_state.{story.state}", otherwise=story.state)
    ink = marks.DRY_INK if story.needs_work else marks.INK
    parts, y = [], 2.0
    for row in marks.wrap(say("picture.heading", plot=story.plot_name, state=state), _NAME, WIDTH - 2 * _MARGIN)[:2]:
        y += 20
        parts.append(marks.words(_MARGIN, y, row, size=_NAME, bold=True, ink=ink))
    why = render_reason(story.reason_code, story.reason_params, language) if story.reason_code else ""
    for row in marks.wrap(why, _REASON, WIDTH - 2 * _MARGIN)[:3]:
        y += _LEADING
        parts.append(marks.words(_MARGIN, y, row, size=_REASON))
    if told := say_forecast(story, say):
        y += _LEADING
        parts.append(marks.words(_MARGIN, y, told, size=_REASON, ink=marks.FORECAST_INK, bold=True))
    y += _LEADING
    depth = say_number(100 * (story.root_zone_m or 0))
    what = say("picture.potential") if story.quantity == "matric_potential" else say("picture.water", depth=depth)
    parts.append(marks.words(_MARGIN, y, what, size=_SMALL, ink=marks.SOFT))
    return parts, y + 24


def say_forecast(story: Story, say: Say) -> str:
    """Return when the line will be reached, with the range; empty where nobody can say or it is reached."""
    told = story.forecast
    if told is None or told.median is None or told.median <= 0:
        return ""
    if told.median >= FORECAST_DAYS:
        return say("picture.forecast_beyond", n=FORECAST_DAYS)
    low, high = (told.median if end is None else end for end in (told.low, told.high))
    return say("picture.forecast", n=say_number(told.median, 0), low=say_number(low, 0), high=say_number(high, 0))


def _issue(story: Story, scale: Scale, say: Say, site: Site) -> Iterator[str]:
    """Yield a bar above the field from the day on which the plot became dry, where an issue stands open."""
    if story.issue_since is None:
        return
    begin, now = story.day_of(story.issue_since, site), story.day_of(story.as_of, site)
    y = scale.top - 6
    left = scale.x(max(begin, 0.0))
    yield marks.box(left, y - 2.5, scale.x(now) - left, 5, marks.DRY_INK)
    if begin >= 0:
        yield marks.box(left, y - 5, 2, 10, marks.DRY_INK)
    said = say("picture.issue", days=int(now) - int(begin))
    yield marks.words(scale.x(now) + 6, y + 4, said, size=12, ink=marks.DRY_INK, bold=True)
