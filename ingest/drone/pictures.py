"""One picture, several messages: a dock's callback, the drone's own message in one or more parts, each perhaps twice.

All that came of a picture is one row of drone_images with its findings, statistics and coverage. They are decided
together: a pose that comes later places the findings that came before, and never covers a plot while they lie nowhere.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ingest.drone.pose_join import PosedImage
from ingest.observation import Detection, DroneImage, IndexStat, Message
from ingest.picture_names import FROM_EXIF, same_file, says_when
from ingest.picture_parts import part_of

SAME_WITHIN = timedelta(days=1)
"""Messages of one picture may give its time by different clocks, or in the wrong zone."""

_RANKS = {"ok": 3, "clipped": 3, "rejected_horizon": 2, "too_low": 2, "unknown_camera": 1, "unknown_pose": 1}
_SHOWS_GROUND = 3
_FILLED_IN = (
    "drone_id",
    "gateway_id",
    "flight_id",
    "object_uri",
    "sha256",
    "sensor_kind",
    "camera_model",
    "payload_index",
)
"""What another message of the picture may add to the one that says best how it was taken. Never a part of the pose."""

_LENS = ("image_width_px", "image_height_px", "intrinsics")
"""Added too, but only together: a focal length in pixels is one of pictures of that size."""

_SHOT_WITHIN, _SHOT_NEAR_M = timedelta(minutes=1), 100.0
"""How far EXIF and a message may differ over when and where a picture was taken: the camera's clock drifts."""
_M_PER_DEG = 111_320.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which message a row came from."""

    message_seq: int
    received_at: datetime

    @classmethod
    def of(cls, message: Message) -> Stamp:
        """Return the stamp of the rows that `message` brings."""
        return cls(message.message_seq, message.received_at)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a picture.

    stamp: of the newest message that changed it
    footprint_status: what its pose and lens are good for, in the words of drone_images
    finding_stamps, stat_stamps: of posed.image.detections and posed.image.index_stats, in their order
    """

    posed: PosedImage
    stamp: Stamp
    footprint_status: str
    finding_stamps: tuple[Stamp, ...]
    stat_stamps: tuple[Stamp, ...]

    @property
    def rank(self) -> int:
        """How much is known of where the picture looks."""
        return _RANKS.get(self.footprint_status, 0)

    @property
    def is_planned(self) -> bool:
        """Whether its pose is that of the flight plan, which no sensor measured."""
        return self.posed.image.attitude_source == "flight_plan"


@dataclass(slots=True)
class Group:
    """Messages of one batch that speak of the same picture.

    known: its row of drone_images in the lake, None when there is none
    identities: what tells it from other pictures, in each way in which it was told once, however often it was told
    """

    known: Mapping[str, Any] | None = None
    incoming: list[tuple[DroneImage, Message]] = field(default_factory=list)
    identities: dict[tuple[object, ...], DroneImage] = field(default_factory=dict)

    @classmethod
    def stored(cls, row: Mapping[str, Any]) -> Group:
        """Return the picture that the lake has in `row`, which no message of the batch speaks of."""
        group = cls(known=row)
        group.know(image_of(row))
        return group

    def know(self, image: DroneImage) -> None:
        """Remember by what one message of it is recognised: all that `is_same` looks at."""
        told = (image.drone_id, image.gateway_id, image.image_id, image.object_uri)
        self.identities.setdefault((*told, image.captured_at, image.lon, image.lat), image)

    @property
    def is_again(self) -> bool:
        """Say whether the known row may come from these very messages: an interrupted seal, or a replay."""
        return self.known is not None and any(m.message_seq <= self.known["message_seq"] for _, m in self.incoming)


def picture_id(image: DroneImage) -> str:
    """Return the id of a picture in the whole lake: who took it, else which dock reported it, and its image_id."""
    return f"{image.drone_id or image.gateway_id or ''}/{image.image_id}"


def file_names(image: DroneImage) -> set[str]:
    """Return the file names of the picture's names; messages of the same picture have one in common."""
    return {same_file(name) for name in (image.image_id, image.object_uri) if name}


def is_same(one: DroneImage, other: DroneImage) -> bool:
    """Say whether two messages speak of the same picture.

    Two drones, or two docks, have two pictures, whatever they call them. A callback names the dock and no drone: it is
    the picture of a drone whose message has the callback's object key as its object_uri (or at its end), or as its
    image_id; by the plain name only when both name the dock. EXIF knows a plain name, when and where: see `_is_shot`.
    """
    if abs(one.captured_at - other.captured_at) > SAME_WITHIN:
        return False
    if _is_from_exif(one) or _is_from_exif(other):
        return _is_shot(one, other)
    if one.drone_id is not None and other.drone_id is not None:
        return one.drone_id == other.drone_id and one.image_id == other.image_id
    return _is_same_at_dock(one, other)


