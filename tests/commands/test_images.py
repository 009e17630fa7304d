"""`greensward images import`: a real file, a real lake; and what `doctor` says of flights that lack pictures."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from greensward.cli import run
from greensward.commands.doctor import _flights
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, EXIT_USAGE
from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import own
from ingest.lake.read import open_lake
from ingest.lake.tables import table
from ingest.lake.write import to_arrow, write_rows
from ingest.site import BEICHEN
from tests.decode.test_exif import AS_PEOPLE_READ, GROUPED


def imported(folder: DataFolder, tmp_path: Path, document: object, *options: str) -> int:
    file = tmp_path / "exiftool.json"
    file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return run(["images", "import", str(file), "-C", str(folder.root), *options])


def ask(folder: DataFolder, query: str) -> list[tuple[Any, ...]]:
    with open_lake(folder, BEICHEN) as lake:
        return lake.execute(query).fetchall()


def test_pictures_of_a_file_are_stored_once_and_named_by_flight(
    folder: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = GROUPED | {"SourceFile": "b/DJI_20260615103014_0043_V.JPG", "XMP-drone-dji:GimbalPitchDegree": None}
    assert imported(folder, tmp_path, [GROUPED, other], "--flight", "F1", "--json") == EXIT_OK
    said = json.loads(capsys.readouterr().out)
    assert (said["outcomes"], said["statuses"]) == ({"stored": 2}, {"ok": 1, "unknown_pose: no_pitch": 1})
    assert imported(folder, tmp_path, [AS_PEOPLE_READ], "--flight", "F1", "--json") == EXIT_OK
    assert json.loads(capsys.readouterr().out)["outcomes"] == {"duplicate": 1}
    assert ask(folder, "select flight_id, drone_id, count(*) from drone_images group by all") == [
        ("F1", "1581F6Q8D245P00E", 2)
    ]
    assert ask(folder, "select count(*) from raw_messages where topic like '%/unknown-drone/exif'") == [(3,)]


def test_wrong_entries_cost_no_other_picture_and_are_kept(
    folder: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.dumps(GROUPED)
    wrong = f'[5, {good}, {{"SourceFile": "b.JPG", "x": NaN}}, {{"SourceFile": "map.jpg"}}, {{"SourceFile": "c'.encode()
    assert imported(folder, tmp_path, wrong) == EXIT_FOUND_PROBLEMS
    said = capsys.readouterr().out
    assert "wrong_type  entry 1" in said
    assert "not_a_number  entry 3 /x" in said
    assert "missing  entry 4 /DateTimeOriginal" in said
    assert "breaks off after entry 4: line 1" in said
    assert ask(folder, "select footprint_status from drone_images") == [("ok",)]
    assert ask(folder, "select code from rejected order by code") == [("missing",), ("not_a_number",), ("wrong_type",)]


def test_while_ingest_has_the_folder_it_is_left_to_store_them(
    folder: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with own(folder):
        assert imported(folder, tmp_path, [GROUPED]) == EXIT_OK
    assert "ingest stores them" in capsys.readouterr().err
    with Inbox(folder.inbox) as inbox:
        assert [message.topic for message in inbox.oldest(10_000).messages] == [
            "greensward/v1/beichen/unknown-drone/exif"
        ]


def test_messages_that_wait_for_replies_are_left_to_ingest(folder: DataFolder, tmp_path: Path) -> None:
    with own(folder), Inbox(folder.inbox) as inbox:
        inbox.append([Arrival(0, "thing/product/DOCK/events", b"{}", redelivered=False, retained=False)])
    assert imported(folder, tmp_path, [GROUPED]) == EXIT_OK
    with Inbox(folder.inbox) as inbox:
        assert inbox.backlog().messages == 2


def test_a_drone_that_is_no_id_is_refused_before_anything_is_read(folder: DataFolder, tmp_path: Path) -> None:
    assert imported(folder, tmp_path, [GROUPED], "--drone", "a/b") == EXIT_USAGE
    assert imported(folder, tmp_path, [GROUPED], "--drone", "M3E-1") == EXIT_OK
    assert ask(folder, "select drone_id from drone_images") == [("M3E-1",)]


@pytest.mark.parametrize(("hours", "state"), [(1.9, None), (2.1, "note"), (169.0, None)])
def test_doctor_names_flights_that_lack_pictures_once_the_dock_had_time(
    folder: DataFolder, hours: float, state: str | None
) -> None:
    now = datetime(2026, 7, 9, 6, 0, tzinfo=UTC)
    spec = table("flight_reports")
    report: dict[str, Any] = {
        "flight_id": "F1",
        "gateway_id": "DOCK",
        "source": "flighttask_progress",
        "media_count": 3,
    }
    at = now - timedelta(hours=hours)
    rows = to_arrow(spec, [report | {"reported_at": at, "received_at": at, "message_seq": 1}])
    with own(folder):
        write_rows(folder, spec, BEICHEN.local_date(at), rows, "part-1-1")
    found = list(_flights(folder, BEICHEN, now))
    assert [finding.state for finding in found] == ([state] if state else [])
    if found:
        assert "F1 3 of 3" in found[0].found


def test_a_flight_that_landmarks_show_to_be_off_is_named_with_how_much(
    folder: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [(117.1, 39.2), (117.101, 39.2), (117.102, 39.201)]
    features = [
        {
            "type": "Feature",
            "properties": {"landmark_id": f"L{i}", "class": "manhole_cover"},
            "geometry": {"type": "Point", "coordinates": place},
        }
        for i, place in enumerate(places)
    ]
    file = tmp_path / "landmarks.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    spec, at = table("image_detections"), datetime.now(UTC) - timedelta(days=3)
    seen: dict[str, Any] = {
        "picture_id": "D/1", "image_id": "1", "drone_id": "D", "flight_id": "F1", "class": "Manhole_Cover",
        "confidence": 0.6, "status": "outside", "captured_at": at, "received_at": at, "message_seq": 1,
    }  # fmt: skip
    # 2 m to the north: 2 / 111.0 km a degree at 39.2 degrees.
    rows = [
        seen | {"detection_id": str(i), "centre_lon": lon, "centre_lat": lat + 2 / 111_020}
        for i, (lon, lat) in enumerate(places)
    ]
    unsure = {"detection_id": "9", "confidence": 0.59, "centre_lon": 117.1, "centre_lat": 39.2}
    with own(folder):
        write_rows(folder, spec, BEICHEN.local_date(at), to_arrow(spec, [*rows, seen | unsure]), "part-1-1")
    assert run(["flights", "bias", str(file), "-C", str(folder.root), "--json"]) == EXIT_OK
    (said,) = json.loads(capsys.readouterr().out)
    assert (said["flight_id"], said["is_sure"], said["landmarks"], said["findings"]) == ("F1", True, 3, 3)
    assert (said["east_m"], said["north_m"]) == (pytest.approx(0, abs=0.01), pytest.approx(2, abs=0.01))
    assert run(["flights", "bias", str(file), "-C", str(folder.root)]) == EXIT_OK
    assert "2.0 m north" in capsys.readouterr().out
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [features[0] | {"geometry": None}]}))
    assert run(["flights", "bias", str(file), "-C", str(folder.root)]) == EXIT_FOUND_PROBLEMS
