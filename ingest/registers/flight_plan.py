"""Where a DJI flight plan has its pictures taken, and how it has the gimbal look there.

A plan is a KMZ, a zip with wpmz/waylines.wpml in it (DJI WPML 1.0: Waylines.wpml and Common Elements of the Cloud API's
documentation). Its angles are those that were asked for: no sensor measured them.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from xml.etree import ElementTree as ET

import numpy as np

from ingest.drone.attribution import metres_per_degree
from ingest.drone.camera import Floats
from ingest.errors import ConfigError
from ingest.registers.wayline import Action, ActionGroup, Place, Wayline, number_of

REACH_M = 10.0
"""A picture this near to where the plan has one taken is that one: 4.5 sigma of a position without RTK."""

MOST_FILE_BYTES = 64 * 1024 * 1024
"""Of a KMZ, which may hold the heights of the terrain beside the plan."""
MOST_BYTES = 16 * 1024 * 1024
"""Of waylines.wpml, unpacked; 100 waypoints with actions are 0.3 MB."""
_MOST_WAYPOINTS = 65_536
"""The index of a waypoint is 0 to 65,535 (Common Elements)."""
_MOST_ACTIONS = 200_000
"""Each counts as often as there are waypoints where it is met: three at every waypoint that a plan can have."""
_MOST_SHOTS = 200_000
"""Ways on which cameras take pictures all along count once a gimbal."""
_MOST_TAGS, _MOST_ATTRIBUTES = 800_000, 200_000
"""Exported elements, of 60 bytes and two tags, are fewer in MOST_BYTES; the smallest could be seven times as many."""
_MOST_MEMBERS = 1000
_MEMBER = b"PK\1\2"
"""Begins each member of a zip's directory."""
_WAYLINES = "waylines.wpml"
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, OverflowError,
)  # fmt: skip
"""What zipfile raises for archives that are none: also for places before the beginning, and names in no encoding."""
_SAME_DEG = 1e-6
_FURTHEST_LON_DEG, _FURTHEST_LAT_DEG = 180.0, 90.0


@dataclass(frozen=True, slots=True, eq=False)
class FlightPlan:
    """The shots of a plan: start, end (N, 2) longitude and latitude, degrees; angles (N, 2) pitch and roll or NaN."""

    start: Floats
    end: Floats
    angles: Floats

    def angles_at(self, lon: float, lat: float) -> tuple[float, float | None] | None:
        """Return pitch and roll of a picture taken at a place; None where no shot, or several that differ, are near.

        The roll alone is None where the plan says the pitch only.
        """
        per = np.array([float(one) for one in metres_per_degree(np.array(lat))])
        start, end = ((one - np.array([lon, lat])) * per for one in (self.start, self.end))
        way = end - start
        length = np.einsum("ij,ij->i", way, way)
        share = np.clip(-np.einsum("ij,ij->i", start, way) / np.where(length > 0.0, length, 1.0), 0.0, 1.0)
        nearest = start + share[:, None] * way
        near = self.angles[np.hypot(nearest[:, 0], nearest[:, 1]) <= REACH_M]
        if not len(near) or np.isnan(near[:, 0]).any():
            return None
        pitch, roll = near[:, 0], near[:, 1][~np.isnan(near[:, 1])]
        if np.ptp(pitch) > _SAME_DEG or (len(roll) and np.ptp(roll) > _SAME_DEG):
            return None
        return float(pitch[0]), float(roll[0]) if len(roll) == len(near) else None


def read_flight_plan(payload: bytes) -> FlightPlan:
    """Return where a plan has pictures taken; payload: a KMZ, or the waylines.wpml out of one.

    Raises: ConfigError for what is no plan, is larger than a plan can be, or has angles that no gimbal has.
    """
    text = _unpacked(payload)
    # Entities are how a small file becomes a large one, and no plan has a document type.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ConfigError("waylines.wpml has a document type: expected plain elements. Export the plan again.")
    if text.count("<") > _MOST_TAGS or text.count("=") > _MOST_ATTRIBUTES:
        got = f"{text.count('<'):,} tags and {text.count('='):,} attributes"
        most = f"at most {_MOST_TAGS:,} and {_MOST_ATTRIBUTES:,}"
        raise ConfigError(f"{_WAYLINES} has {got}: expected {most}. Is it the flight's own?")
    try:
        root = ET.fromstring(text)  # noqa: S314 - at most MOST_BYTES, without a document type
    except ET.ParseError as error:
        raise ConfigError(f"waylines.wpml is no XML: {error}. Export the plan again.") from error
    waylines = [
        _wayline(folder) for document in _children(root, "Document") for folder in _children(document, "Folder")
    ]
    _check_size(waylines)
    shots = list(islice((shot for wayline in waylines for shot in wayline.shots()), _MOST_SHOTS + 1))
    if len(shots) > _MOST_SHOTS:
        raise ConfigError(f"the plan has pictures taken at more than {_MOST_SHOTS:,} places. Is it the flight's own?")
    if not shots:
        raise ConfigError(
            "the plan has no pictures taken: expected takePhoto, startTimeLapse or orientedShoot."
            " Is it the flight's own?"
        )
    return FlightPlan(
        np.array([shot.start for shot in shots], dtype=np.float64),
        np.array([shot.end for shot in shots], dtype=np.float64),
        np.array([shot.angles for shot in shots], dtype=np.float64),
    )


