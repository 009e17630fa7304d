"""The rows that the seal writes: exactly the columns of the tables, and what stands in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from ingest.drone.coverage import coverage
from ingest.drone.footprint import compute_footprints
from ingest.drone.plots_index import PlotShapes
from ingest.drone.rows import azimuth_deg, drone_rows
from ingest.lake.tables import table
from ingest.observation import Detection, DroneImage, DronePose, IndexStat, Message
from ingest.site import BEICHEN
from tests.drone.pictures import WHEN, picture
from tests.drone.test_attribution import box, plots_of, square

RECEIVED = datetime(2026, 6, 15, 2, 31, tzinfo=UTC)
PLOTS = plots_of(west=square(-100, -100, 0, 100), east=square(0, -100, 20, 100), far=square(500, 0, 600, 100))


def rows_for(*images: DroneImage, poses: tuple[DronePose, ...] = (), plots: PlotShapes = PLOTS) -> dict[str, Any]:
    messages = [Message(7 + i, RECEIVED, "t", b"") for i in range(len(images))]
    return drone_rows(list(zip(images, messages, strict=True)), poses, plots, BEICHEN)


def full_picture() -> DroneImage:
    return picture(
        detections=(
            box(400, 1500, 40, 40),
            Detection(detection_id="2", class_name="mildew", confidence=0.7, whole_image=True),
        ),
        index_stats=(IndexStat(index_name="NDVI", scope="plot", plot_id="west", n_pixels=9, median=0.6),),
        vendor={"seq": 42},
    )


def test_every_row_has_the_columns_of_its_table_and_fits_them() -> None:
    found = rows_for(full_picture(), picture(image_id="P2", pitch_deg=None))
    assert set(found) == {"drone_images", "image_detections", "index_stats", "plot_coverage"}
    for name, rows in found.items():
        columns = {column.name for column in table(name).columns}
        assert rows
        for row in rows:
            assert set(row) <= columns
            assert {column.name for column in table(name).columns if column.required} <= set(row)
        written = pa.Table.from_pylist(rows, schema=table(name).schema)
        assert written.num_rows == len(rows)
        written.validate(full=True)


def test_a_picture_keeps_its_message_and_says_how_its_ground_was_found() -> None:
    row = rows_for(full_picture())["drone_images"][0]
    assert (row["message_seq"], row["received_at"], row["footprint_status"]) == (7, RECEIVED, "ok")
    assert (row["footprint_height_m"], row["is_analysed"], row["detection_count"]) == (60.0, True, 2)
    # Straight down without RTK: 2.2 m of position and 60 m x 1.2 degrees, 1.26 m, of pitch.
    assert (row["footprint_method"], row["footprint_sigma_m"]) == ("pinhole_flat_ground", pytest.approx(2.53, abs=0.01))
    assert len(row["footprint_corners"]) == 8
    assert json.loads(row["vendor_json"]) == {"seq": 42}
    assert json.loads(row["intrinsics_json"]) == {"focal_px": 3000.0}


def test_findings_carry_plot_probability_and_the_register_they_were_judged_by() -> None:
    rows = rows_for(full_picture())["image_detections"]
    assert [row["status"] for row in rows] == ["assigned", "probable"]
    assert (rows[0]["plot_id"], rows[0]["plot_register_version"]) == ("west", "v1")
    assert json.loads(rows[0]["shape_json"]) == {"bbox_px": [400, 1500, 40, 40]}
    assert rows[1]["sigma_radial_m"] is None
    assert json.loads(rows[1]["plot_candidates_json"]) == pytest.approx({"west": 0.5, "east": 0.25}, abs=1e-3)


def test_a_finding_without_ground_keeps_only_what_was_seen() -> None:
    row = rows_for(picture(pitch_deg=None, detections=(box(1, 1, 9, 9),)))["image_detections"][0]
    assert (row["status"], row["plot_id"], row["centre_lon"]) == ("unknown_pose", None, None)
    assert row["plot_candidates_json"] is None


def test_nothing_found_is_evidence_and_not_looked_at_is_none() -> None:
    found = rows_for(picture(detections=()), picture(image_id="P2"))
    assert [(row["is_analysed"], row["detection_count"]) for row in found["drone_images"]] == [(True, 0), (False, None)]
    assert {(row["image_id"], row["is_analysed"]) for row in found["plot_coverage"]} == {("P1", True), ("P2", False)}


def test_coverage_is_the_share_of_the_plot_not_of_the_picture() -> None:
    shares = {row["plot_id"]: row["covered_fraction"] for row in rows_for(picture())["plot_coverage"]}
    # The picture shows 80 m × 60 m; the west plot has 100 m × 200 m, the east one 20 m × 200 m.
    assert shares == pytest.approx({"west": 40 * 60 / 20_000, "east": 20 * 60 / 4_000}, rel=1e-3)


def test_a_plot_that_lies_wholly_in_the_picture_is_covered_to_one_and_a_neighbour_that_only_touches_is_not() -> None:
    plots = plots_of(inside=square(-5, -5, 5, 5), beside=square(40.001, -5, 60, 5))
    found = coverage(compute_footprints([picture()]), [WHEN], plots)
    assert (found.plot_id, found.covered_fraction.tolist()) == (["inside"], [1.0])


def test_a_plot_that_did_not_hold_then_was_not_flown() -> None:
    later = PlotShapes.from_register(["new"], [square(-5, -5, 5, 5)], [WHEN + timedelta(days=1)], [None], "v2")
    assert rows_for(picture(), plots=later)["plot_coverage"] == []


def test_a_pose_that_came_by_osd_gives_the_picture_its_ground() -> None:
    image = picture(pitch_deg=None, roll_deg=None)
    poses = tuple(
        DronePose(
            drone_id="D1",
            posed_at=WHEN + timedelta(seconds=s),
            source="osd",
            gimbal_pitch_deg=-90.0,
            gimbal_roll_deg=0.0,
        )
        for s in (-0.5, 1.5)
    )
    row = rows_for(image, poses=poses)["drone_images"][0]
    assert (row["footprint_status"], row["attitude_source"], row["attitude_age_s"]) == ("ok", "osd", 0.5)


def test_a_picture_outside_the_site_is_quarantined_whoever_decoded_it() -> None:
    row = rows_for(picture(lon=2.3522, lat=48.8566))["drone_images"][0]
    assert (row["footprint_status"], row["footprint_reason"]) == ("quarantined", "out_of_area")


def test_an_empty_register_leaves_findings_outside_and_covers_nothing() -> None:
    found = rows_for(full_picture(), plots=plots_of())
    assert {row["status"] for row in found["image_detections"]} == {"outside"}
    assert found["plot_coverage"] == []


def test_no_pictures_give_no_rows() -> None:
    assert rows_for() == {"drone_images": [], "image_detections": [], "index_stats": [], "plot_coverage": []}


@pytest.mark.parametrize(
    ("yaw_deg", "azimuth"), [(-91.4, 268.6), (360.0, 0.0), (-1e-12, 0.0), (359.9, 359.9), (-180.0, 180.0)]
)
def test_yaw_is_kept_as_an_azimuth(yaw_deg: float, azimuth: float) -> None:
    assert azimuth_deg(yaw_deg) == azimuth


def test_a_picture_without_ground_has_neither_method_nor_doubt_of_it() -> None:
    (row,) = rows_for(picture(pitch_deg=None))["drone_images"]
    assert (row["footprint_status"], row["footprint_method"], row["footprint_sigma_m"]) == ("unknown_pose", None, None)
    distorted = picture(intrinsics={"focal_px": 3000.0, "distortion": {"k1": -0.1}})
    assert rows_for(distorted)["drone_images"][0]["footprint_method"] == "brown_flat_ground"
