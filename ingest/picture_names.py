"""Names of picture files: which of them are the same file, and what a name says of camera and time."""

from __future__ import annotations

import re

FROM_EXIF = "exif:"
"""How the image_id of a picture begins that is known by its EXIF alone: exif:capture time/file name."""

_JPEG = re.compile(r"\.jpeg$")
_SEPARATORS = re.compile(r"[/\\]")
# DJI's file names end in the lens (wide, visible, zoom, thermal, a multispectral band), which the name of a waypoint or
# of a task may follow: DJI_20220831151616_0004_W_Waypoint4.JPG. The first Zenmuse H20T wrote words: …_0004_THRM.JPG.
_LENS = re.compile(
    r"_([0-9]{4})_(W|V|D|Z|T|S|MS_[A-Z]+|WIDE|ZOOM|THRM)(?:_[^/\\]*)?\.[A-Za-z]+$"
    r"|_(W|V|D|Z|T|MS_[A-Z]+|WIDE|ZOOM|THRM)\.[A-Za-z]+$",
    re.IGNORECASE,
)
_WORDS = {"WIDE": "W", "ZOOM": "Z", "THRM": "T"}
_TELLING = re.compile(r"_(20[0-9]{12})_[0-9]{4}", re.ASCII)


def file_name(path: str) -> str:
    """Return the last part of a path, key or address, of whichever system."""
    return _SEPARATORS.split(path)[-1]


def same_file(path: str) -> str:
    """Return the file name in the one spelling in which two names of a file are equal: docks write .jpeg for .JPG."""
    return _JPEG.sub(".jpg", file_name(path).lower())


def same_file_sql(column: str) -> str:
    """Return the SQL expression for `same_file` of a column."""
    return rf"regexp_replace(lower(regexp_extract({column}, '[^/\\]*$')), '\.jpeg$', '.jpg')"


def lens_of(name: str) -> str | None:
    """Return the lens that a DJI file name names: W, V, D, Z, T, S or MS_ and a band; None where it names none."""
    found = _LENS.search(file_name(name))
    letter = None if found is None else (found[2] or found[3]).upper()
    return None if letter is None else _WORDS.get(letter, letter)


def says_when(name: str) -> bool:
    """Say whether a file name holds its second, as newer DJI cameras write it: no other shot of a drone has it."""
    return _TELLING.search(file_name(name)) is not None
