"""When a picture was taken, by EXIF: the camera's clock, its zone where one is written, and GPS time beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from ingest.decode.exif_tags import Tags

_EXIF = ("ExifIFD", "EXIF", "Composite", "", "XMP-exif", "XMP", "GDAL")
_WALL = re.compile(
    r"([0-9]{4})[:/-]([0-9]{2})[:/-]([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6})[0-9]*)?"
    r"\s*(Z|[+-][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})", re.ASCII)
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""No digital camera is older: what is before comes of a clock that was never set."""
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(minutes=15)
_WIDEST_ZONE = timedelta(hours=14)
_XMP_NAMES = ("DateTimeOriginal", "DateTimeDigitized", "CreateDate", "DateCreated")
_ONE_SHOT = timedelta(seconds=2)
"""How far EXIF and XMP may differ over the second of one shot; what was edited later differs by more."""
_UTC_MAKES = frozenset({"micasense"})
"""Whose cameras have a clock in UTC: imageprocessing, MicaSense's own library, reads it so (metadata.py, utc_time)."""


@dataclass(frozen=True, slots=True)
class Taken:
    """When a picture was taken.

    at: aware, UTC; source: "gnss" where GPS time says it, else "camera_clock"
    clock: what the camera's clock showed, as in ISO 8601 without a zone; None where only GPS time is there
    zone_min: offset of the camera's clock from UTC in minutes, told by GPS time; drift_s: how much it is ahead of it
    """

    at: datetime
    source: str
    clock: str | None
    zone_min: int | None = None
    drift_s: float | None = None


def taken(tags: Tags, zone: tzinfo) -> Taken | None:
    """Return when the picture was taken; None when no clock says it.

    GPS time counts before the camera's clock, whose zone and drift it shows: the zone is the difference to the nearest
    quarter of an hour, the drift the rest. It is looked past when it is a day or more away from a clock that is set,
    since receivers forget the week. Without it the camera's clock has the zone that is written beside it, else that in
    which XMP tells the same second, else that of its maker, else `zone`.
    """
    clock, offset = _camera_clock(tags)
    gps = _gps_time(tags)
    if clock is None:
        return None if gps is None else Taken(gps, "gnss", None)
    shown = clock.isoformat(timespec="milliseconds" if clock.microsecond else "seconds")
    if gps is not None:
        ahead = clock.replace(tzinfo=UTC) - gps
        zone_of_clock = round(ahead / _QUARTER) * _QUARTER
        if abs(zone_of_clock) <= _WIDEST_ZONE:
            drift = (ahead - zone_of_clock).total_seconds()
            return Taken(gps, "gnss", shown, round(zone_of_clock / timedelta(minutes=1)), drift)
    is_utc = (tags.text("Make") or "").lower() in _UTC_MAKES
    offset = offset or _zone_in_xmp(tags, clock) or (UTC if is_utc else zone)
    try:
        at = clock.replace(tzinfo=offset).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return Taken(at, "camera_clock", shown)


def _camera_clock(tags: Tags) -> tuple[datetime | None, tzinfo | None]:
    for name in ("DateTimeOriginal", "CreateDate", "DateTimeDigitized", "ModifyDate"):
        part = {"DateTimeOriginal": "Original", "CreateDate": "Digitized", "DateTimeDigitized": "Digitized"}.get(
            name, ""
        )
        for group, value in tags.values(name, _EXIF):
            if group not in _EXIF and not group.startswith("IFD"):
                continue  # FLIR and others write times of their own with a zone that is none
            clock, offset = _wall(value)
            if clock is None:
                continue
            if not clock.microsecond:
                clock = clock.replace(microsecond=_subseconds(tags.text(f"SubSecTime{part}", groups=_EXIF)))
            written = _OFFSET.fullmatch(tags.text(f"OffsetTime{part}", groups=_EXIF) or "")
            return clock, offset or (_zone(written[1]) if written else None)
    milliseconds = tags.number("utc_time")
    if milliseconds is not None:  # OpenDroneMap's images.json: the camera's clock taken for UTC
        try:
            return datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds), None  # noqa: DTZ001 - a clock without zone
        except OverflowError:
            return None, None
    return None, None


def _zone_in_xmp(tags: Tags, clock: datetime) -> tzinfo | None:
    """Return the zone of a clock whose second XMP tells with its zone: DJI's and Parrot's do, Skydio's in UTC."""
    for name in _XMP_NAMES:
        for group, value in tags.values(name):
            shown, zone = _wall(value) if group.startswith("XMP") else (None, None)
            if shown is None or zone is None:
                continue
            ahead = clock.replace(tzinfo=UTC) - shown.replace(tzinfo=zone)
            nearest = round(ahead / _QUARTER) * _QUARTER
            if abs(nearest) <= _WIDEST_ZONE and abs(ahead - nearest) <= _ONE_SHOT:
                return timezone(nearest)
    return None


def _subseconds(text: str | None) -> int:
    return int((text or "0").ljust(6, "0")[:6]) if re.fullmatch(r"[0-9]{1,9}", text or "0", re.ASCII) else 0


def _gps_time(tags: Tags) -> datetime | None:
    for name in ("UTCAtExposure", "UTCTime", "GPSDateTime"):
        for _, value in tags.values(name):
            clock, _ = _wall(value)
            if clock is not None:
                return clock.replace(tzinfo=UTC)
    day, time = tags.text("GPSDateStamp"), tags.text("GPSTimeStamp")
    if day is None or time is None:
        return None
    clock, _ = _wall(f"{day} {time}")
    return None if clock is None else clock.replace(tzinfo=UTC)


def _wall(value: object) -> tuple[datetime | None, tzinfo | None]:
    """Return the time that a text shows, without zone, and the zone where it has one; None for what no clock shows."""
    found = _WALL.fullmatch(value.strip("\x00 ")) if isinstance(value, str) else None
    if found is None:
        return None, None
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    try:
        clock = datetime(year, month, day, hour, minute, second, int((found[7] or "0").ljust(6, "0")))  # noqa: DTZ001 - zone apart
    except ValueError:
        return None, None
    if not _EARLIEST <= clock.replace(tzinfo=UTC) < _LATEST:
        return None, None
    return clock, _zone(found[8]) if found[8] else None


def _zone(text: str) -> tzinfo | None:
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    offset = timedelta(minutes=-minutes if text[0] == "-" else minutes)
    return timezone(offset) if abs(offset) <= _WIDEST_ZONE else None
