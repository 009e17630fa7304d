"""One picture told by several messages: what the lake holds of it afterwards, whatever came first."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from ingest.decode.native_exif import UNKNOWN_DRONE
from ingest.drone import pictures as drone_pictures
from ingest.errors import StoreError
from ingest.lake import durable
from ingest.lake.durable import ExchangeUnsupportedError
from ingest.lake.files import partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import comparing, open_lake
from ingest.lake.tables import table
from ingest.lake.write import to_arrow, write_rows
from ingest.observation import DroneImage, Message
from ingest.picture_names import same_file, same_file_sql
from ingest.registers.snapshot import PlotShape, RegisterSnapshot
from ingest.seal import pictures as pictures_module
from ingest.seal import sealer as sealer_module
from ingest.seal.housekeeping import keep_house
from ingest.seal.pace import Pace
from ingest.seal.replay import replay
from ingest.seal.sealer import Sealer
from ingest.seal.stored_poses import stored_poses
from ingest.site import BEICHEN
from tests.drone.test_attribution import square

NOON = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)
OLD = datetime(2020, 1, 1, tzinfo=UTC)
KEY = "dock/F1/DJI_1_W.jpeg"
PLOTS = RegisterSnapshot(
    {},
    frozenset(),
    (
        PlotShape("W", square(-100, -100, 0, 100), OLD, None, "1"),
        PlotShape("E", square(0, -100, 100, 100), OLD, None, "1"),
    ),
)
YAW_ONLY = {"yaw_deg": 0}
SICK = [{"class": "powdery_mildew", "confidence": 0.9, "bbox_px": [400, 1500, 40, 40]}]
NDVI = [{"index": "NDVI", "scope": "plot", "plot_id": "W", "n_pixels": 9000, "median": 0.1}]


class Lake:
    """A lake that takes messages one seal after another."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder, self.sealer, self.count = folder, Sealer(folder, BEICHEN, "test"), 0

    def message(self, told: tuple[str, dict[str, Any]]) -> Message:
        self.count += 1
        return Message(self.count, NOON + timedelta(minutes=10), told[0], json.dumps(told[1]).encode())

    def seal(self, *told: tuple[str, dict[str, Any]]) -> dict[str, int]:
        return dict(self.sealer.seal([self.message(one) for one in told], PLOTS).outcomes)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with open_lake(self.folder, BEICHEN) as lake:
            return lake.execute(query).fetchall()

    def pictures(self) -> list[tuple[Any, ...]]:
        return self.ask(
            "select picture_id, footprint_status, is_analysed, detection_count from drone_images order by 1"
        )

    def findings(self) -> list[tuple[Any, ...]]:
        return self.ask("select picture_id, status, plot_id from image_detections order by picture_id, detection_id")

    def covered(self) -> list[tuple[Any, ...]]:
        return self.ask("select picture_id, plot_id, is_analysed from plot_coverage order by 1, 2")

    def contents(self) -> list[Any]:
        """Return every row of the four tables, as an analyst's plain glob sees them."""
        found = []
        with duckdb.connect(":memory:") as db:
            for name in pictures_module.TABLES:
                files = f"{self.folder.lake}/{name}/*/*.parquet"
                if list(self.folder.lake.glob(f"{name}/*/*.parquet")):
                    found.append(sorted(db.execute(f"from read_parquet('{files}')").fetchall(), key=str))
        return found


@pytest.fixture
def lake(folder: DataFolder) -> Lake:
    return Lake(folder)


def native(image_id: str = "d/1", drone: str = "PLANE", at: datetime = NOON, **said: Any) -> tuple[str, dict[str, Any]]:
    body = {
        "schema": "greening.image_metadata/1",
        "image_id": image_id,
        "drone_id": drone,
        "flight_id": "f",
        "captured_at": at.isoformat(),
        "image": {"width_px": 4000, "height_px": 3000, "intrinsics": {"focal_px": 3000}},
        "position": {"lon": 117.1, "lat": 39.2, "height_takeoff_m": 40},
        "attitude": {"yaw_deg": 0, "pitch_deg": -90, "roll_deg": 0, "source": "exif_xmp"},
        "sensor": {"kind": "rgb"},
    }
    return f"greensward/v1/beichen/{drone}/image", body | said


def callback(key: str = KEY, dock: str = "DOCK", name: str | None = None) -> tuple[str, dict[str, Any]]:
    metadata = {
        "create_time": NOON.isoformat(),
        "gimbal_yaw_degree": 0,
        "relative_altitude": 40,
        "shoot_position": {"lat": 39.2, "lng": 117.1},
    }
    file = {"ext": {"flight_id": "f", "payload_model_key": "1-80-0"}, "metadata": metadata}
    file |= {"name": name} if name else {"object_key": key, "name": key.rpartition("/")[2]}
    sent_at = int((NOON + timedelta(minutes=5)).timestamp() * 1000)
    body = {"tid": "t", "bid": "b", "timestamp": sent_at, "method": "file_upload_callback", "data": {"file": file}}
    return f"thing/product/{dock}/events", body


