"""A picture's size and lens by EXIF and the makers' XMP, in the words of the native contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ingest.decode.exif_tags import Tags, as_number

_WHOLE_FILE = ("File", "")
_HFOV = "CameraHorizontalFOV"
"""Teledyne FLIR's, beside angles of the camera (Hadron 640R, Boson)."""
_FOCAL_PLANE = ("ExifIFD", "EXIF", "")
_PX_PER_MM = {2: 1 / 25.4, 3: 1 / 10.0, 4: 1.0, 5: 1000.0}
"""FocalPlaneResolutionUnit: inch, cm, mm, µm (EXIF 2.32); exiftool's words for them below."""
_UNIT_WORDS = {"inches": 2, "cm": 3, "mm": 4, "um": 5}
_FINEST_PX_MM, _COARSEST_PX_MM = 2000.0, 20.0
"""Pixels of 0.5 to 50 µm; FLIR writes the size of the sensor where the resolution should be."""
_OFF_CENTRE = 0.05
"""Of the width: farther than calibrated centres lie from the middle; such a centre is that of a larger picture."""
_DEWARP = ("focal_px", "focal_y_px", "cx_px", "cy_px", "k1", "k2", "p1", "p2", "k3")
_DISTORTION = ("k1", "k2", "k3", "p1", "p2")
DIGITAL_ZOOM = "digital_zoom"
"""What intrinsics.model says of a picture of which only the middle was kept: no figure of its lens tells how much."""
PANORAMA = "panorama"
"""What it says of one that was put together of several, as GPano's ProjectionType tells."""
FISHEYE = "fisheye"
_FLAT = frozenset({"rectilinear", "perspective"})
_SHORTEST_EQUIVALENT_MM = 9.0
"""A pinhole would see 135° across the diagonal with it; lenses that see as much draw otherwise (Parrot Disco, 6 mm)."""
_PIXELS_FROM_MM = 100.0
"""A perspective focal length without a unit is in pixels from here on: no drone's lens is as long in millimetres."""


@dataclass(frozen=True, slots=True)
class Lens:
    """Size and lens.

    width_px, height_px: of the file
    is_copy: the file is smaller or cut, and not what the camera wrote
    intrinsics: as in the native contract, None where nothing says anything
    """

    width_px: int | None
    height_px: int | None
    is_copy: bool
    intrinsics: dict[str, object] | None


def lens_of_tags(tags: Tags) -> Lens:
    """Return size and lens. Of a copy the lengths in pixels are left out: they are those of the whole picture."""
    width, height = _size(tags)
    whole_width = tags.number("ExifImageWidth", "PixelXDimension") or _of_second(tags, "ImageWidth") or width
    centre = tags.number("CalibratedOpticalCenterX")
    if centre and width and abs(centre - width / 2) > _OFF_CENTRE * width and not tags.number("ExifImageWidth"):
        whole_width = 2 * centre
    is_copy = bool(width and whole_width and abs(whole_width - width) > 1) or _is_cut(tags)
    equivalent, hfov_deg = tags.number("FocalLengthIn35mmFormat", "FocalLengthIn35mmFilm"), tags.number(_HFOV)
    model = _other_than_pinhole(tags, equivalent)
    intrinsics: dict[str, Any] = {}
    if model:
        intrinsics["model"] = model
    else:
        if not is_copy and width and height:
            intrinsics |= _calibrated(tags, width, height)
        intrinsics |= _millimetres(tags, whole_width)
        if equivalent:
            intrinsics["focal_35mm_mm"] = equivalent
        if hfov_deg:
            intrinsics["hfov_deg"] = hfov_deg
    return Lens(_pixels(width), _pixels(height), is_copy, intrinsics or None)


def _size(tags: Tags) -> tuple[float | None, float | None]:
    """Return width and height of the file: of a TIFF those of its largest directory, as the first may be a preview."""
    for group in _WHOLE_FILE:
        width, height = as_number(tags.of(group, "ImageWidth")), as_number(tags.of(group, "ImageHeight"))
        if width and height:
            return width, height
    sizes = [
        (width, height)
        for group, value in tags.values("ImageWidth")
        if (width := as_number(value)) and (height := as_number(tags.of(group, "ImageHeight")))
        if not group.startswith("XMP")
    ]
    if sizes:
        return max(sizes, key=lambda size: size[0] * size[1])
    width, height = tags.number("ImageWidth"), tags.number("ImageHeight")
    return width or tags.number("ExifImageWidth"), height or tags.number("ExifImageHeight")


def _is_cut(tags: Tags) -> bool:
    """Say whether Camera Raw or Lightroom cut the picture, and wrote its new size over the camera's."""
    return all((tags.text(name) or "").lower() in ("true", "1") for name in ("HasCrop", "AlreadyApplied"))