def _check_size(waylines: list[Wayline]) -> None:
    points, actions = sum(len(one.points) for one in waylines), sum(one.actions() for one in waylines)
    if points > _MOST_WAYPOINTS or actions > _MOST_ACTIONS:
        got = f"{points:,} waypoints and {actions:,} actions at them"
        most = f"at most {_MOST_WAYPOINTS:,} and {_MOST_ACTIONS:,}"
        raise ConfigError(f"the plan has {got}: expected {most}. Is it the flight's own?")


def _unpacked(payload: bytes) -> str:
    try:
        if payload.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            data = payload
        else:
            # zipfile makes an object of each, at once, whatever the end of the directory says of their number.
            if (number := payload.count(_MEMBER)) > _MOST_MEMBERS:
                raise ConfigError(f"the KMZ holds {number} files: expected at most {_MOST_MEMBERS}. Export it again.")
            with zipfile.ZipFile(io.BytesIO(payload)) as kmz:
                members = kmz.infolist()
                found = [one for one in members if one.filename.rpartition("/")[2] == _WAYLINES]
                if len(found) != 1:
                    got = f"{len(members)} files, {len(found)} of them called {_WAYLINES}"
                    raise ConfigError(f"the KMZ holds {got}: expected one. Export the plan again.")
                if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ConfigError(f"the KMZ packs {_WAYLINES} as no KMZ does: expected deflate. Export it again.")
                with kmz.open(found[0]) as member:
                    data = member.read(MOST_BYTES + 1)
    except _DAMAGED as error:
        raise ConfigError(
            f"no KMZ: {error}. Expected the flight plan as DJI Pilot 2 or FlightHub 2 exports it."
        ) from error
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{_WAYLINES} is larger than {MOST_BYTES:,} bytes: that is no flight plan.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{_WAYLINES} is not UTF-8 at byte {error.start}. Export the plan again.") from error


def _wayline(folder: ET.Element) -> Wayline:
    return Wayline(
        tuple(action for start in _children(folder, "startActionGroup") for action in _actions(start)),
        sorted(_waypoints(folder), key=lambda point: point[0]),
        [_group(one) for point in _children(folder, "Placemark") for one in _children(point, "actionGroup")],
    )


def _waypoints(folder: ET.Element) -> Iterator[tuple[int, Place]]:
    for number, placemark in enumerate(_children(folder, "Placemark")):
        facts = {_name(one): one.text or "" for one in placemark.iter()}
        numbers = [number_of(part) for part in facts.get("coordinates", "").split(",")]
        index = number_of(facts.get("index")) if "index" in facts else float(number)
        if len(numbers) < 2 or numbers[0] is None or numbers[1] is None or index is None:  # noqa: PLR2004 - lon, lat
            raise ConfigError(f"waypoint {number} of the plan has no place: expected coordinates longitude,latitude.")
        if abs(numbers[0]) > _FURTHEST_LON_DEG or abs(numbers[1]) > _FURTHEST_LAT_DEG:
            got = f"waypoint {number} of the plan is at {numbers[0]:g},{numbers[1]:g}"
            raise ConfigError(f"{got}: expected longitude,latitude within ±180,±90. Export the plan again.")
        yield int(index), (numbers[0], numbers[1])


def _group(element: ET.Element) -> ActionGroup:
    facts = {_name(one): one.text or "" for one in element if len(one) == 0}
    triggers = [
        one for trigger in _children(element, "actionTrigger") for one in _children(trigger, "actionTriggerType")
    ]
    first, last = (number_of(facts.get(f"actionGroup{side}Index")) for side in ("Start", "End"))
    if first is None or last is None:
        raise ConfigError("an actionGroup of the plan does not say at which waypoints: expected start and end index.")
    trigger = (triggers[0].text or "").strip() if triggers else ""
    return ActionGroup(trigger, int(first), int(last), tuple(_actions(element)))


def _actions(element: ET.Element) -> Iterator[Action]:
    for one in _children(element, "action"):
        facts = {_name(inner): (inner.text or "").strip() for inner in one.iter()}
        yield Action(facts.get("actionActuatorFunc", ""), facts)


def _children(element: ET.Element, name: str) -> list[ET.Element]:
    """Return the elements of a name directly below `element`, in any of the versions of the namespace.

    Not those within those: a file could nest them by the thousand, and each would be flown again.
    """
    return [one for one in element if _name(one) == name]


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