def exif(
    name: str = "DJI_20260702120000_0001_W.JPG", drone: str = UNKNOWN_DRONE, **changed: Any
) -> tuple[str, dict[str, Any]]:
    tags = {
        "SourceFile": f"/mnt/card/{name}",
        "File:ImageWidth": 4000,
        "File:ImageHeight": 3000,
        "ExifIFD:DateTimeOriginal": "2026:07:02 12:00:00",
        "ExifIFD:FocalLengthIn35mmFormat": 24,
        "Composite:GPSLatitude": 39.2,
        "Composite:GPSLongitude": 117.1,
        "XMP-drone-dji:RelativeAltitude": "+40.00",
        "XMP-drone-dji:GimbalYawDegree": "+0.00",
        "XMP-drone-dji:GimbalPitchDegree": "-90.00",
        "XMP-drone-dji:GimbalRollDegree": "+0.00",
    }
    return f"greensward/v1/beichen/{drone}/exif", tags | changed


def osd(
    after_s: float, drone: str = "PLANE", dock: str = "DOCK", pitch_deg: float = -90.0
) -> tuple[str, dict[str, Any]]:
    gimbal = {"gimbal_pitch": pitch_deg, "gimbal_roll": 0, "gimbal_yaw": 0}
    sent_at = int((NOON + timedelta(seconds=after_s)).timestamp() * 1000)
    data = {"80-0-0": gimbal, "elevation": 40, "latitude": 39.2, "longitude": 117.1}
    return f"thing/product/{drone}/osd", {"tid": "t", "timestamp": sent_at, "gateway": dock, "data": data}


def test_two_drones_that_call_their_pictures_alike_have_two_pictures(lake: Lake) -> None:
    lake.seal(native("DJI_0001", "d1", detections=SICK, index_stats=NDVI))
    later = NOON + timedelta(minutes=7)
    told = native("DJI_0001", "d2", at=later, detections=SICK * 2, index_stats=NDVI)
    assert lake.seal(told) == {"stored": 1}
    assert lake.pictures() == [("d1/DJI_0001", "ok", True, 1), ("d2/DJI_0001", "ok", True, 2)]
    assert len(lake.findings()) == 3
    assert lake.ask("select drone_id, count(*) from plot_coverage group by 1 order by 1") == [("d1", 2), ("d2", 2)]
    assert lake.ask("select count(distinct picture_id) from index_stats") == [(2,)]


def test_two_docks_that_upload_a_file_of_the_same_name_have_two_pictures(lake: Lake) -> None:
    assert lake.seal(callback(dock="A", name="DJI_1.jpeg"), callback(dock="B", name="DJI_1.jpeg")) == {"stored": 2}
    assert [row[0] for row in lake.pictures()] == ["A/DJI_1.jpeg", "B/DJI_1.jpeg"]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("callback_first", [True, False])
@pytest.mark.parametrize(
    "named",
    [
        {"image_id": KEY},
        {"image_id": "PLANE/1", "object_uri": KEY},
        {"image_id": "PLANE/1", "object_uri": f"https://pictures.example/{KEY}", "gateway_id": "DOCK"},
    ],
)
def test_a_docks_callback_and_the_drones_message_are_one_picture_in_either_order(
    lake: Lake, named: dict[str, Any], *, callback_first: bool, together: bool
) -> None:
    both = [callback(), native(**{"detections": SICK, "index_stats": NDVI} | named)]
    both = both if callback_first else both[::-1]
    for seal in [both] if together else [[one] for one in both]:
        lake.seal(*seal)
    picture = f"PLANE/{named['image_id']}"
    assert lake.pictures() == [(picture, "ok", True, 1)]
    assert lake.findings() == [(picture, "assigned", "W")]
    assert lake.covered() == [(picture, "E", True), (picture, "W", True)]
    assert lake.ask("select drone_id, gateway_id, flight_id from drone_images") == [("PLANE", "DOCK", "f")]
    assert lake.ask("select picture_id, status from index_stats") == [(picture, "ok")]
    before = lake.contents()
    assert lake.seal(callback()) == {"duplicate": 1}
    assert lake.seal(both[callback_first]) == {"duplicate": 1}
    assert lake.contents() == before


@pytest.mark.parametrize(
    "told",
    [
        native("DJI_1.jpeg", "OTHER"),
        native("x", object_uri="elsewhere/DJI_1.jpeg"),
        native("DJI_1.jpeg", gateway_id="ANOTHER DOCK"),
    ],
)
def test_a_plain_file_name_makes_nobodys_picture_that_of_a_drone(lake: Lake, told: Any) -> None:
    lake.seal(callback(name="DJI_1.jpeg"))
    assert lake.seal(told) == {"stored": 1}
    assert len(lake.pictures()) == 2