def _is_same_at_dock(one: DroneImage, other: DroneImage) -> bool:
    is_one_gateway = one.gateway_id is not None and one.gateway_id == other.gateway_id
    if one.gateway_id is not None and other.gateway_id is not None and not is_one_gateway:
        return False
    if one.drone_id is None and other.drone_id is None:
        return is_one_gateway and one.image_id == other.image_id
    by_dock, by_drone = (one, other) if one.drone_id is None else (other, one)
    if by_dock.image_id == by_drone.image_id and (is_one_gateway or by_dock.object_uri is not None):
        return True
    key, uri = by_dock.object_uri, by_drone.object_uri
    return key is not None and uri is not None and (uri == key or ("/" in key and uri.endswith(f"/{key}")))


def _is_from_exif(image: DroneImage) -> bool:
    return image.image_id.startswith(FROM_EXIF)


def _is_shot(one: DroneImage, other: DroneImage) -> bool:
    """Say whether EXIF and another message speak of one shot.

    Two imports do when they have the same capture time and file name. Else the file names must be the same, and hold
    the second in which the picture was taken; or it was taken at the same time, at the same place.
    """
    if one.drone_id is not None and other.drone_id is not None and one.drone_id != other.drone_id:
        return False
    if _is_from_exif(one) and _is_from_exif(other):
        return one.image_id == other.image_id
    shared = file_names(one) & file_names(other)
    distance_m = _distance_m(one, other)
    if not shared or (distance_m is not None and distance_m > _SHOT_NEAR_M):
        return False
    at_once = abs(one.captured_at - other.captured_at) <= _SHOT_WITHIN
    return any(map(says_when, shared)) or (at_once and (distance_m is not None or one.drone_id == other.drone_id))


def _distance_m(one: DroneImage, other: DroneImage) -> float | None:
    """Return how far apart two pictures were taken, to a percent within a district; None where one has no place."""
    if one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return None
    east = (one.lon - other.lon) * math.cos(math.radians(one.lat))
    return math.hypot(east, one.lat - other.lat) * _M_PER_DEG


def group_pictures(images: Iterable[tuple[DroneImage, Message]], known: Iterable[Mapping[str, Any]]) -> list[Group]:
    """Return the messages picture by picture, each picture with its row in the lake.

    known: rows of drone_images, at least those that share a file name with one of `images`
    """
    groups: list[Group] = []
    by_name: defaultdict[str, list[Group]] = defaultdict(list)

    def name(group: Group, image: DroneImage) -> None:
        group.know(image)
        for file_name in file_names(image):
            if group not in by_name[file_name]:
                by_name[file_name].append(group)

    for row in known:
        name(Group(known=row), image_of(row))
    for image, message in images:
        near = [group for file_name in file_names(image) for group in by_name[file_name]]
        group = next((one for one in near if _belongs(image, one, exactly=True)), None)
        group = group or next((one for one in near if _belongs(image, one, exactly=False)), None) or Group()
        if not group.incoming:
            groups.append(group)
        group.incoming.append((image, message))
        name(group, image)
    return groups


def _belongs(image: DroneImage, group: Group, *, exactly: bool) -> bool:
    drones = {one.drone_id for one in group.identities.values() if one.drone_id is not None}
    if image.drone_id is not None and drones and image.drone_id not in drones:
        return False
    same = [one for one in group.identities.values() if is_same(image, one)]
    return any(picture_id(one) == picture_id(image) for one in same) if exactly else bool(same)


