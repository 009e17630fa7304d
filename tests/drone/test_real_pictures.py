"""Metadata of real pictures, also of those spoilt on purpose: nothing breaks, nothing is guessed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ingest.decode.image_quarantine import quarantine_reason
from ingest.drone.footprint import compute_footprints
from ingest.observation import DroneImage
from ingest.site import Site
from tests.drone.pictures import WHEN, rows_of

AGUNG = Site(district="agung", timezone=ZoneInfo("Asia/Makassar"), west=115.3, south=-8.4, east=115.6, north=-8.1)


def number(tags: Mapping[str, object], *names: str) -> float | None:
    """Return the first of the tags that is there, as a number; exiftool writes some as text with a sign."""
    for name in names:
        value = tags.get(name)
        if isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"[+-]?[0-9.]+", value)):
            return float(value)
    return None


def picture_from_tags(path: str, tags: Mapping[str, Any]) -> DroneImage:
    """Return what a back-fill from exiftool would make of a real picture; the aircraft's yaw is not the camera's."""
    lat = number(tags, "GPS:GPSLatitude", "XMP-drone-dji:GPSLatitude", "latitude")
    lon = number(tags, "GPS:GPSLongitude", "XMP-drone-dji:GPSLongtitude", "longitude")
    intrinsics = {
        name: value
        for name, value in (
            ("focal_px", number(tags, "XMP-drone-dji:CalibratedFocalLength")),
            ("focal_mm", number(tags, "ExifIFD:FocalLength")),
            ("focal_35mm_mm", number(tags, "ExifIFD:FocalLengthIn35mmFormat")),
        )
        if value
    }
    width = number(tags, "File:ImageWidth", "IFD0:ImageWidth", "width")
    height = number(tags, "File:ImageHeight", "IFD0:ImageHeight", "height")
    return DroneImage(
        image_id=path,
        captured_at=WHEN,
        lat=-lat if lat is not None and tags.get("GPS:GPSLatitudeRef") == "S" else lat,
        lon=-lon if lon is not None and tags.get("GPS:GPSLongitudeRef") == "W" else lon,
        height_takeoff_m=number(tags, "XMP-drone-dji:RelativeAltitude"),
        alt_unknown_datum_m=number(tags, "GPS:GPSAltitude", "altitude"),
        image_width_px=None if width is None else int(width),
        image_height_px=None if height is None else int(height),
        intrinsics=intrinsics or None,
        yaw_deg=number(tags, "XMP-drone-dji:GimbalYawDegree"),
        pitch_deg=number(tags, "XMP-drone-dji:GimbalPitchDegree"),
        roll_deg=number(tags, "XMP-drone-dji:GimbalRollDegree"),
    )


def test_every_real_picture_gets_ground_or_the_reason_why_not(shared: Path) -> None:
    lines = (shared / "data/drone/real_image_metadata.jsonl").read_text(encoding="utf-8").splitlines()
    dumps = [json.loads(line) for line in lines]
    footprints = compute_footprints([picture_from_tags(dump["path"], dump["tags"]) for dump in dumps])
    assert len(footprints) == 1384
    histogram = Counter(
        footprint.status if footprint.reason is None else f"{footprint.status}: {footprint.reason}"
        for footprint in footprints
    )
    # Only DJI's own tags name the gimbal: 397 Mavic 2, 75 and 167 Canon, 140 and more Sequoia and RedEdge have none.
    # 473 XT2 frames and three like them give 13 mm and no sensor width. Nine dumps have no position, two no camera yaw.
    # With pose, height and lens: 18 of Brighton, 4 of the RTK set, 2 multispectral; one more looks at the horizon.
    assert histogram == {
        "unknown_pose: no_pitch": 872,
        "unknown_pose: no_yaw": 2,
        "unknown_camera: no_focal_length": 476,
        "quarantined: no_position": 9,
        "ok": 24,
        "clipped": 1,
    }


def test_the_thermal_pictures_get_ground_as_soon_as_the_sensor_is_known(shared: Path) -> None:
    lines = (shared / "data/drone/real_image_metadata.jsonl").read_text(encoding="utf-8").splitlines()
    dumps = [dump for dump in map(json.loads, lines) if dump["source_repo"].startswith("TreAgron")]
    images = [
        picture_from_tags(dump["path"], dump["tags"] | {"XMP-drone-dji:CalibratedFocalLength": 741.153})
        for dump in dumps
    ]
    statuses = Counter(footprint.status for footprint in compute_footprints(images))
    assert statuses == {"ok": 473}


def degrees(text: str) -> float | None:
    found = re.fullmatch(r"([0-9.]+) deg ([0-9.]+)' ([0-9.]+)\" ([NSEW])", text)
    if found is None:
        return None
    size = float(found[1]) + float(found[2]) / 60 + float(found[3]) / 3600
    return -size if found[4] in "SW" else size


def agung_picture(row: Mapping[str, str]) -> DroneImage:
    taken = datetime.strptime(row["DateTimeOriginal"], "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    pitch = row["GimbalPitchDegree"]
    return DroneImage(
        image_id=row["FileName"],
        captured_at=taken,
        lat=degrees(row["GPSLatitude"]),
        lon=degrees(row["GPSLongitude"]),
        alt_unknown_datum_m=number(row, "AbsoluteAltitude"),
        pitch_deg=float(pitch) if pitch else None,
    )


def test_pictures_spoilt_on_purpose_are_quarantined_for_what_was_spoilt(shared: Path) -> None:
    rows = rows_of(shared / "data/drone/agung2_issue_image_metadata.csv")
    wanted = {
        "FAR_AWAY": "out_of_area",
        "INVALID_COORD": "invalid_position",
        "MISSING_COORDS": "no_position",
        "GIMBAL_UP": "gimbal_up",
    }
    assert len(rows) == 23
    for row in rows:
        image = agung_picture(row)
        reason = quarantine_reason(image, image.captured_at, AGUNG)
        kind = re.sub(r".*_D_|\.JPG", "", row["FileName"])
        assert reason == wanted.get(kind), row["FileName"]
        # Neither a height above ground nor the camera's yaw is in this file: no picture of it may have ground.
        assert compute_footprints([image])[0].polygon is None


def test_a_whole_survey_without_camera_yaw_or_height_gives_no_ground_at_all(shared: Path) -> None:
    images = [agung_picture(row) for row in rows_of(shared / "data/drone/agung2_image_metadata.csv")]
    assert len(images) == 1817
    assert not any(footprint.polygon for footprint in compute_footprints(images))