def test_a_picture_of_another_dock_is_another_one_although_its_key_is_the_same(lake: Lake) -> None:
    lake.seal(callback())
    lake.seal(native(KEY, gateway_id="ANOTHER"))
    assert len(lake.pictures()) == 2


@pytest.mark.parametrize("together", [True, False])
def test_a_callback_gives_its_picture_to_one_drone_only(lake: Lake, *, together: bool) -> None:
    both = [callback(), native(KEY, "d1", detections=SICK), native(KEY, "d2", detections=SICK)]
    for seal in [both] if together else [[one] for one in both]:
        lake.seal(*seal)
    assert [row[0] for row in lake.pictures()] == [f"d1/{KEY}", f"d2/{KEY}"]
    assert lake.ask("select drone_id, gateway_id from drone_images order by 1") == [("d1", "DOCK"), ("d2", None)]


LATER = NOON + timedelta(hours=3)
TOLD_KEY = "dock/F1/DJI_20260702120000_0001_W.jpeg"
SERIAL = {"XMP-drone-dji:DroneSerialNumber": "PLANE"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_dock_exif_and_the_drone_that_tell_of_one_picture_make_one_row(lake: Lake, order: tuple[int, ...]) -> None:
    serial = SERIAL if order[0] < order[1] else {}
    told = [callback(TOLD_KEY), exif(**serial), native(TOLD_KEY, detections=SICK, index_stats=NDVI)]
    for i in order:
        lake.seal(told[i])
    assert lake.pictures() == [(f"PLANE/{TOLD_KEY}", "ok", True, 1)]
    assert lake.findings() == [(f"PLANE/{TOLD_KEY}", "assigned", "W")]
    assert lake.ask("select drone_id, gateway_id from drone_images") == [("PLANE", "DOCK")]
    before = lake.contents()
    assert lake.seal(*told) == {"duplicate": 3}
    assert lake.contents() == before


def test_exif_gives_a_docks_picture_the_pitch_that_the_dock_does_not_know(lake: Lake) -> None:
    lake.seal(callback(TOLD_KEY))
    assert lake.pictures()[0][1] == "unknown_pose"
    lake.seal(exif())
    assert lake.pictures() == [(f"DOCK/{TOLD_KEY}", "ok", False, None)]
    assert lake.ask("select attitude_source, gateway_id from drone_images") == [("exif_xmp", "DOCK")]


@pytest.mark.parametrize(
    ("changed", "is_one"),
    [
        ({}, True),
        ({"ExifIFD:DateTimeOriginal": "2026:07:02 12:01:00"}, True),
        ({"ExifIFD:DateTimeOriginal": "2026:07:02 12:01:01"}, False),
        ({"Composite:GPSLongitude": 117.1010}, True),
        ({"Composite:GPSLongitude": 117.1013}, False),
        ({"XMP-drone-dji:DroneSerialNumber": "OTHER"}, True),
    ],
)
def test_a_name_that_every_card_has_needs_the_same_time_and_place(
    lake: Lake, changed: dict[str, Any], *, is_one: bool
) -> None:
    lake.seal(callback("dock/F1/DJI_0001.JPG"))
    lake.seal(exif("DJI_0001.JPG", **changed))
    assert (len(lake.pictures()) == 1) is is_one


def test_exif_of_another_drone_is_another_picture(lake: Lake) -> None:
    lake.seal(native(TOLD_KEY))
    lake.seal(exif(**{"XMP-drone-dji:DroneSerialNumber": "OTHER"}))
    assert len(lake.pictures()) == 2


def test_two_cards_with_the_same_name_on_one_day_are_two_pictures_and_each_once(lake: Lake) -> None:
    both = [exif("DJI_0001.JPG"), exif("DJI_0001.JPG", **{"ExifIFD:DateTimeOriginal": "2026:07:02 15:00:00"})]
    lake.seal(*both)
    assert lake.seal(*both) == {"duplicate": 2}
    assert [row[0] for row in lake.pictures()] == [
        "/exif:2026-07-02T12:00:00/DJI_0001.JPG",
        "/exif:2026-07-02T15:00:00/DJI_0001.JPG",
    ]


def test_file_names_are_told_alike_in_sql_and_in_python() -> None:
    names = ["a/b/DJI_1.JPEG", "C:\\card\\DJI_1.JPG", "DJI_1.jpg", "x.jpeg.png", "", "F1/航点.JPEG", "a/"]
    with duckdb.connect(":memory:") as db:
        found = db.execute(f"select {same_file_sql('name')} from (select unnest(?) as name)", [names]).fetchall()
    assert [row[0] for row in found] == [same_file(name) for name in names]
    assert same_file(names[0]) == same_file(names[1]) == "dji_1.jpg"


def test_a_pose_that_comes_later_places_the_findings_and_the_coverage_together(lake: Lake) -> None:
    told = native(attitude=YAW_ONLY, gateway_id="DOCK", detections=SICK, index_stats=NDVI)
    lake.seal(told)
    assert lake.findings() == [("PLANE/d/1", "unknown_pose", None)]
    assert lake.covered() == []
    lake.sealer.seal([replace(lake.message(one), received_at=LATER) for one in (osd(-1), osd(1))], PLOTS)
    assert lake.pictures() == [("PLANE/d/1", "ok", True, 1)]
    # An evaluation as of an earlier instant must not know the ground yet.
    assert lake.ask("select count(*) from plot_coverage where received_at < " + f"timestamptz '{LATER}'") == [(0,)]
    assert lake.findings() == [("PLANE/d/1", "assigned", "W")]
    assert lake.covered() == [("PLANE/d/1", "E", True), ("PLANE/d/1", "W", True)]
    assert lake.ask("select attitude_source, attitude_age_s, message_seq from drone_images") == [("osd", 1.0, 1)]
    assert lake.ask("select status from index_stats") == [("ok",)]
    before = lake.contents()
    assert lake.seal(told) == {"duplicate": 1}
    assert lake.contents() == before


def test_a_callback_without_a_pose_gets_its_ground_from_the_camera_table_once_the_gimbal_was_still(lake: Lake) -> None:
    lake.seal(callback())
    assert lake.pictures() == [(f"DOCK/{KEY}", "unknown_pose", False, None)]
    lake.seal(osd(0.2))
    assert lake.pictures()[0][1] == "unknown_pose"
    lake.seal(osd(2.2))
    (row,) = lake.ask(
        "select footprint_status, camera_id, payload_index, attitude_age_s, image_width_px, footprint_area_m2"
        " from drone_images"
    )
    # 12.29 mm on 17.42 mm, 40 m up: 56.7 m x 42.5 m for the 5280 x 3956 of a Matrice 3D.
    focal = 12.29 / 17.42 * 5280
    assert row[:5] == ("ok", "m3d-wide", "80-0", 0.2, None)
    assert row[5] == pytest.approx(40 * 5280 / focal * 40 * 3956 / focal, rel=1e-6)
    assert lake.covered() == [(f"DOCK/{KEY}", "E", False), (f"DOCK/{KEY}", "W", False)]


def test_it_makes_no_difference_in_which_order_poses_and_picture_come(lake: Lake) -> None:
    """A gimbal that was still, then moved: the nearest pose counts only when its neighbours agree."""
    told = [callback(), osd(-4.0), osd(-2.0), osd(1.9, pitch_deg=-60.0), osd(6.0, pitch_deg=-60.0)]
    found = set()
    for order in ([0, 1, 2, 3, 4], [1, 2, 0, 3, 4], [4, 3, 2, 1, 0]):
        shutil.rmtree(lake.folder.lake, ignore_errors=True)
        for i in order:
            lake.seal(told[i])
        found |= set(lake.ask("select footprint_status, pitch_deg, attitude_source, attitude_age_s from drone_images"))
    assert len(found) == 1


def test_a_finding_among_trees_is_placed_at_the_height_that_the_register_gives_them(lake: Lake) -> None:
    # 45° down to the east from 40 m: the ground 40 m away, and 30 m away at a height of 10 m.
    trees = PlotShape("TREES", square(20, -30, 37, 30), OLD, None, "1", 10.0)
    register = RegisterSnapshot({}, frozenset(), (trees, PlotShape("LAWN", square(37, -30, 90, 30), OLD, None, "1")))
    pose = {"yaw_deg": 90, "pitch_deg": -45, "roll_deg": 0, "source": "exif_xmp"}
    found = [
        {"class": kind, "confidence": 0.9, "bbox_px": [1980, 1480, 40, 40]} for kind in ("powdery_mildew", "rubble")
    ]
    lake.sealer.seal([lake.message(native(attitude=pose, detections=found))], register)
    assert lake.ask("select class, plot_id, canopy_height_m from image_detections order by class") == [
        ("powdery_mildew", "TREES", 10.0),
        ("rubble", "LAWN", None),
    ]


def test_poses_far_from_a_picture_leave_it_alone(lake: Lake) -> None:
    lake.seal(callback())
    before = lake.contents()
    lake.seal(osd(3600), osd(3602))
    assert lake.contents() == before


def test_a_picture_with_a_pitch_of_its_own_keeps_it_whatever_is_pushed(lake: Lake) -> None:
    lake.seal(native(gateway_id="DOCK"))
    lake.seal(osd(-1, pitch_deg=-30), osd(1, pitch_deg=-30))
    assert lake.ask("select pitch_deg, attitude_source from drone_images") == [(-90.0, "exif_xmp")]


def test_a_lake_from_before_the_newest_columns_still_gets_its_poses(lake: Lake) -> None:
    lake.seal(callback())
    (path,) = partition_files(lake.folder, table("drone_images"), BEICHEN.local_date(NOON))
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["payload_index", "camera_id"]), path)
    lake.seal(osd(-1), osd(1))
    assert lake.ask("select pitch_deg, footprint_status from drone_images") == [(-90.0, "unknown_camera")]


