"""Where a DJI flight plan has its pictures taken, and how it has the gimbal look there.

A plan is a KMZ, a zip with wpmz/waylines.wpml in it (DJI WPML 1.0: Waylines.wpml and Common Elements of the Cloud API's
documentation). Its angles are those that were asked for: no sensor measured them.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np

from ingest.drone.attribution import metres_per_degree
from ingest.drone.camera import Floats
from ingest.errors import ConfigError

REACH_M = 10.0
"""A picture this near to where the plan has one taken is that one: 4.5 sigma of a position without RTK."""

MOST_BYTES = 16 * 1024 * 1024
"""Of waylines.wpml, unpacked; 100 waypoints with actions are 0.3 MB."""
_MOST_MEMBERS = 1000
_WAYLINES = "waylines.wpml"
_SAME_DEG = 1e-6
_LEVEL = 0.0
_EVERY = ("multipleTiming", "multipleDistance")
_AIMING = ("orientedShoot", "accurateShoot", "panoShot")
"""Actions that turn the gimbal for their own pictures; a panorama says no angle, it has many."""

Place = tuple[float, float]
Angles = tuple[float, float] | None
"""Pitch and roll of the gimbal, degrees; None where the plan does not say them for sure."""


@dataclass(frozen=True, slots=True)
class _Shot:
    """A place, or the way between two, where pictures are taken with the gimbal at `angles`."""

    start: Place
    end: Place
    angles: Angles


@dataclass(frozen=True, slots=True, eq=False)
class FlightPlan:
    """The shots of a plan: start, end (N, 2) longitude and latitude, degrees; angles (N, 2) pitch and roll or NaN."""

    start: Floats
    end: Floats
    angles: Floats

    def angles_at(self, lon: float, lat: float) -> Angles:
        """Return pitch and roll of a picture taken at a place; None where no shot, or several that differ, are near."""
        per = np.array([float(one) for one in metres_per_degree(np.array(lat))])
        start, end = ((one - np.array([lon, lat])) * per for one in (self.start, self.end))
        way = end - start
        length = np.einsum("ij,ij->i", way, way)
        share = np.clip(-np.einsum("ij,ij->i", start, way) / np.where(length > 0.0, length, 1.0), 0.0, 1.0)
        nearest = start + share[:, None] * way
        near = self.angles[np.hypot(nearest[:, 0], nearest[:, 1]) <= REACH_M]
        if not len(near) or np.isnan(near).any() or np.ptp(near, axis=0).max() > _SAME_DEG:
            return None
        return float(near[0, 0]), float(near[0, 1])


@dataclass(frozen=True, slots=True)
class _Action:
    what: str
    facts: dict[str, str]

    @property
    def gimbal(self) -> str:
        return self.facts.get("payloadPositionIndex", "0")


@dataclass(frozen=True, slots=True)
class _ActionGroup:
    trigger: str
    first: int
    last: int
    actions: tuple[_Action, ...]


def read_flight_plan(payload: bytes) -> FlightPlan:
    """Return where a plan has pictures taken; payload: a KMZ, or the waylines.wpml out of one.

    Raises: ConfigError for what is no plan, or is larger than a plan can be.
    """
    text = _unpacked(payload)
    # Entities are how a small file becomes a large one, and no plan has a document type.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ConfigError("waylines.wpml has a document type: expected plain elements. Export the plan again.")
    try:
        root = ET.fromstring(text)  # noqa: S314 - at most MOST_BYTES, without a document type
    except ET.ParseError as error:
        raise ConfigError(f"waylines.wpml is no XML: {error}. Export the plan again.") from error
    shots = [shot for folder in _all(root, "Folder") for shot in _shots(folder)]
    if not shots:
        raise ConfigError(
            "the plan has no pictures taken: expected takePhoto or orientedShoot. Is it the flight's own?"
        )
    unknown = (math.nan, math.nan)
    return FlightPlan(
        np.array([shot.start for shot in shots], dtype=np.float64),
        np.array([shot.end for shot in shots], dtype=np.float64),
        np.array([shot.angles or unknown for shot in shots], dtype=np.float64),
    )


def _unpacked(payload: bytes) -> str:
    try:
        if payload.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            data = payload
        else:
            with zipfile.ZipFile(io.BytesIO(payload)) as kmz:
                members = kmz.infolist()
                found = [one for one in members if one.filename.rpartition("/")[2] == _WAYLINES]
                if len(members) > _MOST_MEMBERS or len(found) != 1:
                    got = f"{len(members)} files, {len(found)} of them called {_WAYLINES}"
                    raise ConfigError(f"the KMZ holds {got}: expected one. Export the plan again.")
                with kmz.open(found[0]) as member:
                    data = member.read(MOST_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ConfigError(
            f"no KMZ: {error}. Expected the flight plan as DJI Pilot 2 or FlightHub 2 exports it."
        ) from error
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{_WAYLINES} is larger than {MOST_BYTES:,} bytes: that is no flight plan.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{_WAYLINES} is not UTF-8 at byte {error.start}. Export the plan again.") from error


def _shots(folder: ET.Element) -> Iterator[_Shot]:
    """Fly one wayline: carry each gimbal's angles from waypoint to waypoint, and tell where pictures are taken."""
    points = sorted(_waypoints(folder), key=lambda point: point[0])
    groups = [_group(one) for one in _all(folder, "actionGroup")]
    state: dict[str, Angles] = {}
    for start in _all(folder, "startActionGroup"):
        for action in _actions(start):
            _turn(state, action)
    for number, (index, at) in enumerate(points):
        here = [group for group in groups if group.first <= index <= group.last]
        yield from _shots_at(at, [group for group in here if group.trigger == "reachPoint"], state)
        if number + 1 < len(points):
            following, way_end = points[number + 1]
            yield from _shots_on_way(at, way_end, [group for group in here if following <= group.last], state)