def _other_than_pinhole(tags: Tags, equivalent_mm: float | None) -> str | None:
    """Return why no figure of the lens tells what is seen, in the words of intrinsics.model; None where one may."""
    projection = (tags.text("ProjectionType") or "").lower()
    is_wide = equivalent_mm is not None and 0 < equivalent_mm < _SHORTEST_EQUIVALENT_MM
    if tags.text("ModelType") == FISHEYE or is_wide:
        return FISHEYE
    if projection and projection not in _FLAT:
        return PANORAMA
    # EXIF 2.32 does not say whether the 35 mm equivalent holds the ratio, and makers differ.
    return DIGITAL_ZOOM if (tags.number("DigitalZoomRatio") or 1.0) > 1.0 else None


def _pixels(number: float | None) -> int | None:
    return int(number) if number is not None and 1 <= number <= 65_535 else None  # noqa: PLR2004 - the contract's bound


def _of_second(tags: Tags, name: str) -> float | None:
    """Return the size that the EXIF of a smaller copy still has."""
    return max((number for _, value in tags.values(name) if (number := as_number(value))), default=None)


def _calibrated(tags: Tags, width: float, height: float) -> dict[str, Any]:
    """Return lens and distortion in pixels: DJI's DewarpData, its designed length, or Pix4D's perspective tags."""
    dewarp = _dewarp(tags)
    if dewarp:
        facts: dict[str, Any] = {name: dewarp[name] for name in ("focal_px", "focal_y_px")}
        facts |= {"cx_px": width / 2 + dewarp["cx_px"], "cy_px": height / 2 + dewarp["cy_px"]}
        if tags.number("DewarpFlag") != 1:
            facts["distortion"] = {"model": "brown"} | {name: dewarp[name] for name in _DISTORTION}
        return facts
    focal = tags.number("CalibratedFocalLength")
    if focal:
        facts = {"focal_px": focal}
        for name, tag in (("cx_px", "CalibratedOpticalCenterX"), ("cy_px", "CalibratedOpticalCenterY")):
            centre = tags.number(tag)
            if centre:
                facts[name] = centre
        return facts
    return _perspective(tags)


def _dewarp(tags: Tags) -> dict[str, float]:
    """Return DJI's DewarpData, `date;fx,fy,cx,cy,k1,k2,p1,p2,k3`, the centre counted from the picture's middle."""
    text = (tags.text("DewarpData") or "").rpartition(";")[2]
    numbers = [as_number(part) for part in text.split(",")]
    if len(numbers) != len(_DEWARP) or any(number is None for number in numbers):
        return {}
    found = {name: number for name, number in zip(_DEWARP, numbers, strict=True) if number is not None}
    return found if found["focal_px"] > 0 and found["focal_y_px"] > 0 else {}


def _perspective(tags: Tags) -> dict[str, Any]:
    focal, resolution = tags.number("PerspectiveFocalLength"), _px_per_mm(tags)
    if not focal or focal <= 0:
        return {}
    is_mm = (tags.text("PerspectiveFocalLengthUnits") or "").lower() == "mm" or focal < _PIXELS_FROM_MM
    if is_mm and resolution is None:
        return {}
    facts: dict[str, Any] = {"focal_px": focal * resolution if is_mm and resolution else focal}
    centre = tags.numbers("PrincipalPoint")
    if resolution and len(centre) == 2:  # noqa: PLR2004 - x and y
        facts |= {"cx_px": centre[0] * resolution, "cy_px": centre[1] * resolution}
    distortion = tags.numbers("PerspectiveDistortion")
    if len(distortion) == len(_DISTORTION):
        facts["distortion"] = {"model": "brown", **dict(zip(_DISTORTION, distortion, strict=True))}
    return facts


def _millimetres(tags: Tags, whole_width: float | None) -> dict[str, Any]:
    focal, resolution = tags.number("FocalLength", groups=_FOCAL_PLANE), _px_per_mm(tags)
    if not focal or focal <= 0:
        return {}
    facts: dict[str, Any] = {"focal_mm": focal}
    if whole_width and resolution:
        facts["sensor_width_mm"] = whole_width / resolution
    return facts


def _px_per_mm(tags: Tags) -> float | None:
    number = tags.number("FocalPlaneXResolution", groups=_FOCAL_PLANE)
    unit = tags.text("FocalPlaneResolutionUnit", groups=_FOCAL_PLANE) or ""
    per_mm = _PX_PER_MM.get(_UNIT_WORDS.get(unit.lower(), int(unit) if unit.isdigit() else 0))
    if number is None or per_mm is None:
        return None
    return number * per_mm if _COARSEST_PX_MM <= number * per_mm <= _FINEST_PX_MM else None