@pytest.mark.parametrize("planned_first", [True, False])
def test_a_planned_pose_counts_only_until_a_measured_one_is_known(lake: Lake, *, planned_first: bool) -> None:
    planned = native(attitude={"yaw_deg": 0, "pitch_deg": -90, "roll_deg": 0, "source": "flight_plan"})
    # What was measured shows less ground than was planned: it counts all the same.
    measured = native(attitude={"yaw_deg": 0, "pitch_deg": -2, "roll_deg": 0, "source": "exif_xmp"})
    for message in (planned, measured) if planned_first else (measured, planned):
        lake.seal(message)
    assert lake.ask("select pitch_deg, attitude_source from drone_images") == [(-2.0, "exif_xmp")]


def test_a_planned_pose_gives_a_docks_picture_ground_and_says_so(lake: Lake) -> None:
    lake.seal(native(attitude={"yaw_deg": 0, "pitch_deg": -90, "roll_deg": 0, "source": "flight_plan"}))
    assert lake.ask("select footprint_status, attitude_source from drone_images") == [("ok", "flight_plan")]


def test_a_planned_pose_that_came_first_waits_for_its_picture_and_goes_when_the_gimbal_is_seen_to_move(
    lake: Lake,
) -> None:
    poses = [{"posed_at": NOON.isoformat(), "pitch_deg": -90}]
    lake.seal(("greensward/v1/beichen/DOCK/plan", {"gateway_id": "DOCK", "poses": poses}))
    lake.seal(callback())
    asked = "select footprint_status, pitch_deg, attitude_source, attitude_age_s from drone_images"
    assert lake.ask(asked) == [("ok", -90.0, "flight_plan", 0.0)]
    lake.seal(osd(-1, pitch_deg=-80.0), osd(1, pitch_deg=-60.0))
    assert lake.ask(asked) == [("unknown_pose", None, None, None)]


