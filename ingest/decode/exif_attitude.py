"""How a camera looked, by the tags that makers give its angles: never by the aircraft's own.

Three angles of exactly 0 are no attitude, whoever writes them: a Mini 2 does that looks straight down (DJI's
Mobile-SDK-Android, issue 1233), a P1 under a Matrice 400 (Mobile-SDK-Android-V5, issue 772), and cameras without a
sensor for it.
"""

from __future__ import annotations

from ingest.decode.camera_attitude import from_nadir_mount
from ingest.decode.exif_tags import Tags

Angles = tuple[float | None, float | None, float | None]

_UNKNOWN: Angles = (None, None, None)
_OF_THE_AXIS = (
    ("GimbalYawDegree", "GimbalPitchDegree", "GimbalRollDegree"),
    ("CameraYawDegree", "CameraPitchDegree", "CameraRollDegree"),
    ("CameraYaw", "CameraPitch", "CameraRoll"),
    ("CameraOrientationNEDYaw", "CameraOrientationNEDPitch", "CameraOrientationNEDRoll"),
)
"""DJI and Autel, Parrot, Teledyne FLIR and DJI's maker notes, Skydio."""
_FROM_THE_HORIZON = frozenset({"xl715"})
"""Models whose Pix4D pitch is 0 at the horizon and -90 straight down after all (OpenAthenaIOS issue 62)."""
_DISPUTED = frozenset({"sensefly"})
"""Makes of whose Pix4D angles nobody knows the sense of the roll: OpenDroneMap (photo.py) turns it, orthority (exif.py)
does not, and doubts that they are the camera's. At 100 m five degrees of it are 17 m."""
_FARTHEST_BACK_DEG = -30.0
"""Pix4D pitch of a wing that dives, or of a camera that looks back under its aircraft; what is below is rather one
counted from the horizon, by a maker that nobody told us of."""


def camera_angles(tags: Tags) -> Angles:
    """Return yaw, pitch and roll of the optical axis in degrees; all None where the camera does not know its pitch."""
    for names in _OF_THE_AXIS:
        yaw, pitch, roll = (tags.number(name) for name in names)
        if pitch is not None:
            return (yaw, pitch, roll) if any((yaw, pitch, roll)) else _UNKNOWN
    tenths = tags.numbers("GimbalDegree")
    if len(tenths) == 3:  # noqa: PLR2004 - DJI's maker notes: yaw, pitch, roll in tenths of a degree
        return (tenths[0] / 10, tenths[1] / 10, tenths[2] / 10) if any(tenths) else _UNKNOWN
    return _pix4d(tags)


def _pix4d(tags: Tags) -> Angles:
    """Return what Pix4D's Camera:Yaw, Pitch and Roll say: 0 where a camera looks straight down, its top northwards."""
    make = (tags.text("Make") or "").lower()
    groups = ("XMP-Camera", "Camera", *(("XMP", "") if make == "parrot" else ()))
    yaw, pitch, roll = (
        next((number for group in groups if (number := _number_of(tags, group, name)) is not None), None)
        for name in ("Yaw", "Pitch", "Roll")
    )
    if yaw is None or pitch is None or roll is None or not any((yaw, pitch, roll)) or make in _DISPUTED:
        return _UNKNOWN
    if (tags.text("Model") or "").lower() in _FROM_THE_HORIZON:
        return yaw, pitch, roll
    return _UNKNOWN if pitch < _FARTHEST_BACK_DEG else from_nadir_mount(yaw, pitch, roll)


def _number_of(tags: Tags, group: str, name: str) -> float | None:
    value = tags.of(group, name)
    return Tags({name: value}).number(name)
