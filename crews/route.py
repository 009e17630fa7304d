"""The day's drive as one link: Amap's app with every stop of today on the way. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from crews.crew_list import CrewList, Stop
from crews.navigation import MOST_ROUTED, route_through
from crews.readable import readable
from crews.words import Say

_TODAY = frozenset({"overdue", "today"})


@dataclass(frozen=True, slots=True)
class RouteLink:
    """A button: its address, its words, and what is said where a route cannot take all stops of today."""

    href: str
    said: str
    more: str | None


def make_route(listed: CrewList, say: Say, *, is_ios: bool) -> RouteLink | None:
    """Return the drive through what is overdue or for today, as far as one route takes it.

    What is reported leaves today, so that the list that is opened next has the next stops.
    None below two places: the card's own link leads to one.
    """
    today = [stop for stop in listed.stops if stop.group in _TODAY and stop.position is not None]
    places = [(position, list(stops)) for position, stops in itertools.groupby(today, lambda stop: stop.position)]
    if len(places) < 2:  # noqa: PLR2004
        return None
    taken = places[:MOST_ROUTED]
    route = route_through([(*position, _name(stops)) for position, stops in taken if position is not None])
    n = sum(len(stops) for _, stops in taken)
    is_whole = n == len(today)
    return RouteLink(
        href=route.ios if is_ios else route.android,
        said=say("route.all" if is_whole else "route.some", n=n),
        more=None if is_whole else say("route.more", n=n, all=len(today)),
    )


def _name(stops: Iterable[Stop]) -> str:
    """Return what the map calls a place: the numbers of its cards, and its plot."""
    first, *others = stops
    return readable(f"{'/'.join(str(stop.seq) for stop in (first, *others))} {first.name}")