OWN_PLAN = native(attitude={"yaw_deg": 0, "pitch_deg": -80, "roll_deg": 0, "source": "flight_plan"}, gateway_id="DOCK")


@pytest.mark.parametrize("pitches", [(-60.0, -60.0), (-60.0, -40.0)], ids=["a still gimbal", "a moving one"])
@pytest.mark.parametrize("order", ["picture, poses", "poses, picture", "poses, picture, picture", "one pose each"])
def test_the_plan_of_a_pictures_own_message_yields_to_poses_whichever_came_first(
    lake: Lake, order: str, pitches: tuple[float, float]
) -> None:
    before, after = osd(-1, pitch_deg=pitches[0]), osd(1, pitch_deg=pitches[1])
    for told in {
        "picture, poses": [[OWN_PLAN], [before, after]],
        "poses, picture": [[before, after], [OWN_PLAN]],
        "poses, picture, picture": [[before, after], [OWN_PLAN], [OWN_PLAN]],
        "one pose each": [[before], [OWN_PLAN], [after]],
    }[order]:
        lake.seal(*told)
    expected = ("ok", -60.0, "osd") if pitches[0] == pitches[1] else ("unknown_pose", None, None)
    assert lake.ask("select footprint_status, pitch_deg, attitude_source from drone_images") == [expected]


def test_the_plan_told_last_stays_whatever_comes_after_it(lake: Lake) -> None:
    """Two plans before the picture, or the second after it; then poses that say nothing of that instant."""
    poses = [{"posed_at": NOON.isoformat(), "pitch_deg": pitch} for pitch in (-90, -45, -60)]
    plans = [
        ("greensward/v1/beichen/DOCK/plan",
         {"gateway_id": "DOCK", "planned_at": f"2026-07-02T04:0{number}:00Z", "poses": [pose]})
        for number, pose in enumerate(poses)
    ]  # fmt: skip
    asked = "select pitch_deg, attitude_source from drone_images"
    lake.seal(plans[0])
    lake.seal(plans[1])
    lake.seal(callback())
    assert lake.ask(asked) == [(-45.0, "flight_plan")]
    for told in (osd(5), plans[2], osd(-5), plans[1]):
        lake.seal(told)
    assert lake.ask(asked) == [(-60.0, "flight_plan")]


