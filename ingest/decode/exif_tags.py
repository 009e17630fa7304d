"""Tags as exiftool writes them: with or without groups, as numbers (-n) or as people read them."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

_NUMBER = re.compile(
    r"\(?\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)\s*\)?"
    r"\s*(?:mm|m|s|px|deg|degrees|°)?\s*(Above Sea Level|Below Sea Level)?",
    re.ASCII,
)
_DEGREES = re.compile(
    r"\s*([0-9]+(?:\.[0-9]*)?)\s*(?:deg|°)\s*(?:([0-9]+(?:\.[0-9]*)?)\s*['′])?\s*(?:([0-9]+(?:\.[0-9]*)?)\s*[\"″])?"
    r"\s*([NSEWnsew])?\s*",
    re.ASCII,
)
# Decimal degrees with their hemisphere: exiftool -c %.8f.
_DECIMAL = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?)\s*()()([NSEWnsew])\s*", re.ASCII)
# Degrees, minutes and seconds, or decimal minutes, apart by blanks or commas: XMP's 39,12.5N, Pillow's "39 12 30".
_SEXAGESIMAL = re.compile(
    r"\s*([0-9]+(?:\.[0-9]*)?)[ ,]+([0-9]+(?:\.[0-9]*)?)(?:[ ,]+([0-9]+(?:\.[0-9]*)?))?\s*([NSEWnsew])?\s*", re.ASCII
)
_FRACTION = re.compile(r"\s*([+-]?[0-9]{1,15})/([0-9]{1,15})\s*", re.ASCII)
_HEMISPHERE = re.compile(r"\s*(South|West|S|W)\b", re.IGNORECASE)
# What OpenDroneMap's images.json calls the tags of EXIF.
_ALIASES = {
    "filename": "FileName",
    "width": "ImageWidth",
    "height": "ImageHeight",
    "exif_width": "ExifImageWidth",
    "exif_height": "ExifImageHeight",
    "camera_make": "Make",
    "camera_model": "Model",
    "latitude": "GPSLatitude",
    "longitude": "GPSLongitude",
    "altitude": "GPSAltitude",
}


class Tags:
    """The tags of one picture, looked up by name; where several groups have a name, the groups asked for come first.

    Names are the same in capitals and small letters: exiftool's GPSLatitude is GpsLatitude where it does not know the
    namespace.
    """

    def __init__(self, document: Mapping[str, object]) -> None:
        """Sort the tags of an exiftool object by name; groups are those of -G0, -G1, or none.

        A structure (-struct) is taken apart as exiftool does it without: CameraOrientationNED and Yaw are
        CameraOrientationNEDYaw.
        """
        self._found: defaultdict[str, list[tuple[str, object]]] = defaultdict(list)
        for key, value in document.items():
            groups, _, name = key.rpartition(":")
            group = groups.rpartition(":")[2]  # of -G0:1 the second, as of -G1
            # GDAL:EXIF_… is what GDAL kept of EXIF when it wrote the picture anew.
            name = name.removeprefix("EXIF_")
            parts = {name + part: inner for part, inner in value.items()} if isinstance(value, dict) else {name: value}
            for full, inner in parts.items():
                self._found[_ALIASES.get(full, full).lower()].append((group, inner))

    def values(self, name: str, groups: Iterable[str] = ()) -> list[tuple[str, object]]:
        """Return group and value of every tag called `name`, those of `groups` first, in that order."""
        ranks = {group: rank for rank, group in enumerate(groups)}
        return sorted(self._found.get(name.lower(), ()), key=lambda found: ranks.get(found[0], len(ranks)))

    def of(self, group: str, name: str) -> object:
        """Return the value of a tag of one group, None when it is not there."""
        return next((value for found, value in self._found.get(name.lower(), ()) if found == group), None)

    def number(self, *names: str, groups: Iterable[str] = ()) -> float | None:
        """Return the first finite number among the tags called so."""
        for name in names:
            for _, value in self.values(name, groups):
                found = as_number(value)
                if found is not None:
                    return found
        return None

    def text(self, *names: str, groups: Iterable[str] = ()) -> str | None:
        """Return the first text among the tags called so, without outer blanks and NULs; numbers as they stand."""
        for name in names:
            for _, value in self.values(name, groups):
                text = str(value).strip("\x00 \t\r\n") if isinstance(value, str | int | float) else ""
                if text:
                    return text
        return None

    def coordinate(self, names: Iterable[str], groups: Iterable[str]) -> float | None:
        """Return a latitude or longitude in degrees, south and west negative, as the first group that has one says it.

        A place of 0 is looked past: firmware that has no fix writes it beside the one of another source.
        """
        found = [
            number
            for name in names
            for group, value in self.values(name, groups)
            if (number := self._coordinate(name, group, value)) is not None
        ]
        return next((number for number in found if number), found[0] if found else None)

    def _coordinate(self, name: str, group: str, value: object) -> float | None:
        number, hemisphere = as_degrees(value)
        if number is None:
            return None
        ref = self.of(group, f"{name}Ref")
        is_negative = hemisphere in ("S", "W") if hemisphere else isinstance(ref, str) and bool(_HEMISPHERE.match(ref))
        return -abs(number) if is_negative else number

    def numbers(self, name: str, groups: Iterable[str] = ()) -> tuple[float, ...]:
        """Return the numbers of a list, or of text with commas between; empty when one of them is none."""
        for _, value in self.values(name, groups):
            parts = value if isinstance(value, list) else str(value).split(",")
            found = [as_number(part) for part in parts]
            if all(number is not None for number in found):
                return tuple(number for number in found if number is not None)
        return ()


def as_number(value: object) -> float | None:
    """Return a finite number, also one written with a sign, a unit or in brackets; None for anything else."""
    if isinstance(value, str):
        found = _NUMBER.fullmatch(value.strip())
        if found is None:
            ratio = _FRACTION.fullmatch(value)
            return int(ratio[1]) / int(ratio[2]) if ratio and int(ratio[2]) else None
        number = float(found[1])
        return (-number if found[2] == "Below Sea Level" else number) if math.isfinite(number) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def as_degrees(value: object) -> tuple[float | None, str | None]:
    """Return degrees without their hemisphere, and the hemisphere's letter where the text has one."""
    decimal = _DECIMAL.fullmatch(value) if isinstance(value, str) else None
    number = None if decimal else as_number(value)
    if number is not None:
        return number, None
    if isinstance(value, list | tuple):
        parts = [as_number(part) for part in value]
        value = " ".join(f"{part:f}" for part in parts if part is not None and part >= 0.0 and None not in parts)
    text = value if isinstance(value, str) else ""
    found = decimal or _DEGREES.fullmatch(text) or _SEXAGESIMAL.fullmatch(text)
    if found is None:
        return None, None
    degrees = float(found[1]) + float(found[2] or 0) / 60 + float(found[3] or 0) / 3600
    return (degrees, found[4].upper() if found[4] else None) if math.isfinite(degrees) else (None, None)
