"""How a flight plan has the gimbal look when pictures are taken: greensward/v1/{district}/{drone_id}/plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ingest.decode.context import DecodeContext
from ingest.decode.dji_fields import name_of, real_of
from ingest.decode.guard import describe, parse_json
from ingest.decode.image_quarantine import impossible_instant
from ingest.decode.instants import check_measured_at, parse_instant
from ingest.decode.topics import device_of, identity_mismatch, names_another
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, DronePose, Message, PartFault

LIMIT_BYTES = 256 * 1024

MOST_POSES = 2000
SOURCE = "flight_plan"
_LONGEST_ID = 64
TURN_DEG, LOWEST_PITCH_DEG, HIGHEST_PITCH_DEG = 180.0, -180.0, 90.0


def decode_native_plan(message: Message, context: DecodeContext) -> Decoded:
    """Return the planned poses of {"planned_at": …, "poses": [{"posed_at": …, "pitch_deg": …, "roll_deg": …}, …]}.

    The sender knows the plan and when its pictures were taken. Where it names no drone, only the dock, the topic has
    the dock's id and gateway_id says the same. A pitch of null takes back what was told of that instant before.
    planned_at is when the plan was told: that of the newest counts. A pose that cannot be read is refused alone.
    Raises: PayloadError when there is none, when gateway_id is another than the topic's, or when planned_at is more
    than 10 min after the message's arrival: such a plan would stand against all that are told until then.
    """
    drone_id = device_of(message.topic, context.site)
    try:
        document = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
        kept, refused = _poses(document, drone_id, message.latest_at)
    except PayloadError as error:
        error.device_id = drone_id
        raise
    return Decoded(poses=tuple(kept), parts_refused=tuple(refused), device_id=drone_id)


def _poses(document: object, drone_id: str, latest_at: datetime) -> tuple[list[DronePose], list[PartFault]]:
    gateway_id, planned_at, poses = _told(document, drone_id, latest_at)
    kept, refused = [], []
    for number, pose in enumerate(poses):
        try:
            kept.append(_pose(pose, f"/poses/{number}", drone_id, gateway_id, planned_at))
        except PayloadError as error:
            refused.append(PartFault(f"/poses/{number}", error.faults))
    if not kept:
        raise PayloadError(*(fault for part in refused for fault in part.faults))
    return kept, refused


def _told(document: object, device_id: str, latest_at: datetime) -> tuple[str | None, datetime | None, list[object]]:
    if not isinstance(document, dict):
        raise PayloadError(Fault("", "wrong_type", describe(document), "an object", "Send the whole message."))
    poses = document.get("poses")
    if not isinstance(poses, list):
        code = "wrong_type" if "poses" in document else "missing"
        raise PayloadError(Fault("/poses", code, describe(poses), "a list of poses", "Send poses."))
    if not 0 < len(poses) <= MOST_POSES:
        advice = "Send them in several messages."
        raise PayloadError(Fault("/poses", "wrong_length", f"{len(poses)} poses", f"1 to {MOST_POSES}", advice))
    gateway_id = name_of(document.get("gateway_id"), "/gateway_id", longest=_LONGEST_ID)
    if names_another(gateway_id, device_id):
        raise PayloadError(identity_mismatch("/gateway_id", gateway_id, device_id))
    planned_at = None if document.get("planned_at") is None else _instant(document, "planned_at", "/planned_at")
    ahead = None if planned_at is None else check_measured_at(planned_at, latest_at, "/planned_at")
    if ahead is not None:
        raise PayloadError(ahead)
    return gateway_id, planned_at, poses


def _pose(pose: object, pointer: str, drone_id: str, gateway_id: str | None, planned_at: datetime | None) -> DronePose:
    if not isinstance(pose, dict):
        raise PayloadError(Fault(pointer, "wrong_type", describe(pose), "an object", "Send posed_at and pitch_deg."))
    pitch = real_of(pose.get("pitch_deg"), f"{pointer}/pitch_deg", LOWEST_PITCH_DEG, HIGHEST_PITCH_DEG)
    roll = real_of(pose.get("roll_deg"), f"{pointer}/roll_deg", -TURN_DEG, TURN_DEG)
    if "pitch_deg" not in pose:
        advice = "Send the planned pitch, or null to take back an earlier one."
        raise PayloadError(Fault(f"{pointer}/pitch_deg", "missing", "nothing", "degrees or null", advice))
    return DronePose(
        drone_id=drone_id,
        posed_at=_instant(pose, "posed_at", f"{pointer}/posed_at"),
        source=SOURCE,
        gateway_id=gateway_id,
        gimbal_pitch_deg=pitch,
        gimbal_roll_deg=roll,
        planned_at=planned_at,
    )


def _instant(document: Mapping[str, object], name: str, pointer: str) -> datetime:
    said = document.get(name)
    if not isinstance(said, str):
        code = "missing" if said is None else "wrong_type"
        raise PayloadError(Fault(pointer, code, describe(said), "an instant with its zone", f"Send {name}."))
    instant = parse_instant(said, pointer)
    fault = impossible_instant(instant, pointer)
    if fault is not None:
        raise PayloadError(fault)
    return instant
