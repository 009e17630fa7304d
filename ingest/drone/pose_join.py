"""Pitch and roll for pictures whose own message has none, from what the gimbal reported or was to do at that time.

A callback of a dock names the gateway but not the aircraft. A pose belongs to a picture when the aircraft is the same;
where the picture names none, or the pose comes from a push that names none (drone_id is then the gateway's), when the
gateway is the same. Poses of another payload than the picture's are left out. A drone_id that is the gateway's own
names no aircraft: what it says and what the aircraft itself says are of one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from ingest.observation import DroneImage, DronePose

PLANNED = "flight_plan"
"""The source of poses that were asked for and not measured."""

DRC_REACH = timedelta(seconds=0.5)
OSD_REACH = timedelta(seconds=2)
PLAN_REACH = timedelta(seconds=0.5)
"""A planned pose is told for the instant of its picture; half a second is what clocks that write whole seconds lose."""
STILL_REACH = timedelta(seconds=5)
"""Poses farther than this from the nearest one say nothing of whether the gimbal was still."""
STILL_DEG = 1.0

_HALF_TURN = 180.0
_TURN = 360.0


@dataclass(frozen=True, slots=True)
class PosedImage:
    """A picture with the best pose known; attitude_age_s: time between pose and picture, None where not joined."""

    image: DroneImage
    attitude_age_s: float | None = None


def join_poses(images: Sequence[DroneImage], poses: Iterable[DronePose]) -> list[PosedImage]:
    """Return the pictures, in order, each with pitch and roll filled in where a pose is near enough.

    Only pictures that `yields_to_poses` names are looked at. The nearest `drc_osd` pose at most 0.5 s away counts. Else
    the nearest `osd` pose at most 2 s away counts if the gimbal was still: its neighbours in time, the one before and
    the one after it, as far as they lie within 5 s, differ from it by less than 1° in every angle, and there is at
    least one. Candidates of several payloads, or of several aircraft, are no answer. Where no
    measured pose is that near, the nearest `flight_plan` pose at most 0.5 s away counts, which was asked for; of
    several for one instant that of the plan told last, also where it takes the angle back. A pitch that the picture's
    own message has from the plan counts before those, and only where no measured pose is near, answer or none. Nothing
    else fills in a pitch.

    The yaw of the picture's own metadata stays. Each direction of a gimbal has two writings, (yaw, pitch, roll) and
    (yaw + 180°, -180° - pitch, roll + 180°); the one whose yaw is nearer to the picture's gives pitch and roll.
    """
    tracks = _tracks(poses)
    return [_join(image, tracks) if yields_to_poses(image) else PosedImage(image) for image in images]


def rejoined(posed: PosedImage, poses: Iterable[DronePose]) -> PosedImage:
    """Return the picture as `join_poses` would have made it, had it known all `poses` at once.

    posed: its pitch may come from a join before; one of its own stays
    """
    image = posed.image
    if posed.attitude_age_s is not None:
        image = msgspec.structs.replace(image, pitch_deg=None, roll_deg=None, attitude_source=None)
    return join_poses([image], poses)[0]


def yields_to_poses(image: DroneImage) -> bool:
    """Say whether poses may give the picture its pitch: it has a camera's time, and no measured pitch of its own."""
    is_open = image.pitch_deg is None or image.attitude_source == PLANNED
    return is_open and image.media_kind == "image" and image.time_source != "upload"


class _Track(msgspec.Struct, frozen=True):
    """Poses of one aircraft, gateway, payload and source in order of time."""

    drone_id: str
    gateway_id: str | None
    payload_index: str | None
    source: str
    poses: list[DronePose]

    @property
    def aircraft(self) -> str | None:
        return None if self.drone_id == self.gateway_id else self.drone_id

    def nearest(self, image: DroneImage) -> int:
        at = bisect_left(self.poses, image.captured_at, key=lambda pose: pose.posed_at)
        around = [i for i in (at - 1, at) if 0 <= i < len(self.poses)]
        return min(around, key=lambda i: abs(self.poses[i].posed_at - image.captured_at))

    def is_still_at(self, i: int) -> bool:
        pose = self.poses[i]
        beside = [self.poses[k] for k in (i - 1, i + 1) if 0 <= k < len(self.poses)]
        near = [other for other in beside if abs(other.posed_at - pose.posed_at) <= STILL_REACH]
        return bool(near) and all(_gimbals_agree(pose, other) for other in near)


