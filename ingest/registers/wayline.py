"""Flying one wayline of a DJI flight plan: how its gimbals look when pictures are taken, as far as the plan says it.

Actions, triggers and their facts: Common Elements of WPML 1.0 (Cloud API). Exported plans of mappings (a public one for
a Matrice 4D, WPML 1.0.6) have their pictures taken by startTimeLapse on the way until stopTimeLapse, the gimbal turned
before it; plans for DJI Fly turn it by gimbalEvenlyRotate at a waypoint, towards the next.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest.decode.native_plan import HIGHEST_PITCH_DEG, LOWEST_PITCH_DEG, TURN_DEG
from ingest.errors import ConfigError

_ON_WAY = ("betweenAdjacentPoints", "multipleTiming", "multipleDistance")
_EVERY = ("multipleTiming", "multipleDistance")
_AIMING = ("orientedShoot", "accurateShoot", "panoShot")
"""Actions that turn the gimbal for their own pictures; a panorama says no angle, it has many."""

_GIMBALS = frozenset("01234567")
"""Positions of payloads as the Cloud API numbers them, 7 the camera of the pilot's view."""

Place = tuple[float, float]
"""Longitude and latitude, degrees."""
Angles = tuple[float | None, float | None]
"""Pitch and roll of the gimbal, degrees; each None where the plan does not say it for sure."""
_UNKNOWN: Angles = (None, None)


@dataclass(frozen=True, slots=True)
class Shot:
    """A place, or the way between two, where pictures are taken with the gimbal at `angles`."""

    start: Place
    end: Place
    angles: Angles


@dataclass(frozen=True, slots=True)
class Action:
    """What is done, and the facts that the plan gives with it, by the names of WPML."""

    what: str
    facts: dict[str, str]

    @property
    def gimbal(self) -> str:
        """Which gimbal it concerns. Raises: ConfigError for one that no aircraft has."""
        position = self.facts.get("payloadPositionIndex") or "0"
        if position not in _GIMBALS:
            got = f"payloadPositionIndex of the plan is {position[:20]!r}"
            raise ConfigError(f"{got}: expected 0 to 7. Correct the plan and export it again.")
        return position


@dataclass(frozen=True, slots=True)
class ActionGroup:
    """Actions that are met at the waypoints with the indices first to last, or on the ways between them."""

    trigger: str
    first: int
    last: int
    actions: tuple[Action, ...]


@dataclass(slots=True)
class _Gimbals:
    """What is known of each gimbal on the way.

    lapsing: those whose camera takes pictures all along
    turning: pitch that is reached at the next waypoint
    """

    angles: dict[str, Angles] = field(default_factory=dict)
    lapsing: set[str] = field(default_factory=set)
    turning: dict[str, float | None] = field(default_factory=dict)

    def of(self, gimbal: str) -> Angles:
        return self.angles.get(gimbal, _UNKNOWN)

    def do(self, action: Action) -> None:
        """Bring the state up to what an action does. After shots that aim by themselves the angles are not known."""
        if action.what in _AIMING:
            self.angles[action.gimbal] = _UNKNOWN
        elif action.what == "gimbalRotate":
            self.angles[action.gimbal] = _rotated(action, self.of(action.gimbal))
        elif action.what == "gimbalEvenlyRotate":
            self.turning[action.gimbal] = _pitch(action)
        elif action.what == "startTimeLapse":
            self.lapsing.add(action.gimbal)
        elif action.what == "stopTimeLapse":
            self.lapsing.discard(action.gimbal)