def test_a_day_begun_before_an_update_brought_a_column_takes_poses_on_and_is_merged(lake: Lake) -> None:
    """Its files lack planned_at, by which poses are told apart since."""
    lake.seal(osd(-1), osd(1))
    (path,) = partition_files(lake.folder, table("drone_poses"), BEICHEN.local_date(NOON))
    old = pq.read_table(path).drop_columns(["planned_at"])
    path.unlink()
    write_rows(lake.folder, table("drone_poses"), BEICHEN.local_date(NOON), old, "part-1-2")
    again = lake.seal(osd(-1), osd(3))
    assert lake.ask("select count(*), count(planned_at) from drone_poses") == [(3, 0)]
    assert again["duplicate"] == 1
    plan = {
        "gateway_id": "DOCK",
        "planned_at": "2026-07-02T04:10:00Z",
        "poses": [{"posed_at": NOON.isoformat(), "pitch_deg": -90}],
    }
    lake.seal(("greensward/v1/beichen/DOCK/plan", plan))
    assert lake.ask("select count(*), count(planned_at) from drone_poses") == [(4, 1)]
    keep_house(lake.folder, BEICHEN, NOON + timedelta(days=9), Pace(compact_files=1, raw_days=30))
    assert lake.ask("select count(*), count(planned_at) from drone_poses") == [(4, 1)]


def test_findings_that_came_without_a_pose_are_placed_by_a_message_without_findings(lake: Lake) -> None:
    lake.seal(native(attitude=YAW_ONLY, detections=SICK))
    lake.seal(native())
    assert lake.pictures() == [("PLANE/d/1", "ok", True, 1)]
    assert lake.findings() == [("PLANE/d/1", "assigned", "W")]
    assert lake.ask("select message_seq from image_detections") == [(1,)]


def test_a_corrected_place_takes_the_picture_out_of_quarantine_with_all_its_rows(lake: Lake) -> None:
    wrong = {"lon": 0, "lat": 0, "height_takeoff_m": 40}
    lake.seal(native(position=wrong, detections=SICK, index_stats=NDVI))
    assert lake.ask("select status from index_stats") == [("quarantined",)]
    lake.seal(native(detections=SICK, index_stats=NDVI))
    assert lake.pictures() == [("PLANE/d/1", "ok", True, 1)]
    assert lake.findings() == [("PLANE/d/1", "assigned", "W")]
    assert lake.ask("select status from index_stats") == [("ok",)]


def test_a_worse_message_changes_nothing(lake: Lake) -> None:
    lake.seal(native(detections=SICK))
    before = lake.contents()
    wrong = {"lon": 0, "lat": 0, "height_takeoff_m": 40}
    assert lake.seal(native(attitude=YAW_ONLY), native(position=wrong), native(is_original=False)) == {"duplicate": 3}
    assert lake.contents() == before


WITHOUT_PITCH = native(attitude=YAW_ONLY, gateway_id="DOCK", detections=SICK)


@pytest.mark.parametrize("seals", [[[osd(-1), osd(1), WITHOUT_PITCH]], [[osd(-1), osd(1)], [WITHOUT_PITCH]]])
def test_poses_count_whether_they_come_with_the_picture_or_before_it(lake: Lake, seals: list[list[Any]]) -> None:
    for seal in seals:
        lake.seal(*seal)
    assert lake.ask("select footprint_status, attitude_age_s from drone_images") == [("ok", 1.0)]


def test_one_pose_that_came_twice_is_no_proof_of_a_still_gimbal_in_the_seal_either(lake: Lake) -> None:
    lake.seal(osd(-1))
    lake.seal(osd(-1), WITHOUT_PITCH)
    assert lake.pictures()[0][1] == "unknown_pose"


def test_a_gimbal_that_moved_seconds_before_is_seen_in_the_stored_poses(lake: Lake) -> None:
    lake.seal(osd(-6.5, pitch_deg=-30.0), osd(-2), osd(8, pitch_deg=-30.0))
    lake.seal(WITHOUT_PITCH)
    assert lake.pictures()[0][1] == "unknown_pose"


def test_a_picture_just_after_midnight_finds_the_pose_of_the_day_before(lake: Lake) -> None:
    midnight = datetime(2026, 7, 2, 16, 0, tzinfo=UTC)
    hours = (midnight - NOON).total_seconds()
    late = [osd(hours - 1.5), osd(hours - 0.5)]
    batch = [Message(n, midnight, topic, json.dumps(body).encode()) for n, (topic, body) in enumerate(late, start=1)]
    lake.sealer.seal(batch, PLOTS)
    told = native(at=midnight + timedelta(seconds=0.5), attitude=YAW_ONLY, gateway_id="DOCK")
    lake.sealer.seal([Message(9, midnight + timedelta(minutes=1), told[0], json.dumps(told[1]).encode())], PLOTS)
    assert lake.ask("select footprint_status, attitude_age_s from drone_images") == [("ok", 1.0)]


