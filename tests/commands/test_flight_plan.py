"""`greensward flights plan`: a dock's pictures get the pitch that the plan had for them, until a measured one comes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from greensward.cli import run
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, EXIT_USAGE
from ingest.inbox import Inbox
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import own
from tests.registers.test_flight_plan import PHOTO, gimbal, group, kmz, plan
from tests.seal.test_pictures import Lake, callback, exif, native, osd

ASKED = "select picture_id, footprint_status, pitch_deg, attitude_source, attitude_age_s from drone_images order by 1"


def tell(folder: DataFolder, file: Path, flight: str = "f") -> int:
    return run(["flights", "plan", str(file), "--flight", flight, "--json", "-C", str(folder.root)])


@pytest.fixture
def down(tmp_path: Path) -> Path:
    """Return the file of a plan that looks straight down from where the pictures were taken."""
    file = tmp_path / "plan.kmz"
    file.write_bytes(kmz(plan(group(0, 0, gimbal(-90), PHOTO))))
    return file


def test_a_docks_picture_without_pitch_gets_ground_by_its_plan_and_a_measured_pose_takes_over(
    folder: DataFolder, down: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with own(folder):
        lake = Lake(folder)
        lake.seal(callback(), native("d/9", flight_id="f"))
    assert tell(folder, down) == EXIT_OK
    assert json.loads(capsys.readouterr().out) == {"pictures": 1, "posed": 1, "is_stored": True}
    measured = ("PLANE/d/9", "ok", -90.0, "exif_xmp", None)
    assert lake.ask(ASKED) == [("DOCK/dock/F1/DJI_1_W.jpeg", "ok", -90.0, "flight_plan", 0.0), measured]
    with own(folder):
        lake = Lake(folder)
        lake.count = 10
        lake.seal(osd(-1, pitch_deg=-60.0), osd(1, pitch_deg=-60.0))
    assert lake.ask(ASKED) == [("DOCK/dock/F1/DJI_1_W.jpeg", "ok", -60.0, "osd", 1.0), measured]


def test_pictures_that_the_plan_does_not_know_stay_without_pose_and_are_counted(
    folder: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with own(folder):
        lake = Lake(folder)
        lake.seal(callback())
    file = tmp_path / "other.wpml"
    file.write_bytes(plan(group(0, 0, gimbal(-90), PHOTO)).replace(b"117.1,", b"117.2,"))
    assert tell(folder, file) == EXIT_FOUND_PROBLEMS
    assert json.loads(capsys.readouterr().out)["posed"] == 0
    assert lake.ask(ASKED)[0][1] == "unknown_pose"
    file.write_bytes(b"no plan")
    assert tell(folder, file) == EXIT_USAGE


def test_a_plan_that_is_told_again_takes_the_place_of_the_one_before(
    folder: DataFolder, down: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with own(folder):
        lake = Lake(folder)
        own_plan = {"yaw_deg": 0, "pitch_deg": -80, "roll_deg": 0, "source": "flight_plan"}
        lake.seal(callback(), native("d/9", flight_id="f", attitude=own_plan))
    assert tell(folder, down) == EXIT_OK
    again = down.with_name("again.kmz")
    for file in (down, again):
        file.write_bytes(kmz(plan(group(0, 0, gimbal(-60), PHOTO))))
    capsys.readouterr()
    assert tell(folder, down) == EXIT_OK
    assert json.loads(capsys.readouterr().out) == {"pictures": 1, "posed": 1, "is_stored": True}
    asked = "select pitch_deg, attitude_source from drone_images order by picture_id"
    assert lake.ask(asked) == [(-60.0, "flight_plan"), (-80.0, "flight_plan")]
    down.write_bytes(kmz(plan(group(0, 0, PHOTO))))
    assert tell(folder, down) == EXIT_FOUND_PROBLEMS
    assert lake.ask(asked) == [(None, None), (-80.0, "flight_plan")]
    # Poses that come later have the picture judged again, by all plans as they are stored.
    with own(folder):
        lake = Lake(folder)
        lake.seal(osd(4), osd(6))
    assert lake.ask(asked) == [(None, None), (-80.0, "flight_plan")]
    assert tell(folder, again) == EXIT_OK
    assert lake.ask(asked) == [(-60.0, "flight_plan"), (-80.0, "flight_plan")]


def test_pictures_whose_measured_poses_are_no_answer_are_not_told_to_have_the_plans(
    folder: DataFolder, down: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with own(folder):
        lake = Lake(folder)
        lake.seal(callback(), osd(-1, pitch_deg=-40.0), osd(1, pitch_deg=-50.0))
    assert tell(folder, down) == EXIT_FOUND_PROBLEMS
    assert json.loads(capsys.readouterr().out) == {"pictures": 1, "posed": 0, "is_stored": True}


def test_a_flight_without_an_id_is_named_as_the_list_names_it_and_an_unknown_one_is_an_error(
    folder: DataFolder, down: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topic, event = callback()
    del event["data"]["file"]["ext"]["flight_id"]
    unposed: dict[str, Any] = {f"XMP-drone-dji:Gimbal{angle}Degree": None for angle in ("Pitch", "Roll")}
    with own(folder):
        lake = Lake(folder)
        lake.seal((topic, event), exif(drone="PLANE", **unposed))
    (folder.root / "greensward.toml").write_text('[site]\nclock = "2026-07-03T00:00:00Z"\n', encoding="utf-8")
    assert run(["flights", "list", "--json", "-C", str(folder.root)]) == EXIT_OK
    names = [flight["flight_id"] for flight in json.loads(capsys.readouterr().out)]
    assert sorted(names) == ["2026-07-02", "PLANE/2026-07-02"]
    for name in names:
        assert tell(folder, down, name) == EXIT_OK
    assert lake.ask("select count(*) from drone_images where attitude_source = 'flight_plan'") == [(2,)]
    for name in ("PLANE/2026-07-03", "f", ""):
        assert tell(folder, down, name) == EXIT_USAGE
    assert "there is no flight" in capsys.readouterr().err


def test_a_file_that_is_larger_than_a_plan_is_not_read_to_its_end(
    folder: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell(folder, Path("/dev/zero")) == EXIT_USAGE
    assert "more than" in capsys.readouterr().err


def test_beside_ingest_the_plan_waits_in_the_inbox(folder: DataFolder, down: Path) -> None:
    with own(folder):
        lake = Lake(folder)
        lake.seal(callback())
        assert tell(folder, down) == EXIT_OK
        with Inbox(folder.inbox) as inbox:
            (waiting,) = inbox.oldest(1_000_000).messages
    assert (waiting.topic, json.loads(waiting.payload)["gateway_id"]) == ("greensward/v1/beichen/DOCK/plan", "DOCK")
