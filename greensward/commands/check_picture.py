"""What `greensward device check` says of a picture: when, where and how it was taken, and the ground that it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crews.readable import one_line
from greensward.commands.register_output import say
from greensward.console import counted
from ingest.drone.camera_table import completed
from ingest.drone.footprint import compute_footprints
from ingest.observation import DroneImage

_CLOCKS = {"camera_clock": "the camera's clock", "gnss": "GPS time", "upload": "when it was sent"}
_AS_READ = (
    "image_id", "captured_at", "time_source", "media_kind", "is_original", "sensor_kind", "camera_model",
    "image_width_px", "image_height_px", "lon", "lat", "height_takeoff_m", "height_ground_m", "position_fix",
    "yaw_deg", "pitch_deg", "roll_deg", "attitude_source", "is_analysed",
)  # fmt: skip


_SHOWN: tuple[tuple[str, str, int, str], ...] = (
    ("lon", "lon", 7, ""),
    ("lat", "lat", 7, ""),
    ("height_takeoff_m", "above take-off", 2, " m"),
    ("height_ground_m", "above ground", 2, " m"),
    ("yaw_deg", "yaw", 2, "°"),
    ("pitch_deg", "pitch", 2, "°"),
    ("roll_deg", "roll", 2, "°"),
)


def picture_facts(images: Sequence[DroneImage]) -> list[dict[str, object]]:
    """Return what is read of each picture, and its ground as this message alone tells it, named as in drone_images."""
    whole = [completed(image) for image in images]
    footprints = compute_footprints([image for image, _ in whole])
    return [
        {name: getattr(image, name) for name in _AS_READ}
        | {
            "detection_count": len(image.detections or ()),
            "camera_id": camera_id,
            "footprint_status": footprint.status,
            "footprint_reason": footprint.reason,
            "footprint_corners": footprint.corners,
            "footprint_area_m2": footprint.area_m2,
        }
        for image, (_, camera_id), footprint in zip(images, whole, footprints, strict=True)
    ]


def print_picture(facts: Mapping[str, object]) -> None:
    """Print one picture for people."""
    clock = _CLOCKS.get(str(facts["time_source"]), "the sender's word")
    say(f"Picture: {one_line(str(facts['image_id']))}, taken {facts['captured_at']} by {clock}.")
    say("    " + ", ".join(f"{label} {_number(facts[name], digits, unit)}" for name, label, digits, unit in _SHOWN))
    area, reason = facts["footprint_area_m2"], facts["footprint_reason"]
    ground = "no ground by this message" if area is None else f"{_number(area, 0, ' m²')} of ground"
    say(f"    {ground}: {facts['footprint_status']}" + (f" ({reason})" if reason else ""))
    found = counted(int(str(facts["detection_count"])), "finding")
    say(f"    {found}" if facts["is_analysed"] else f"    {found}; counts as not looked at")


def _number(value: object, decimals: int, unit: str) -> str:
    return f"{value:,.{decimals}f}{unit}" if isinstance(value, int | float) else "unknown"