def _shots_at(at: Place, groups: list[_ActionGroup], state: dict[str, Angles]) -> Iterator[_Shot]:
    for group in groups:
        for action in group.actions:
            if action.what == "takePhoto":
                yield _Shot(at, at, state.get(action.gimbal))
            elif action.what in _AIMING:
                yield _Shot(at, at, _angles(action.facts))
            _turn(state, action)


def _shots_on_way(start: Place, end: Place, groups: list[_ActionGroup], state: dict[str, Angles]) -> Iterator[_Shot]:
    turns = {
        action.gimbal: _angles(action.facts)
        for group in groups
        if group.trigger == "betweenAdjacentPoints"
        for action in group.actions
        if action.what == "gimbalEvenlyRotate"
    }
    for group in groups:
        for action in group.actions if group.trigger in _EVERY else ():
            if action.what == "takePhoto":
                angles = state.get(action.gimbal)
                # While the gimbal turns, nobody knows how far it has come.
                yield _Shot(start, end, angles if turns.get(action.gimbal, angles) == angles else None)
    state |= turns


def _turn(state: dict[str, Angles], action: _Action) -> None:
    """Bring `state` up to what an action does to its gimbal. After shots that aim by themselves it is not known."""
    if action.what in _AIMING:
        state[action.gimbal] = None
    elif action.what == "gimbalRotate":
        if action.facts.get("gimbalRotateMode", "absoluteAngle") != "absoluteAngle":
            state[action.gimbal] = None
        elif _is_on(action.facts.get("gimbalPitchRotateEnable")):
            state[action.gimbal] = _angles(action.facts, with_roll=_is_on(action.facts.get("gimbalRollRotateEnable")))


def _angles(facts: dict[str, str], *, with_roll: bool = True) -> Angles:
    pitch = _number(facts.get("gimbalPitchRotateAngle"))
    roll = _number(facts.get("gimbalRollRotateAngle")) if with_roll and "gimbalRollRotateAngle" in facts else _LEVEL
    return None if pitch is None or roll is None else (pitch, roll)


def _waypoints(folder: ET.Element) -> Iterator[tuple[int, Place]]:
    for number, placemark in enumerate(_all(folder, "Placemark")):
        facts = {_name(one): one.text or "" for one in placemark.iter()}
        numbers = [_number(part) for part in facts.get("coordinates", "").split(",")]
        index = _number(facts.get("index")) if "index" in facts else float(number)
        if len(numbers) < 2 or numbers[0] is None or numbers[1] is None or index is None:  # noqa: PLR2004 - lon, lat
            raise ConfigError(f"waypoint {number} of the plan has no place: expected coordinates longitude,latitude.")
        yield int(index), (numbers[0], numbers[1])


def _group(element: ET.Element) -> _ActionGroup:
    facts = {_name(one): one.text or "" for one in element if len(one) == 0}
    trigger = next((one.text or "" for one in _all(element, "actionTriggerType")), "")
    first, last = (_number(facts.get(f"actionGroup{side}Index")) for side in ("Start", "End"))
    if first is None or last is None:
        raise ConfigError("an actionGroup of the plan does not say at which waypoints: expected start and end index.")
    return _ActionGroup(trigger.strip(), int(first), int(last), tuple(_actions(element)))


def _actions(element: ET.Element) -> Iterator[_Action]:
    for one in _all(element, "action"):
        facts = {_name(inner): (inner.text or "").strip() for inner in one.iter()}
        yield _Action(facts.get("actionActuatorFunc", ""), facts)


def _all(element: ET.Element, name: str) -> list[ET.Element]:
    """Return the elements of a name below `element`, in any of the versions of the namespace."""
    return [one for one in element.iter() if one is not element and _name(one) == name]


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _is_on(text: str | None) -> bool:
    return (text or "").strip() in ("1", "true")


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
