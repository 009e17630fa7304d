"""Cameras as data: what schemas/cameras/*.toml says of a picture whose message leaves its size or lens out."""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import msgspec

from ingest.drone.camera import (
    FILM_DIAGONAL_MM,
    NOT_VERIFIED,
    ZOOM_NOT_TOLD,
    focal_length_px,
    is_by_film_equivalent,
    is_no_pinhole,
    number,
)
from ingest.observation import TURNED, DroneImage
from ingest.picture_names import lens_of

_SETS = ("payloads", "aircraft", "lenses", "models")
_SAME_SHAPE = 0.01
"""Pictures whose sides are in the same proportion within this are the same view, smaller or larger."""


@dataclass(frozen=True, slots=True)
class Camera:
    """One lens of one camera, as its maker's data sheet has it; schemas/cameras/README.md says what each key means."""

    camera_id: str
    name: str
    source: str
    payloads: frozenset[str] = field(default_factory=frozenset)
    aircraft: frozenset[str] = field(default_factory=frozenset)
    lenses: frozenset[str] = field(default_factory=frozenset)
    models: frozenset[str] = field(default_factory=frozenset)
    width_px: int | None = None
    height_px: int | None = None
    focal_35mm_mm: float | None = None
    focal_mm: float | None = None
    sensor_width_mm: float | None = None
    zooms: bool = False
    fisheye: bool = False
    verified: bool = False

    @property
    def is_pinhole(self) -> bool:
        """Say whether the lens has one focal length and draws as a pinhole does."""
        return not (self.zooms or self.fisheye)

    def focal_px(self, width_px: int, height_px: int, focal_mm: float | None) -> float | None:
        """Return the focal length of a picture of this camera in its pixels, or None when that cannot be told.

        A picture of the whole one's shape is scaled; one that shares a side with it is cut. Any other may be either.
        focal_mm: what the message says, for cameras whose lenses change
        """
        if self.width_px is None or self.height_px is None:
            return None
        if self.is_whole(width_px, height_px):
            scale = width_px / self.width_px
        elif self.is_cut(width_px, height_px):
            scale = 1.0
        else:
            return None
        millimetres = self.focal_mm or focal_mm
        if self.focal_35mm_mm is not None:
            whole = self.focal_35mm_mm / FILM_DIAGONAL_MM * math.hypot(self.width_px, self.height_px)
        elif millimetres and self.sensor_width_mm:
            whole = millimetres / self.sensor_width_mm * self.width_px
        else:
            return None
        return whole * scale

    def is_cut(self, width_px: int, height_px: int) -> bool:
        """Say whether a picture is the whole one less stripes at two of its sides, as video formats are."""
        if self.is_whole(width_px, height_px):
            return False
        return (width_px == self.width_px and height_px < (self.height_px or 0)) or (
            height_px == self.height_px and width_px < (self.width_px or 0)
        )

    def is_whole(self, width_px: int, height_px: int) -> bool:
        """Say whether a picture has the whole one's shape."""
        if self.width_px is None or self.height_px is None:
            return False
        return abs(width_px / self.width_px / (height_px / self.height_px) - 1.0) <= _SAME_SHAPE


def completed(image: DroneImage) -> tuple[DroneImage, str | None]:
    """Return the picture with the size and lens that its message left out, and the camera they were taken from.

    What the message says stays; a picture that needs nothing, or whose camera is not known for sure, comes back as it
    is, with None. Two need the camera all the same: a 35 mm equivalent of a cut picture is that of the whole one, and
    of a camera that draws as a fisheye no length but one calibrated in pixels tells what it shows.
    """
    said = image.intrinsics or {}
    width, height = image.image_width_px, image.image_height_px
    if width and height and height > width and image.quarantine is None and _is_turned(image, width, height):
        return msgspec.structs.replace(image, quarantine=TURNED), None
    if width and height and focal_length_px(said, width, height) is not None:
        return _uncut(image, said, width, height)
    camera = find_camera(image)
    if camera is None or not camera.is_pinhole or is_no_pinhole(said):
        return image, None
    if not (width and height):
        width, height = camera.width_px, camera.height_px
    if not (width and height):
        return image, None
    intrinsics: Mapping[str, object] = said
    if focal_length_px(said, width, height) is None:
        focal = camera.focal_px(width, height, number(said, "focal_mm"))
        if focal is None:
            return image, None
        doubt = ZOOM_NOT_TOLD if _lens_named(image) == "V" else None if camera.verified else NOT_VERIFIED
        intrinsics = {**said, "focal_px": focal} | ({"doubt": doubt} if doubt else {})
    full = msgspec.structs.replace(image, image_width_px=width, image_height_px=height, intrinsics=intrinsics)
    return full, camera.camera_id


def _is_turned(image: DroneImage, width: int, height: int) -> bool:
    """Say whether a picture stands upright whose camera takes lying ones: software turned it and its pixels."""
    lying = msgspec.structs.replace(image, image_width_px=height, image_height_px=width)
    camera = find_camera(lying)
    return camera is not None and camera.is_whole(height, width)


def _lens_named(image: DroneImage) -> str | None:
    return lens_of(image.object_uri or "") or lens_of(image.image_id)


def _uncut(image: DroneImage, said: Mapping[str, object], width: int, height: int) -> tuple[DroneImage, str | None]:
    if number(said, "focal_px") is not None:
        return image, None
    camera = find_camera(image)
    if camera is not None and camera.fisheye:
        return msgspec.structs.replace(image, intrinsics={**said, "model": "fisheye"}), None
    equivalent = number(said, "focal_35mm_mm") if is_by_film_equivalent(said) else None
    if equivalent is None or camera is None or not camera.is_cut(width, height):
        return image, None
    whole = equivalent / FILM_DIAGONAL_MM * math.hypot(camera.width_px or 0, camera.height_px or 0)
    return msgspec.structs.replace(image, intrinsics={**said, "focal_px": whole}), camera.camera_id


def find_camera(image: DroneImage) -> Camera | None:
    """Return the camera that took a picture, or None when its message does not tell it for sure.

    DJI's payload (or an aircraft that has only one) and the ending of the file's name tell it; else the model's name
    where only one camera of that name makes such pictures.
    """
    lens = _lens_named(image)
    payload = "-".join((image.payload_index or "").split("-")[:2])
    key = image.camera_model or ""
    aircraft = key.removeprefix("0-") if key.startswith("0-") else ""
    if lens is not None:
        found = [
            camera
            for camera in all_cameras().values()
            if lens in camera.lenses and (payload in camera.payloads or (not payload and aircraft in camera.aircraft))
        ]
        if found:
            return found[0] if len(found) == 1 else None
    named = [camera for camera in all_cameras().values() if key.strip().lower() in camera.models]
    if any(camera.lenses for camera in named):
        named = [camera for camera in named if lens in camera.lenses]
    if len(named) > 1:
        named = [one for one in named if (one.width_px, one.height_px) == (image.image_width_px, image.image_height_px)]
    return named[0] if len(named) == 1 else None


@functools.cache
def all_cameras() -> dict[str, Camera]:
    """Return every camera by its id."""
    folder = resources.files("schemas") / "cameras"
    found: dict[str, Camera] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".toml"):
            continue
        for camera_id, facts in tomllib.loads(entry.read_text(encoding="utf-8")).items():
            several: dict[str, Any] = {name: frozenset(facts.pop(name, ())) for name in _SETS}
            found[camera_id] = Camera(camera_id, **several, **facts)
    return found