def merge(known: Picture, new: Picture, *, is_short: bool = False) -> Picture:
    """Return what both together say; `known` itself when `new` adds nothing.

    The pose and lens of the message that shows more ground count, at equal worth those that were there; a pose that
    was measured counts before one that was only planned, whatever they show. Findings of a part that is known stay,
    unless some of them were refused and the part now comes whole. The names are those of the message that names the
    drone.
    is_short: findings of `known` are missing, because a file of theirs was lost: what `new` has of them is added
    """
    is_better = new.rank > known.rank or (
        new.rank == known.rank < _SHOWS_GROUND and _names_drone(new) and not _names_drone(known)
    )
    if new.is_planned != known.is_planned and None not in (new.posed.image.pitch_deg, known.posed.image.pitch_deg):
        is_better = known.is_planned
    best, other = (new, known) if is_better else (known, new)
    first, second = known.posed.image, new.posed.image
    repaired = {name for name, refused in first.said_parts.items() if refused and second.said_parts.get(name) == 0}
    added = {name for name in second.said_parts if name not in first.said_parts} | repaired
    here = {one.detection_id for one in first.detections or ()} if is_short else set()
    findings = [
        *((one, stamp) for one, stamp in _findings(known) if part_of(one.detection_id) not in repaired),
        *((one, stamp) for one, stamp in _findings(new) if part_of(one.detection_id) in added),
        *((one, stamp) for one, stamp in _findings(new) if _is_lost(one, here, added, is_short=is_short)),
    ]
    stat_keys = {stat_key(one) for one in first.index_stats}
    stats = [
        *zip(first.index_stats, known.stat_stamps, strict=True),
        *(
            (one, stamp)
            for one, stamp in zip(second.index_stats, new.stat_stamps, strict=True)
            if stat_key(one) not in stat_keys
        ),
    ]
    parts = {**first.said_parts, **{name: second.said_parts[name] for name in added}}
    best_image, other_image = best.posed.image, other.posed.image
    filled = {
        name: getattr(other_image, name)
        for name in _FILLED_IN
        if getattr(best_image, name) is None and getattr(other_image, name) is not None
    }
    if best_image.intrinsics is None and not best_image.image_width_px:
        filled |= {name: getattr(other_image, name) for name in _LENS if getattr(other_image, name) is not None}
    is_named_better = best_image.drone_id is None and other_image.drone_id is not None
    if (is_named_better and not _is_from_exif(other_image)) or _is_from_exif(best_image):
        filled["image_id"] = other_image.image_id
    model = (
        {}
        if best_image.model_name
        else {"model_name": other_image.model_name, "model_version": other_image.model_version}
    )
    image = msgspec.structs.replace(
        best_image,
        detections=tuple(one for one, _ in findings) if parts else None,
        parts=parts or None,
        part_count=first.part_count if first.part_count is not None else second.part_count,
        index_stats=tuple(one for one, _ in stats),
        **filled,
        **model,
    )
    is_news = (
        is_better
        or added
        or len(findings) > len(first.detections or ())
        or len(stats) > len(first.index_stats)
        or _facts(image) != _facts(first)
    )
    if not is_news:
        return known
    return Picture(
        posed=PosedImage(image, best.posed.attitude_age_s),
        stamp=new.stamp if new.stamp.message_seq > known.stamp.message_seq else known.stamp,
        footprint_status=best.footprint_status,
        finding_stamps=tuple(stamp for _, stamp in findings),
        stat_stamps=tuple(stamp for _, stamp in stats),
    )


def stat_key(stat: IndexStat) -> tuple[str, str, str | None]:
    """Return what tells a statistic from the others of its picture."""
    return stat.index_name, stat.scope, stat.plot_id


def _is_lost(finding: Detection, here: set[str], added: set[str], *, is_short: bool) -> bool:
    return is_short and finding.detection_id not in here and part_of(finding.detection_id) not in added


def _facts(image: DroneImage) -> tuple[object, ...]:
    return (image.image_id, image.part_count, *(getattr(image, name) for name in _FILLED_IN + _LENS))


def _names_drone(picture: Picture) -> bool:
    return picture.posed.image.drone_id is not None


def _findings(picture: Picture) -> Iterator[tuple[Detection, Stamp]]:
    return zip(picture.posed.image.detections or (), picture.finding_stamps, strict=True)


def image_of(
    row: Mapping[str, Any], findings: Sequence[Mapping[str, Any]] = (), stats: Sequence[Mapping[str, Any]] = ()
) -> DroneImage:
    """Return the picture that rows of drone_images, image_detections and index_stats speak of."""
    is_quarantined = row["footprint_status"] == "quarantined"
    parts = json.loads(row["parts_json"]) if row["parts_json"] else None
    return DroneImage(
        **{name: row[name] for name in _AS_STORED},
        intrinsics=json.loads(row["intrinsics_json"]) if row["intrinsics_json"] else None,
        vendor=json.loads(row["vendor_json"]) if row["vendor_json"] else None,
        quarantine=row["footprint_reason"] if is_quarantined else None,
        parts=parts,
        detections=None if parts is None else tuple(_detection(one) for one in findings),
        index_stats=tuple(IndexStat(**{name: one[name] for name in IndexStat.__struct_fields__}) for one in stats),
    )


def picture_of(
    row: Mapping[str, Any], findings: Sequence[Mapping[str, Any]], stats: Sequence[Mapping[str, Any]]
) -> Picture:
    """Return what the lake knows of a picture."""
    return Picture(
        posed=PosedImage(image_of(row, findings, stats), row["attitude_age_s"]),
        stamp=_stamp(row),
        footprint_status=row["footprint_status"],
        finding_stamps=tuple(map(_stamp, findings)) if row["parts_json"] else (),
        stat_stamps=tuple(map(_stamp, stats)),
    )


_AS_STORED = tuple(
    sorted(
        set(DroneImage.__struct_fields__) - {"intrinsics", "vendor", "quarantine", "parts", "detections", "index_stats"}
    )
)


def _stamp(row: Mapping[str, Any]) -> Stamp:
    return Stamp(row["message_seq"], row["received_at"])


def _detection(row: Mapping[str, Any]) -> Detection:
    shape = json.loads(row["shape_json"])
    return Detection(
        detection_id=row["detection_id"],
        class_name=row["class"],
        confidence=row["confidence"],
        severity=row["severity"],
        bbox_px=tuple(shape["bbox_px"]) if "bbox_px" in shape else None,
        polygon_px=tuple((x, y) for x, y in shape["polygon_px"]) if "polygon_px" in shape else None,
        whole_image="whole_image" in shape,
    )