def _tracks(poses: Iterable[DronePose]) -> list[_Track]:
    grouped: defaultdict[tuple[str, str | None, str | None, str], list[DronePose]] = defaultdict(list)
    for pose in poses:
        if pose.gimbal_pitch_deg is not None or pose.source == PLANNED:
            grouped[pose.drone_id, pose.gateway_id, pose.payload_index, pose.source].append(pose)
    return [_Track(*key, _one_an_instant(track)) for key, track in grouped.items()]


def _one_an_instant(poses: Iterable[DronePose]) -> list[DronePose]:
    """Return poses in order of time, one of each instant: the same one twice does not show a still gimbal.

    What came first stays, unless it is a plan that was told anew since, with its errors mended.
    """
    kept: dict[datetime, DronePose] = {}
    for pose in poses:
        if pose.posed_at not in kept or _told_at(pose) > _told_at(kept[pose.posed_at]):
            kept[pose.posed_at] = pose
    return [kept[posed_at] for posed_at in sorted(kept)]


def _told_at(pose: DronePose) -> float:
    return -math.inf if pose.planned_at is None else pose.planned_at.timestamp()


def _join(image: DroneImage, tracks: Sequence[_Track]) -> PosedImage:
    planned = image if image.pitch_deg is not None else None
    if planned is not None:
        image = msgspec.structs.replace(image, pitch_deg=None, roll_deg=None, attitude_source=None)
    own = [track for track in tracks if _is_of(track, image)]
    is_measured = False
    for source, reach in (("drc_osd", DRC_REACH), ("osd", OSD_REACH), (PLANNED, PLAN_REACH)):
        near = [
            (track, i)
            for track in own
            if track.source == source
            for i in (track.nearest(image),)
            if abs(track.poses[i].posed_at - image.captured_at) <= reach
        ]
        if source == PLANNED and (is_measured or planned is not None):
            break
        is_measured = is_measured or bool(near)
        aircraft = {track.aircraft for track, _ in near} - {None}
        if not near or len(aircraft) > 1 or len({track.payload_index for track, _ in near}) > 1:
            continue
        track, i = min(near, key=lambda found: _order(image, found[0].poses[found[1]]))
        if source == PLANNED and track.poses[i].gimbal_pitch_deg is None:
            continue
        if source != "osd" or track.is_still_at(i):
            return _posed(image, track.poses[i])
    return PosedImage(image if is_measured or planned is None else planned)


def _order(image: DroneImage, pose: DronePose) -> tuple[timedelta, float]:
    """Return by what poses are ordered: the nearest first, of equally near ones the plan told last."""
    return abs(pose.posed_at - image.captured_at), -_told_at(pose)


def _is_of(track: _Track, image: DroneImage) -> bool:
    if image.drone_id is not None and track.drone_id not in (
        image.drone_id,
        track.gateway_id,
    ):
        return False
    if image.drone_id != track.drone_id and (image.gateway_id is None or image.gateway_id != track.gateway_id):
        return False
    if image.payload_index is None or track.payload_index is None:
        return True
    return track.payload_index == image.payload_index or track.payload_index.startswith(f"{image.payload_index}-")


def _posed(image: DroneImage, pose: DronePose) -> PosedImage:
    yaw, pitch, roll = (
        pose.gimbal_yaw_deg,
        pose.gimbal_pitch_deg or 0.0,
        pose.gimbal_roll_deg,
    )
    if image.yaw_deg is not None and yaw is not None and abs(_difference(yaw, image.yaw_deg)) > _HALF_TURN / 2:
        pitch = _difference(-_HALF_TURN, pitch)
        roll = _difference(roll or 0.0, -_HALF_TURN)
    return PosedImage(
        msgspec.structs.replace(
            image,
            yaw_deg=image.yaw_deg if image.yaw_deg is not None else yaw,
            pitch_deg=pitch,
            roll_deg=roll,
            attitude_source=pose.source,
        ),
        abs((image.captured_at - pose.posed_at).total_seconds()),
    )


def _gimbals_agree(one: DronePose, other: DronePose) -> bool:
    pairs = (
        (one.gimbal_yaw_deg, other.gimbal_yaw_deg),
        (one.gimbal_pitch_deg, other.gimbal_pitch_deg),
        (one.gimbal_roll_deg, other.gimbal_roll_deg),
    )
    return all(a is None or b is None or abs(_difference(a, b)) < STILL_DEG for a, b in pairs)


def _difference(a_deg: float, b_deg: float) -> float:
    """Return a - b as an angle of at least -180° and less than 180°."""
    return (a_deg - b_deg + _HALF_TURN) % _TURN - _HALF_TURN