@dataclass(frozen=True, slots=True)
class Wayline:
    """What one Folder has flown: actions at its start, waypoints in order, and what is done at and behind them."""

    start: tuple[Action, ...]
    points: list[tuple[int, Place]]
    groups: list[ActionGroup]

    def span(self, group: ActionGroup) -> range:
        """Return the numbers in `points` of the waypoints at which a group is met."""
        return range(
            bisect_left(self.points, group.first, key=lambda point: point[0]),
            bisect_right(self.points, group.last, key=lambda point: point[0]),
        )

    def actions(self) -> int:
        """Return how many actions are met at the start and on the way."""
        return len(self.start) + sum(len(self.span(group)) * max(1, len(group.actions)) for group in self.groups)

    def shots(self) -> Iterator[Shot]:
        """Fly it: carry each gimbal's angles from waypoint to waypoint, and tell where pictures are taken.

        Raises: ConfigError for an angle that no gimbal has, or a gimbal that no aircraft has.
        """
        gimbals = _Gimbals()
        for action in self.start:
            gimbals.do(action)
        met: list[list[ActionGroup]] = [[] for _ in self.points]
        for group in self.groups:
            for number in self.span(group):
                met[number].append(group)
        for number, (here, (_, at)) in enumerate(zip(met, self.points, strict=True)):
            yield from _shots_at(at, [group for group in here if group.trigger == "reachPoint"], gimbals)
            if number + 1 < len(self.points):
                following, way_end = self.points[number + 1]
                on_way = [group for group in here if group.trigger in _ON_WAY and following <= group.last]
                yield from _shots_on_way(at, way_end, on_way, gimbals)


def _shots_at(at: Place, groups: Iterable[ActionGroup], gimbals: _Gimbals) -> Iterator[Shot]:
    for group in groups:
        for action in group.actions:
            if action.what == "takePhoto":
                yield Shot(at, at, gimbals.of(action.gimbal))
            elif action.what in _AIMING:
                yield Shot(at, at, (_pitch(action), _roll(action)))
            gimbals.do(action)


def _shots_on_way(start: Place, end: Place, groups: Iterable[ActionGroup], gimbals: _Gimbals) -> Iterator[Shot]:
    """Tell the pictures between two waypoints; where a gimbal turns there, nobody knows how far it has come."""
    before, every = dict(gimbals.angles), set[str]()
    for group in groups:
        for action in group.actions:
            if action.what == "takePhoto" and group.trigger in _EVERY:
                every.add(action.gimbal)
            else:
                gimbals.do(action)
    for gimbal in sorted(every | gimbals.lapsing):
        known, (pitch, roll) = before.get(gimbal, _UNKNOWN), gimbals.of(gimbal)
        is_still = known[0] == pitch == gimbals.turning.get(gimbal, pitch)
        yield Shot(start, end, (pitch if is_still else None, roll if known[1] == roll else None))
    gimbals.angles |= {gimbal: (pitch, gimbals.of(gimbal)[1]) for gimbal, pitch in gimbals.turning.items()}
    gimbals.turning = {}


def _rotated(action: Action, angles: Angles) -> Angles:
    pitch, roll = angles
    is_absolute = action.facts.get("gimbalRotateMode", "absoluteAngle") == "absoluteAngle"
    if _is_on(action.facts.get("gimbalPitchRotateEnable")):
        pitch = _pitch(action) if is_absolute else None
    if _is_on(action.facts.get("gimbalRollRotateEnable")):
        roll = _roll(action) if is_absolute else None
    return pitch, roll


def _pitch(action: Action) -> float | None:
    return _angle(action, "gimbalPitchRotateAngle", LOWEST_PITCH_DEG, HIGHEST_PITCH_DEG)


def _roll(action: Action) -> float | None:
    return _angle(action, "gimbalRollRotateAngle", -TURN_DEG, TURN_DEG)


def _angle(action: Action, name: str, lowest: float, highest: float) -> float | None:
    angle = number_of(action.facts.get(name))
    if angle is not None and not lowest <= angle <= highest:
        expected = f"{lowest:g} to {highest:g} degrees"
        raise ConfigError(
            f"{name} of the plan is {angle:g}: expected {expected}. Correct the plan and export it again."
        )
    return angle


def _is_on(text: str | None) -> bool:
    return (text or "").strip() in ("1", "true")


def number_of(text: str | None) -> float | None:
    """Return a finite number out of text; None for anything else."""
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
