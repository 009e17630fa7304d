"""Metadata of real pictures, also of those spoilt on purpose: nothing breaks, nothing is guessed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ingest.decode.exif_image import image_from_tags
from ingest.decode.image_quarantine import quarantine_reason
from ingest.drone.camera_table import completed
from ingest.drone.footprint import compute_footprints
from ingest.errors import PayloadError
from ingest.observation import DroneImage
from ingest.site import Site
from tests.drone.pictures import rows_of

AGUNG = Site(district="agung", timezone=ZoneInfo("Asia/Makassar"), west=115.3, south=-8.4, east=115.6, north=-8.1)


def real_pictures(shared: Path) -> list[DroneImage | PayloadError]:
    """Return what `greensward images import` makes of each dump, or why it refuses it."""
    found: list[DroneImage | PayloadError] = []
    for line in (shared / "data/drone/real_image_metadata.jsonl").read_text(encoding="utf-8").splitlines():
        dump = json.loads(line)
        try:
            found.append(image_from_tags({"SourceFile": f"{dump['source_repo']}/{dump['path']}"} | dump["tags"], UTC))
        except PayloadError as error:
            found.append(error)
    return found


def test_every_real_picture_gets_ground_or_the_reason_why_not(shared: Path) -> None:
    found = real_pictures(shared)
    assert len(found) == 1384
    images = [image for image in found if isinstance(image, DroneImage)]
    footprints = compute_footprints([completed(image)[0] for image in images])
    histogram = Counter(
        footprint.status if footprint.reason is None else f"{footprint.status}: {footprint.reason}"
        for footprint in footprints
    )
    # Ground: 473 frames of an XT2 and three like them by the camera table, 18 of Brighton, 2 multispectral.
    # Copies smaller than the camera's own: 397 Mavic 2, 167 Canon, 4 of the RTK set, a thumbnail.
    # Sequoia and RedEdge tell their attitude and no height above ground; the others no camera angle at all, two no yaw.
    # Five RedEdge that hung upside down (Orientation 3), without a position too.
    # Refused: five maps and screenshots that no camera took.
    assert histogram == {
        "ok": 496,
        "not_original": 569,
        "unknown_pose: no_pitch": 163,
        "unknown_pose: no_height": 144,
        "unknown_pose: no_yaw": 2,
        "quarantined: turned_picture": 5,
    }
    assert {error.faults[0].pointer for error in found if isinstance(error, PayloadError)} == {"/DateTimeOriginal"}


def test_a_camera_clock_that_is_34_seconds_behind_gps_time_is_put_right(shared: Path) -> None:
    images = [image for image in real_pictures(shared) if isinstance(image, DroneImage)]
    seneca = [image for image in images if "odm_data_seneca" in (image.object_uri or "")]
    said: list[Any] = [(image.vendor or {})["exif"] for image in seneca]
    assert len(said) == 167
    assert {exif["camera_zone_min"] for exif in said} == {-240}
    assert all(abs(exif["camera_drift_s"] + 34) <= 1 for exif in said)
    assert {image.time_source for image in seneca} == {"gnss"}


def agung_picture(row: Mapping[str, str]) -> DroneImage:
    """Return what `greensward images import` makes of a row of exiftool's CSV; an empty cell is no tag."""
    return image_from_tags({name: value for name, value in row.items() if value}, AGUNG.timezone)


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
