"""Below the days: how a plot's vegetation index stood among its peers in each flight, beside the water in its soil."""

from __future__ import annotations

from collections.abc import Iterator

from crews.picture import marks
from crews.picture.scale import LEFT, Scale
from crews.picture.story import IndexFlight, Story
from crews.words import Say

HEIGHT = 66.0
"""Room that the strip takes, where there were flights."""

_BEST, _WORST = 2.0, -5.0
"""Robust z at the upper and lower edge; what lies beyond is drawn on the edge."""

_WATCH, _ALERT = -2.0, -3.5
_TOP, _BOTTOM = 14.0, 6.0


def strip(story: Story, scale: Scale, top: float, say: Say) -> Iterator[str]:
    """Yield the strip from `top` on: lines of watch and alert, a point a flight, named with the newest value."""
    shown = [one for one in story.indices if one.date >= story.first_day]
    if not shown:
        return
    yield marks.words(LEFT - 5, top + 24, shown[-1].index_name, size=11, anchor="end", ink=marks.SOFT)
    yield marks.words(LEFT - 5, top + 38, say("picture.among_peers"), size=11, anchor="end", ink=marks.SOFT)
    for z, ink, dashes in ((0.0, marks.RULE, ""), (_WATCH, marks.FORECAST_INK, "2 3"), (_ALERT, marks.DRY_INK, "7 4")):
        y = _y(z, top)
        yield marks.line([(LEFT, y), (scale.right, y)], ink, 1, f' stroke-dasharray="{dashes}"' if dashes else "")
    for z, name, below in ((_WATCH, "watch", -4), (_ALERT, "alert", 11)):
        said = say(f"finding_state.{name}")
        yield marks.words(scale.right - 3, _y(z, top) + below, said, size=11, anchor="end", ink=marks.SOFT, halo=True)
    places = [(_x(one, story, scale), _y(one.robust_z, top)) for one in shown if one.robust_z is not None]
    yield marks.line(places, marks.INK, 1.2)
    for one in shown:
        yield _mark(one, _x(one, story, scale), top)
    last = shown[-1]
    y = _y(last.robust_z or 0.0, top)
    yield marks.words(_x(last, story, scale) + 8, y - 5, f"{last.index_median:.2f}", size=12, bold=True, halo=True)


def _mark(one: IndexFlight, x: float, top: float) -> str:
    """Return a flight's mark; bare ground without peers stands at the line of alert, for it has no z."""
    bare = one.state in {"alert", "unconfirmed"}
    y = _y(one.robust_z if one.robust_z is not None else _ALERT if bare else 0.0, top)
    if one.state == "alert":
        return marks.diamond(x, y, 4.5, marks.DRY_INK)
    if one.state == "unconfirmed":
        return unconfirmed(x, y)
    if one.robust_z is None:
        return incomparable(x, y + 4)
    if one.state == "watch":
        return marks.ring(x, y, 3.6, marks.DRY_INK)
    return marks.dot(x, y, 3.2, marks.INK)


def unconfirmed(x: float, y: float) -> str:
    """Return the mark of a flight that shows bare ground and is not believed yet."""
    return marks.diamond(x, y, 5.0, marks.DRY_INK) + marks.diamond(x, y, 3.0, marks.PAPER)


def incomparable(x: float, foot: float) -> str:
    """Return the mark of a flight that could not be compared with peers."""
    return marks.words(x, foot, "?", size=12, anchor="middle", ink=marks.SOFT, bold=True, halo=True)


def signs(story: Story) -> set[str]:
    """Return which of the strip's marks want a word in the key: those that no line beside them names."""
    shown = [one for one in story.indices if one.date >= story.first_day]
    there = {"unconfirmed" for one in shown if one.state == "unconfirmed"}
    judged = {"alert", "unconfirmed"}
    return there | {"incomparable" for one in shown if one.robust_z is None and one.state not in judged}


def describe_indices(story: Story, say: Say) -> str:
    """Return the strip in a sentence; empty where there was no flight."""
    shown = [one for one in story.indices if one.date >= story.first_day]
    if not shown:
        return ""
    low = sum(one.state in {"watch", "alert"} for one in shown)
    doubted = sum(one.state == "unconfirmed" for one in shown)
    said = say(
        "picture.said.indices", index=shown[-1].index_name, n=len(shown), low=low, value=f"{shown[-1].index_median:.2f}"
    )
    return said + (say("picture.said.unconfirmed", n=doubted) if doubted else "")


def _x(one: IndexFlight, story: Story, scale: Scale) -> float:
    return scale.x((one.date - story.first_day).days + 0.5)


def _y(z: float, top: float) -> float:
    share = (_BEST - min(max(z, _WORST), _BEST)) / (_BEST - _WORST)
    return top + _TOP + share * (HEIGHT - _TOP - _BOTTOM)