def test_of_a_day_full_of_poses_only_those_around_the_picture_are_read(lake: Lake) -> None:
    spec = table("drone_poses")
    start = NOON - timedelta(hours=3)
    rows = [
        {
            "drone_id": "DOCK",
            "gateway_id": "DOCK",
            "posed_at": start + timedelta(seconds=0.5 * n),
            "received_at": NOON,
            "source": source,
            "gimbal_yaw_deg": 0.0,
            "gimbal_pitch_deg": -90.0,
            "gimbal_roll_deg": 0.0,
            "message_seq": n,
        }
        for n in range(40_000)
        for source in ("osd", "drc_osd")
    ]
    write_rows(lake.folder, spec, BEICHEN.local_date(NOON), to_arrow(spec, rows), "part-0-1")
    with comparing() as db:
        found, damaged = stored_poses(db, lake.folder, BEICHEN, [NOON, NOON, NOON + timedelta(hours=1)])
        assert stored_poses(db, lake.folder, BEICHEN, []) == ([], [])
    assert damaged == []
    assert len(found) == 2 * (2 * 2 * 8 + 1) + 2 * (2 * 3 + 1)


def test_a_damaged_file_of_poses_is_set_aside_and_the_picture_is_kept_without(lake: Lake) -> None:
    lake.seal(osd(-1), osd(1))
    (path,) = partition_files(lake.folder, table("drone_poses"), BEICHEN.local_date(NOON))
    path.write_bytes(b"PAR1" + b"\0" * 50)
    sealed = lake.sealer.seal([lake.message(WITHOUT_PITCH)], PLOTS)
    assert len(sealed.damaged) == 1
    assert lake.pictures()[0][1] == "unknown_pose"


def test_a_second_recognition_of_a_picture_does_not_mix_with_the_first(lake: Lake) -> None:
    lake.seal(native(detections=SICK))
    assert lake.seal(native(detections=SICK * 3)) == {"duplicate": 1}
    assert len(lake.findings()) == 1


def test_nothing_found_that_comes_after_the_picture_counts(lake: Lake) -> None:
    lake.seal(native())
    assert lake.pictures() == [("PLANE/d/1", "ok", False, None)]
    assert lake.seal(native(detections=[])) == {"stored": 1}
    assert lake.pictures() == [("PLANE/d/1", "ok", True, 0)]
    assert [row[2] for row in lake.covered()] == [True, True]


def test_a_picture_in_parts_is_analysed_once_all_of_them_came(lake: Lake) -> None:
    counts = []
    for index, found in ((2, SICK), (0, []), (0, []), (1, SICK)):
        lake.seal(native(part={"index": index, "of": 3}, detections=found))
        counts += [(*lake.pictures()[0][2:], lake.covered()[0][2])]
    assert counts == [(False, 1, False), (False, 1, False), (False, 1, False), (True, 2, True)]
    assert len(lake.findings()) == 2


def test_parts_without_a_count_prove_nothing_but_a_first_message_without_part_does(lake: Lake) -> None:
    lake.seal(native(part=1, detections=[]))
    assert lake.pictures()[0][2:] == (False, 0)
    lake.seal(native(detections=SICK))
    assert lake.pictures()[0][2:] == (True, 1)


def test_a_refused_finding_leaves_the_picture_without_proof_until_it_comes_whole(lake: Lake) -> None:
    wrong = SICK[0] | {"confidence": 87}
    lake.seal(native(detections=[*SICK, wrong]))
    assert lake.pictures() == [("PLANE/d/1", "ok", False, 1)]
    assert lake.ask("select findings_refused from drone_images") == [(1,)]
    assert [row[2] for row in lake.covered()] == [False, False]
    lake.seal(native(detections=SICK * 2))
    assert lake.pictures() == [("PLANE/d/1", "ok", True, 2)]
    assert lake.ask("select findings_refused, count(*) from drone_images group by 1") == [(0, 1)]


def test_a_picture_whose_time_is_corrected_by_hours_moves_to_its_day(lake: Lake) -> None:
    near_midnight = datetime(2026, 7, 2, 15, 30, tzinfo=UTC)
    lake.seal(native(at=near_midnight - timedelta(hours=4), attitude=YAW_ONLY, detections=SICK))
    lake.seal(native(at=near_midnight + timedelta(hours=4), detections=SICK))
    for name in ("drone_images", "image_detections"):
        days = [path.parent.name for path in lake.folder.lake.glob(f"{name}/*/*.parquet")]
        rows = lake.ask(f"select count(*), min(date) from {name}")
        assert rows[0][0] == 1, (name, days)


@pytest.mark.parametrize("broken", pictures_module.TABLES)
def test_an_interruption_anywhere_leaves_nothing_that_doing_it_again_does_not_mend(
    lake: Lake, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = native(attitude=YAW_ONLY, gateway_id="DOCK", detections=SICK, index_stats=NDVI)
    for seals in ([told], [callback(), native(KEY, detections=SICK)], [osd(-1), osd(1), told]):
        batch = [lake.message(one) for one in seals]
        for call in ("write_rows", "replace_partition"):
            with monkeypatch.context() as patch:
                real = getattr(pictures_module, call)

                def fail(folder: DataFolder, spec: Any, *rest: Any, real: Any = real, **more: Any) -> Any:
                    if spec.name == broken:
                        raise StoreError("no space left on device")
                    return real(folder, spec, *rest, **more)

                patch.setattr(pictures_module, call, fail)
                try:
                    lake.sealer.seal(batch, PLOTS)
                except StoreError:
                    continue
        lake.sealer.store(batch, PLOTS)
    again = lake.contents()
    undisturbed = {(row[0], row[1]) for row in lake.pictures()}
    assert undisturbed == {("PLANE/d/1", "ok"), (f"PLANE/{KEY}", "ok")}
    assert {row[1] for row in lake.findings()} == {"assigned"}
    assert len(lake.findings()) == 2
    lake.sealer.store(batch, PLOTS)
    assert lake.contents() == again


def test_messages_sealed_again_after_an_interruption_count_as_stored(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.seal(native(attitude=YAW_ONLY, detections=SICK))
    batch = [lake.message(native(detections=SICK))]
    with monkeypatch.context() as patch:
        patch.setattr(sealer_module, "write_rows", no_space)
        with pytest.raises(StoreError):
            lake.sealer.seal(batch, PLOTS)
    assert dict(lake.sealer.seal(batch, PLOTS).outcomes) == {"stored": 1}


def no_space(*_: Any) -> None:
    raise StoreError("no space left on device")


def test_rows_that_were_lost_to_damage_come_back_by_replay(lake: Lake) -> None:
    lake.seal(native(detections=SICK * 2), native("d/2", detections=SICK))
    before = lake.contents()
    (path,) = partition_files(lake.folder, table("image_detections"), BEICHEN.local_date(NOON))
    path.write_bytes(b"PAR1" + b"\0" * 50)
    lake.seal(native(attitude=YAW_ONLY, image_id="d/3", detections=SICK))
    assert [row[0] for row in lake.findings()] == ["PLANE/d/3"]
    replay(lake.folder, lake.sealer, PLOTS, NOON + timedelta(hours=1))
    rows = lake.ask("select picture_id, count(*) from image_detections group by 1 order by 1")
    assert rows == [("PLANE/d/1", 2), ("PLANE/d/2", 1), ("PLANE/d/3", 1)]
    assert len(before[0]) == 3


def test_pictures_are_told_apart_and_replaced_also_after_their_day_was_merged(lake: Lake) -> None:
    for n in range(3):
        lake.seal(native(f"d/{n}", attitude=YAW_ONLY, detections=SICK))
    keep_house(lake.folder, BEICHEN, NOON + timedelta(days=9), Pace(compact_files=1, raw_days=30))
    lake.seal(native("d/1", detections=SICK))
    assert [row[1] for row in lake.pictures()] == ["unknown_pose", "ok", "unknown_pose"]
    assert [row[1] for row in lake.findings()] == ["unknown_pose", "assigned", "unknown_pose"]


def test_where_folders_cannot_be_swapped_a_known_picture_stays_as_it_is_in_every_table(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: Any) -> None:
        raise ExchangeUnsupportedError("no")

    monkeypatch.setattr(durable, "_exchange", unsupported)
    durable.can_exchange.cache_clear()
    try:
        lake.seal(native(attitude=YAW_ONLY, detections=SICK))
        before = lake.contents()
        assert lake.seal(native(detections=SICK), native("d/2", detections=[])) == {"duplicate": 1, "stored": 1}
        assert lake.findings() == [("PLANE/d/1", "unknown_pose", None)]
        assert {row[0] for row in lake.covered()} == {"PLANE/d/2"}
        assert len(before[0]) == 1
    finally:
        durable.can_exchange.cache_clear()


def test_a_picture_that_is_told_again_and_again_costs_as_often_and_not_the_square(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0
    is_same = drone_pictures.is_same

    def counted(one: DroneImage, other: DroneImage) -> bool:
        nonlocal compared
        compared += 1
        return is_same(one, other)

    monkeypatch.setattr(drone_pictures, "is_same", counted)
    times = 60
    assert lake.seal(*[native(detections=SICK)] * times) == {"stored": 1, "duplicate": times - 1}
    assert compared <= 3 * times
